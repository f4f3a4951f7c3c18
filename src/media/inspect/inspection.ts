import { UploadError } from "../../errors.js";

/** What was found out about an image before it is decoded. */
export interface Inspection {
  /** How it is coded, in words: what a limit or a refusal is told for. */
  readonly coding: string;
  /** The most pixels that are let in by default: what decoding takes in memory goes by the coding. */
  readonly limitPixels: number;
  /** Whether it is decoded row by row, so that a decoder which is kept holds little. */
  readonly isInRows?: boolean | undefined;
  /** Whether its picture comes in several scans, which the decoder does not miss when they are not there. */
  readonly isInScans?: boolean | undefined;
  /** Whether builds of sharp lack this coding as a rule: then it is that, when decoding fails. */
  readonly isRare?: boolean | undefined;
  /** From where on the decoder gives up. @default "error" */
  readonly failOn?: "warning" | undefined;
  /** What the decoder is to read in place of the original: a copy that tells it what it overlooks. */
  readonly rewrite?: ((file: Uint8Array) => Uint8Array) | undefined;
  /** Whether it may have several frames, the first of which may be blank. */
  readonly mayHaveFrames?: boolean | undefined;
}

/** What is whole, and would not be shown rightly. `what` goes on behind "The image (image/tiff)". */
export function refusal(mimeType: string, what: string): UploadError {
  return new UploadError(`The image (${mimeType}) ${what}`, { code: "UNSUPPORTED_MEDIA" });
}

/**
 * An image whose header cannot be read is never decoded: it may be of a kind that would not be shown rightly, and nobody knows what
 * decoding it takes.
 */
export function unreadable(mimeType: string): UploadError {
  const message = `The image (${mimeType}) is damaged: its header cannot be read`;
  return new UploadError(message, { code: "INVALID_MEDIA" });
}
