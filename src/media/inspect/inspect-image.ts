import { type ByteSource, ofBytes, withByteSource } from "../headers/byte-source.js";
import { PIXEL_LIMITS } from "../pixel-limits.js";
import { inspectGif } from "./gif.js";
import { inspectHeif } from "./heif.js";
import type { Inspection } from "./inspection.js";
import { inspectJpeg } from "./jpeg.js";
import { inspectPng } from "./png.js";
import { inspectTiff } from "./tiff.js";

/**
 * Reads the header of an image for what the decoder overlooks: kinds that it shows wrongly, colours that it does not convert,
 * what decoding will take.
 *
 * Errors of the file system are thrown as they are.
 *
 * @throws UploadError `UNSUPPORTED_MEDIA` for a whole image that would not be shown rightly, `INVALID_MEDIA` for one whose header
 *   cannot be read
 */
export async function inspectImage(input: string | Uint8Array, mimeType: string): Promise<Inspection> {
  const inspect = inspectorOf(mimeType);
  return typeof inspect === "object" ? inspect : withByteSource(input, (source) => inspect(source, mimeType));
}

/**
 * The same by the first bytes of a file of `size` bytes; `undefined` where they do not tell, or tell that it is refused: whoever
 * decodes it inspects it as a whole then.
 */
export async function inspectHead(head: Uint8Array, size: number, mimeType: string): Promise<Inspection | undefined> {
  const inspect = inspectorOf(mimeType);
  if (typeof inspect === "object") return inspect;
  return inspect(ofBytes(head, size), mimeType).catch(() => undefined);
}

const inspectorOf = (mimeType: string): Inspector =>
  INSPECTORS[mimeType] ?? { coding: mimeType, limitPixels: PIXEL_LIMITS.other };

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
  "image/gif": inspectGif,
};
