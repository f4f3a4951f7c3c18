import { readFile } from "node:fs/promises";
import { UploadError } from "../errors.js";
import { decodeError, readError } from "./decode-error.js";
import { afterDecoding, beforeDecoding } from "./decoder-memory.js";
import { loadSharp, type Sharp } from "./sharp.js";

/** An image to decode. */
export interface ImageSource {
  /** A path, or the whole content. */
  readonly input: string | Uint8Array;
  /** Sniffed from the content. */
  readonly mimeType: string;
}

/** What is let into the decoder. */
export interface DecodeLimits {
  /** The most pixels that an image may have. */
  readonly limitInputPixels: number;
}

/**
 * Opens an image for `work`: its first frame, and no more than the limits let in.
 *
 * @throws UploadError `INVALID_MEDIA` damaged, `MEDIA_TOO_LARGE` too many pixels, `UNSUPPORTED_MEDIA` no decoder,
 *   `MISSING_ORIGINAL` a path where nothing is, `STORAGE_FAILED` what cannot be read just now
 * @throws ConfigurationError when sharp cannot be loaded
 */
export async function decodeImage<T>(
  source: ImageSource,
  limits: DecodeLimits,
  work: (image: Sharp) => Promise<T>,
): Promise<T> {
  const sharp = await loadSharp();
  const { limitInputPixels } = limits;
  beforeDecoding();
  try {
    const image = sharp(await inputOf(source), { failOn: "error", limitInputPixels, pages: 1 });
    if (!LIMITS_ITS_SIDES.has(source.mimeType)) refuseLongSides(await image.metadata());
    return await work(image);
  } catch (error) {
    if (UploadError.isInstance(error)) throw error;
    throw (await readError(error, source.input, sharp)) ?? decodeError(error, source.mimeType, limitInputPixels);
  } finally {
    await afterDecoding(sharp);
  }
}

/**
 * In pixels; what libpng lets in by default. The decoder takes its time for every row, however short it is: a PNG of
 * 180 kB with 90 million rows of one pixel took 16 s.
 */
const LONGEST_SIDE = 1_000_000;
/**
 * A side of these is 65,535 pixels at most, so their header is not read twice: that is 4 % of the time for a small
 * photo.
 */
const LIMITS_ITS_SIDES: ReadonlySet<string> = new Set(["image/jpeg", "image/webp", "image/gif"]);

function refuseLongSides({ width, height }: { readonly width: number; readonly height: number }): void {
  const longest = Math.max(width, height);
  if (longest <= LONGEST_SIDE) return;
  const message = `The image has a side of ${longest} pixels; at most ${LONGEST_SIDE} are let in`;
  throw new UploadError(message, { code: "MEDIA_TOO_LARGE" });
}

/**
 * libvips caches what it opened by path, and for WebP alone it does not notice that the file was overwritten since. The
 * cache belongs to the process, so this library may not turn it off: WebP is read into memory instead.
 */
async function inputOf({ input, mimeType }: ImageSource): Promise<string | Uint8Array> {
  return typeof input === "string" && mimeType === "image/webp" ? readFile(input) : input;
}
