import type { Raster } from "./job.js";

/**
 * A PNG with its colour profile, by which sharp converts it to sRGB. It is not compressed: it lives for one moment.
 *
 * Runs in a worker: uses nothing from outside of itself.
 *
 * @param deflate of node:zlib
 */
export function encodePng(
  { pixels, width, height, channels }: Raster,
  profile: Uint8Array,
  deflate: typeof import("node:zlib").deflateSync,
): Uint8Array<ArrayBuffer> {
  const table = Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    return value;
  });
  const row = width * channels;
  const rows = new Uint8Array((row + 1) * height); // each has a byte in front, for its filter: 0 is none
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * row, (y + 1) * row), y * (row + 1) + 1);
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, channels === 4 ? 6 : 2], 8);
  const chunks: readonly [string, Uint8Array, Uint8Array?][] = [
    ["IHDR", header],
    ["iCCP", Uint8Array.of(0x69, 0x63, 0x63, 0, 0), deflate(profile)], // its name, "icc", and the only method
    ["IDAT", deflate(rows, { level: 0 })],
    ["IEND", new Uint8Array(0)],
  ];
  const lengthOf = (data: Uint8Array, more?: Uint8Array) => data.length + (more?.length ?? 0);
  const png = new Uint8Array(8 + chunks.reduce((sum, [, data, more]) => sum + 12 + lengthOf(data, more), 0));
  const out = new DataView(png.buffer);
  png.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  let at = 8;
  for (const [name, data, more] of chunks) {
    const length = lengthOf(data, more);
    out.setUint32(at, length);
    for (let index = 0; index < 4; index++) png[at + 4 + index] = name.charCodeAt(index);
    png.set(data, at + 8);
    if (more !== undefined) png.set(more, at + 8 + data.length);
    let sum = 0xffffffff;
    for (let index = at + 4; index < at + 8 + length; index++)
      sum = (table[(sum ^ (png[index] ?? 0)) & 255] ?? 0) ^ (sum >>> 8);
    out.setUint32(at + 8 + length, ~sum);
    at += 12 + length;
  }
  return png;
}
