import type { Raster } from "./job.js";

/** A picture as it lies in the memory of the decoder. */
export interface DecodedPicture {
  readonly data: Uint8Array;
  /** From one row to the next, in bytes. */
  readonly stride: number;
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
  /** Whether the colours are multiplied by the alpha. */
  readonly premultiplied: boolean;
}

/**
 * Copies a picture, smaller by a whole number: the longest side is at least `maxSide` and less than twice that, or as it was.
 * What is left to be done to it is then cheap. Each pixel is the mean of those that it stands for, by their alpha.
 *
 * Runs in a worker: uses nothing from outside of itself.
 */
export function reduce(picture: DecodedPicture, maxSide: number): Raster {
  const { data, stride, channels, premultiplied } = picture;
  const factor = Math.max(1, Math.floor(Math.max(picture.width, picture.height) / maxSide));
  const width = Math.ceil(picture.width / factor);
  const height = Math.ceil(picture.height / factor);
  const pixels = new Uint8Array(width * height * channels);
  if (factor === 1 && !premultiplied) {
    const row = width * channels;
    for (let y = 0; y < height; y++) pixels.set(data.subarray(y * stride, y * stride + row), y * row);
    return { pixels, width, height, channels };
  }
  const sums = new Float64Array(width * 4);
  const counts = new Uint32Array(width);
  for (let y = 0, to = 0; y < height; y++) {
    sums.fill(0);
    counts.fill(0);
    const last = Math.min((y + 1) * factor, picture.height);
    for (let from = y * factor; from < last; from++) {
      let at = from * stride;
      for (let x = 0, left = factor, sum = 0; x < picture.width; x++, at += channels) {
        const alpha = channels === 4 ? (data[at + 3] ?? 0) : 1;
        const weight = premultiplied ? 1 : alpha;
        sums[sum] = (sums[sum] ?? 0) + (data[at] ?? 0) * weight;
        sums[sum + 1] = (sums[sum + 1] ?? 0) + (data[at + 1] ?? 0) * weight;
        sums[sum + 2] = (sums[sum + 2] ?? 0) + (data[at + 2] ?? 0) * weight;
        sums[sum + 3] = (sums[sum + 3] ?? 0) + alpha;
        counts[sum >> 2] = (counts[sum >> 2] ?? 0) + 1;
        if (--left === 0) {
          left = factor;
          sum += 4;
        }
      }
    }
    for (let x = 0; x < width; x++, to += channels) {
      const alpha = sums[x * 4 + 3] ?? 0;
      const scale = alpha === 0 ? 0 : premultiplied ? 255 / alpha : 1 / alpha;
      for (let channel = 0; channel < 3; channel++)
        pixels[to + channel] = Math.min(255, Math.round((sums[x * 4 + channel] ?? 0) * scale));
      if (channels === 4) pixels[to + 3] = Math.round(alpha / (counts[x] ?? 1));
    }
  }
  return { pixels, width, height, channels };
}
