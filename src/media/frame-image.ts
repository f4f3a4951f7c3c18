import { types } from "node:util";
import type { DecodedFrame } from "../contracts/decoder.js";
import { ConfigurationError, messageOf, UploadError } from "../errors.js";
import { afterDecoding, beforeDecoding } from "./decoder-memory.js";
import { decodeHeard, type RequireHeard, Unheard } from "./heard.js";
import { loadSharp, type Sharp } from "./sharp.js";
import { systemError } from "./system-error.js";

/** A frame that a decoder has given. */
export interface FrameSource {
  readonly frame: DecodedFrame;
  /** Of the original. */
  readonly mimeType: string;
  /** Of the decoder, for messages. */
  readonly decoder: string;
}

/**
 * Opens a frame for `work`: it is upright already.
 *
 * @throws UploadError `INVALID_MEDIA` when it is a file that cannot be decoded, `STORAGE_FAILED` when the system lacks what it takes
 * @throws ConfigurationError when it is no frame, or sharp cannot be loaded
 */
export async function openFrame<T>(source: FrameSource, work: (image: Sharp) => Promise<T>): Promise<T> {
  requireFrame(source);
  return decodeHeard((requireHeard) => openOnce(source, work, requireHeard));
}

async function openOnce<T>(
  source: FrameSource,
  work: (image: Sharp) => Promise<T>,
  requireHeard: RequireHeard,
): Promise<T> {
  const { frame, mimeType } = source;
  const sharp = await loadSharp();
  beforeDecoding();
  try {
    if ("encoded" in frame) return await work(sharp(frame.encoded, { failOn: "error", pages: 1 }));
    const { pixels, width, height, channels } = frame;
    return await work(sharp(pixels, { raw: { width, height, channels } }));
  } catch (error) {
    if (UploadError.isInstance(error) || error instanceof Unheard) throw error;
    requireHeard(error);
    const failed = await systemError(error);
    if (failed !== null) throw failed;
    const message = `A frame of the original (${mimeType}) cannot be used: ${messageOf(error)}`;
    throw new UploadError(message, { code: "INVALID_MEDIA", cause: error });
  } finally {
    await afterDecoding(sharp);
  }
}

function requireFrame({ frame, decoder }: FrameSource): void {
  const problem = problemOf(Object(frame));
  if (problem !== null) throw new ConfigurationError(`${decoder}.frames: expected ${problem}`);
}

function problemOf(
  frame: Partial<Record<"timeSeconds" | "encoded" | "pixels" | "width" | "height" | "channels", unknown>>,
): string | null {
  const { timeSeconds, encoded, pixels, width, height, channels } = frame;
  if (typeof timeSeconds !== "number" || !Number.isFinite(timeSeconds))
    return `a frame with timeSeconds, a number, got ${shown(timeSeconds)}`;
  if (encoded !== undefined) return types.isUint8Array(encoded) ? null : `encoded bytes, got ${shown(encoded)}`;
  if (!types.isUint8Array(pixels)) return `a frame with encoded or pixels, as a Uint8Array, got ${shown(pixels)}`;
  if (channels !== 3 && channels !== 4) return `3 or 4 channels, got ${shown(channels)}`;
  if (!isSide(width) || !isSide(height)) return `width and height in pixels, got ${shown(width)} and ${shown(height)}`;
  const bytes = width * height * channels;
  if (pixels.byteLength === bytes) return null;
  return `${bytes} bytes of pixels for ${width} × ${height} × ${channels}, got ${pixels.byteLength}`;
}

function isSide(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 1;
}

function shown(value: unknown): string {
  return typeof value === "number" || value == null ? String(value) : typeof value;
}
