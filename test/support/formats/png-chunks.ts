import { crc32 } from "../../../src/testing/fixtures/crc32.js";

/** A PNG with further chunks: before its pixels, or behind them. */
export function withPngChunks(png: Buffer, chunks: readonly Buffer[], where: "before" | "behind" = "before"): Buffer {
  const at = where === "before" ? png.indexOf("IDAT") - 4 : png.lastIndexOf("IEND") - 4;
  return Buffer.concat([png.subarray(0, at), ...chunks, png.subarray(at)]);
}

export function pngChunk(type: string, content: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(content.length);
  head.write(type, 4, "latin1");
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(Buffer.concat([head.subarray(4), content])));
  return Buffer.concat([head, content, checksum]);
}

/** What a camera writes of how it was held, and nothing else. */
export function exifOrientation(orientation: number): Buffer {
  const exif = Buffer.from("4d4d002a00000008000101120003000000010000000000000000", "hex");
  exif.writeUInt16BE(orientation, 18);
  return exif;
}

export const gamma = (value: number): Buffer => pngChunk("gAMA", numbers([value]));
export const chromaticities = (values: readonly number[]): Buffer => pngChunk("cHRM", numbers(values));
export const cicp = (primaries: number, transfer: number, fullRange = 1): Buffer =>
  pngChunk("cICP", Buffer.from([primaries, transfer, 0, fullRange]));

function numbers(values: readonly number[]): Buffer {
  const content = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => void content.writeUInt32BE(Math.round(value * 100_000), 4 * index));
  return content;
}
