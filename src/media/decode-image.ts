import { readFile } from "node:fs/promises";
import { UploadError } from "../errors.js";
import { decodeError, readError } from "./decode-error.js";
import { decodeTolerantly, type OpenReading, type ToleranceSettings } from "./decode-tolerantly.js";
import { afterDecoding, beforeDecoding } from "./decoder-memory.js";
import { firstFrameThatShows } from "./first-frame.js";
import { decodeHeard, type RequireHeard, Unheard } from "./heard.js";
import { inspectImage } from "./inspect/inspect-image.js";
import type { Inspection } from "./inspect/inspection.js";
import { loadSharp, type Sharp } from "./sharp.js";

/** An image to decode. */
export interface ImageSource {
  /** A path, or the whole content. */
  readonly input: string | Uint8Array;
  /** Sniffed from the content. */
  readonly mimeType: string;
  /** What its header tells, where that was read before. */
  readonly inspection?: Inspection | undefined;
}

/** What is let into the decoder. */
export interface DecodeLimits extends ToleranceSettings {
  /** The most pixels that an image may have. @default by its coding, see `pixel-limits.ts` */
  readonly limitInputPixels?: number | undefined;
}

/**
 * Opens an image for `work`: its first frame that shows something, and no more than the limits let in. `work` is called again,
 * with another reading of the image, when the first one turned out damaged or was disturbed.
 *
 * @throws UploadError `INVALID_MEDIA` damaged, `MEDIA_TOO_LARGE` too many pixels, `UNSUPPORTED_MEDIA` no decoder, or what would
 *   not be shown rightly, `MISSING_ORIGINAL` a path where nothing is, `STORAGE_FAILED` what cannot be read just now
 * @throws ConfigurationError when sharp cannot be loaded
 */
export function decodeImage<T>(
  source: ImageSource,
  limits: DecodeLimits,
  work: (image: Sharp) => Promise<T>,
): Promise<T> {
  return decodeHeard((requireHeard) => decodeOnce(source, limits, work, requireHeard));
}

async function decodeOnce<T>(
  source: ImageSource,
  limits: DecodeLimits,
  work: (image: Sharp) => Promise<T>,
  requireHeard: RequireHeard,
): Promise<T> {
  const sharp = await loadSharp();
  const { mimeType } = source;
  let inspection: Inspection | undefined;
  const judge = async (thrown: unknown) => {
    if (UploadError.isInstance(thrown)) return thrown;
    if (thrown instanceof Unheard) throw thrown;
    requireHeard(thrown);
    const failed = await readError(thrown, source.input, sharp);
    return failed ?? decodeError(thrown, mimeType, inspection, limits.limitInputPixels);
  };
  let isWatched = false;
  try {
    inspection = source.inspection ?? (await inspectImage(source.input, mimeType));
    const { mayHaveFrames = false, limitPixels, isInRows = false } = inspection;
    isWatched = !isInRows;
    if (isWatched) beforeDecoding();
    const original = await inputOf(source, inspection);
    const limitInputPixels = limits.limitInputPixels ?? limitPixels;
    let colourspace: "srgb" | "b-w" | undefined;
    const open: OpenReading = ({ input = original, failOn = "error", frame = 0, frames = 1 }) => {
      // sharp counts the pixels of all frames that it is asked for.
      const limit = Math.min(limitInputPixels * frames, Number.MAX_SAFE_INTEGER);
      const image = sharp(input, { failOn, limitInputPixels: limit, page: frame, pages: frames });
      return colourspace === undefined ? image : image.pipelineColourspace(colourspace);
    };
    if (!LIMITS_ITS_SIDES.has(mimeType)) {
      const header = await open({}).metadata();
      refuseLongSides(header);
      colourspace = colourspaceOf(header);
    }
    const frame = mayHaveFrames ? await firstFrameThatShows(open) : 0;
    const { failOn, isInScans = false } = inspection;
    const decoding = { input: original, mimeType, frame, failOn, isInScans, open, work, judge, requireHeard };
    return await decodeTolerantly(decoding, limits);
  } catch (error) {
    throw await judge(error);
  } finally {
    if (isWatched) await afterDecoding(sharp);
  }
}

/**
 * In pixels. The decoder takes its time for every row, however short it is: a PNG of 180 kB with 90 million rows of one pixel took
 * 16 s. It keeps some whole rows for each thread: a PNG of 524,288 × 90 took 1.3 GB, and six times as long as one of 8,192 × 5,760.
 */
const LONGEST_SIDE = 250_000;
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
 * What an image is made before anything else, where sharp would not show it rightly: it converts 16 bits by a profile to
 * Display P3, and takes the numbers for sRGB in the end; and it makes the background grey that grey with alpha is laid on.
 */
function colourspaceOf(header: Awaited<ReturnType<Sharp["metadata"]>>): "srgb" | "b-w" | undefined {
  const { space, channels, hasProfile } = header;
  if (hasProfile) return space === "rgb16" ? "srgb" : space === "grey16" ? "b-w" : undefined;
  return channels === 2 ? "srgb" : undefined;
}

/**
 * libvips caches what it opened by path, and for WebP alone it does not notice that the file was overwritten since. The
 * cache belongs to the process, so this library may not turn it off: WebP is read into memory instead.
 */
export async function inputOf({ input, mimeType }: ImageSource, { rewrite }: Inspection): Promise<string | Uint8Array> {
  if (rewrite !== undefined) return rewrite(typeof input === "string" ? await readFile(input) : input);
  return typeof input === "string" && mimeType === "image/webp" ? readFile(input) : input;
}
