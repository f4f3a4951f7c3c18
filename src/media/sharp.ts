import { access, constants, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Sharp, SharpConstructor } from "sharp";
import { ConfigurationError, classifyError, hasCode, messageOf, UploadError } from "../errors.js";
import { afterDecoding, beforeDecoding } from "./decoder-memory.js";

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

export type { Sharp, SharpConstructor };

let loading: Promise<SharpConstructor> | undefined;

/** Loaded on first use: the native library takes time and memory that a process which only reads outcomes need not spend. */
async function loadSharp(): Promise<SharpConstructor> {
  loading ??= import("sharp").then((module) => module.default, requireSharp);
  try {
    return await loading;
  } catch (error) {
    throw new ConfigurationError(`sharp could not be loaded; install it for this platform: ${messageOf(error)}`);
  }
}

/**
 * sharp's ESM build has import attributes, which Node 20.9 cannot parse yet; its CommonJS build has none. And Jest has no
 * `import()` unless it is told so.
 */
function requireSharp(error: unknown): SharpConstructor {
  try {
    return createRequire(import.meta.url)("sharp");
  } catch {
    throw error;
  }
}

/**
 * Opens an image for `work`: its first frame, and no more than the limits let in.
 *
 * @throws UploadError `INVALID_MEDIA` damaged, `MEDIA_TOO_LARGE` too many pixels, `UNSUPPORTED_MEDIA` no decoder,
 *   `MISSING_ORIGINAL` or `STORAGE_FAILED` a path that cannot be read
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
    throw (await unreadable(source.input)) ?? decodeError(error, source.mimeType, limitInputPixels);
  } finally {
    await afterDecoding(sharp);
  }
}

/**
 * In pixels; what libpng lets in by default. The decoder takes its time for every row, however short it is: a PNG of 180 kB
 * with 90 million rows of one pixel took 16 s.
 */
const LONGEST_SIDE = 1_000_000;
/** A side of these is 65,535 pixels at most: they are spared the look at the header, 4 % of the time for a small photo. */
const LIMITS_ITS_SIDES: ReadonlySet<string> = new Set(["image/jpeg", "image/webp", "image/gif"]);

function refuseLongSides({ width, height }: { readonly width: number; readonly height: number }): void {
  const longest = Math.max(width, height);
  if (longest <= LONGEST_SIDE) return;
  const message = `The image has a side of ${longest} pixels; at most ${LONGEST_SIDE} are let in`;
  throw new UploadError(message, { code: "MEDIA_TOO_LARGE" });
}

/**
 * libvips caches what it opened by path, and for WebP alone it does not notice that the file was overwritten since. The
 * cache belongs to the process, so it is not ours to turn off.
 */
async function inputOf({ input, mimeType }: ImageSource): Promise<string | Uint8Array> {
  return typeof input === "string" && mimeType === "image/webp" ? readFile(input) : input;
}

/** libvips calls a file that it could not read damaged or unknown, which would settle the upload for good. */
async function unreadable(input: string | Uint8Array): Promise<UploadError | null> {
  if (typeof input !== "string") return null;
  try {
    await access(input, constants.R_OK);
    return null;
  } catch (error) {
    if (!hasCode(error, "ENOENT")) return classifyError(error, "open", "STORAGE_FAILED");
    return new UploadError("The original vanished", { code: "MISSING_ORIGINAL", stage: "open", cause: error });
  }
}

/** What every build of sharp decodes: when it does not know a file of these types, the file is damaged. */
const ALWAYS_DECODABLE: ReadonlySet<string> = new Set([
  ...["image/jpeg", "image/png", "image/apng", "image/webp", "image/avif", "image/gif", "image/tiff"],
]);
/** How libheif words that it has no codec, over its versions. */
const NO_HEIF_CODEC = /compression format|decoding plugin|unsupported codec/i;

function decodeError(thrown: unknown, mimeType: string, limitInputPixels: number): UploadError {
  const message = messageOf(thrown);
  if (/exceeds pixel limit/i.test(message)) {
    const tooLarge = `The image has more than ${limitInputPixels} pixels (input.limitInputPixels)`;
    return new UploadError(tooLarge, { code: "MEDIA_TOO_LARGE", cause: thrown });
  }
  if (/maximum supported image dimension/i.test(message)) {
    const tooLong = "The image has a longer side than its decoder takes";
    return new UploadError(tooLong, { code: "MEDIA_TOO_LARGE", cause: thrown });
  }
  if (/^image\/hei[cf]/.test(mimeType) && NO_HEIF_CODEC.test(message)) {
    const advice =
      "sharp's prebuilt cannot decode HEIC (HEVC); install a libvips built with libheif and libde265 for sharp, or convert it to JPEG before";
    return new UploadError(advice, { code: "UNSUPPORTED_MEDIA", cause: thrown });
  }
  if (/unsupported image format/i.test(message) && !ALWAYS_DECODABLE.has(mimeType)) {
    return new UploadError(`sharp cannot decode ${mimeType}`, { code: "UNSUPPORTED_MEDIA", cause: thrown });
  }
  // libvips strings all its complaints together, one a line; the first names the trouble, but for the probing of libheif.
  const complaint = message.split("\n").find((line) => !line.startsWith("source: bad seek"));
  return new UploadError(`The image (${mimeType}) is damaged: ${complaint}`, { code: "INVALID_MEDIA", cause: thrown });
}
