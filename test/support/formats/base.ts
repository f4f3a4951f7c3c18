import { readFileSync } from "node:fs";
import sharp from "sharp";

/** A file of test/media. */
export function inputFile(name: string): Buffer {
  return readFileSync(new URL(`../../media/${name}`, import.meta.url));
}

export const WIDTH = 320;
export const HEIGHT = 213;
const PIXELS = WIDTH * HEIGHT;

/** The photograph that all kinds are made of: red, green and blue, a byte each. */
export const rgb: Buffer = await sharp(inputFile("base.png")).removeAlpha().raw().toBuffer();
export const grey: Buffer = Buffer.from(
  Array.from({ length: PIXELS }, (_, index) => {
    const [red = 0, green = 0, blue = 0] = rgb.subarray(3 * index);
    return Math.round(0.299 * red + 0.587 * green + 0.114 * blue);
  }),
);

/** Alpha from left to right: nothing, then ever more. */
export const alphaAt = (index: number): number => (index % WIDTH) / (WIDTH - 1);

/** Samples of some bytes each, for each pixel as many as `of` gives. */
export function samples(
  of: (index: number) => readonly number[],
  write: (bytes: Buffer, value: number, at: number) => unknown = (bytes, value, at) => bytes.writeUInt8(value, at),
  size = 1,
): Buffer {
  const each = of(0).length;
  const bytes = Buffer.alloc(PIXELS * each * size);
  for (let index = 0; index < PIXELS; index++)
    of(index).forEach((value, sample) => void write(bytes, value, (index * each + sample) * size));
  return bytes;
}

export const colourAt = (index: number): readonly [number, number, number] => {
  const [red = 0, green = 0, blue = 0] = rgb.subarray(3 * index, 3 * index + 3);
  return [red, green, blue];
};
export const greyAt = (index: number): number => grey[index] ?? 0;

/** Grey of few bits a pixel, row by row. */
export function packedGrey(bits: number): Buffer {
  const row = Math.ceil((WIDTH * bits) / 8);
  const bytes = Buffer.alloc(row * HEIGHT);
  for (let index = 0; index < PIXELS; index++) {
    const value = Math.round((greyAt(index) / 255) * (2 ** bits - 1));
    const start = Math.floor(index / WIDTH) * row * 8 + (index % WIDTH) * bits;
    for (let bit = 0; bit < bits; bit++) {
      if (((value >> (bits - 1 - bit)) & 1) === 0) continue;
      const at = start + bit;
      bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (128 >> (at & 7));
    }
  }
  return bytes;
}
