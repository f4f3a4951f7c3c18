import { type ByteSource, type FileHead, withByteSource } from "../headers/byte-source.js";
import { PIXEL_LIMITS } from "../pixel-limits.js";
import { inspectHeif } from "./heif.js";
import type { Inspection } from "./inspection.js";
import { inspectJpeg } from "./jpeg.js";
import { inspectPng } from "./png.js";
import { inspectTiff } from "./tiff.js";

/**
 * Reads the header of an image for what the decoder overlooks: kinds that it shows wrongly, colours that it does not convert,
 * what decoding will take. A header that cannot be understood is left to the decoder to judge.
 *
 * Errors of the file system are thrown as they are.
 *
 * @param head of a file, where it was read before
 * @throws UploadError `UNSUPPORTED_MEDIA` for a whole image that would not be shown rightly
 */
export async function inspectImage(
  input: string | Uint8Array,
  mimeType: string,
  head?: FileHead | undefined,
): Promise<Inspection> {
  const inspect = INSPECTORS[mimeType];
  if (inspect === undefined) return { coding: mimeType, limitPixels: PIXEL_LIMITS.other };
  return typeof inspect === "object" ? inspect : withByteSource(input, head, (source) => inspect(source, mimeType));
}

type Inspector = Inspection | ((source: ByteSource, mimeType: string) => Promise<Inspection>);

const INSPECTORS: Readonly<Record<string, Inspector>> = {
  "image/jpeg": inspectJpeg,
  "image/png": inspectPng,
  "image/apng": inspectPng,
  "image/tiff": inspectTiff,
  "image/avif": inspectHeif,
  "image/heic": inspectHeif,
  "image/heif": inspectHeif,
  "image/webp": { coding: "WebP", limitPixels: PIXEL_LIMITS.webp, mayHaveFrames: true },
  "image/gif": { coding: "GIF", limitPixels: PIXEL_LIMITS.gif, mayHaveFrames: true },
};
