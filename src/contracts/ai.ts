import type { Readable } from "node:stream";
import type { Logger } from "./logger.js";
import type { UploadRecord } from "./upload.js";

/** An image prepared for a vision model: upright, opaque, sRGB, metadata stripped. */
export interface VisionImage {
  readonly data: Uint8Array;
  /** `image/jpeg`. */
  readonly mimeType: string;
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
}

/** A still frame, prepared like a {@link VisionImage}. */
export interface VisionFrame extends VisionImage {
  /** Where the frame stands in the video, in seconds; 0 for an image. */
  readonly timeSeconds: number;
}

/**
 * The media of one upload: opened lazily and once, unless its file changes meanwhile, which is then opened and judged again.
 * Released when the upload settles, after which its methods reject.
 */
export interface Media<U extends UploadRecord = UploadRecord> {
  readonly upload: U;
  readonly kind: "image" | "video";
  /** Sniffed from the content, whatever the uploader claimed. */
  readonly mimeType: string;
  /** The storage's own path, or a temporary file that is removed at the end. */
  readonly path: () => Promise<string>;
  /** The whole original. */
  readonly bytes: () => Promise<Uint8Array>;
  /** A new stream over the original at every call. */
  readonly stream: () => Promise<Readable>;
  /**
   * The original as a vision model wants it: upright, opaque, sRGB, longest side at most `vision.maxSide` (1568 px), sides
   * multiples of `vision.multipleOf` (28 px), never enlarged beyond one patch. Made once, also over attempts.
   *
   * @throws UploadError `INVALID_MEDIA` when it cannot be decoded, `MEDIA_TOO_LARGE` when it has too many pixels.
   */
  readonly visionImage: () => Promise<VisionImage>;
  /** Video: still frames with their time. Image: one frame. */
  readonly frames: (options?: { max?: number | undefined }) => Promise<readonly VisionFrame[]>;
}

/** What a call of the model used up, as far as the service tells. Stored as `metadata.usage`. */
export interface Usage {
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
  readonly totalTokens?: number | undefined;
}

/** A description with what else came out of the call. */
export interface Description {
  /** At most 1,000,000 characters. Untrusted: it is stored as it came. */
  readonly text: string;
  /** Stored in the record's `metadata`, beside what stands there, as JSON keeps it: at most 1,000,000 characters of that. */
  readonly metadata?: Record<string, unknown> | undefined;
  readonly usage?: Usage | undefined;
}

/** What an AI adapter is told of the call that it serves. */
export interface StageContext {
  /** Aborted on cancel, deletion, a lost lease and the stage's timeout. */
  readonly signal: AbortSignal;
  /** 1-based. */
  readonly attempt: number;
  /** The same over all attempts and restarts of one upload and stage: hand it to services that take such a key. */
  readonly idempotencyKey: string;
  /** Tells how far the stage is, from 0 to 1. Calls that go back, or come after the stage has ended, are ignored. */
  readonly reportProgress: (fraction: number, message?: string) => void;
  readonly logger: Logger;
}

/** The models: one that describes media in words and, if you search by meaning, one that makes vectors. */
export interface AIAdapter<U extends UploadRecord = UploadRecord> {
  /** A text that helps people find the media: plain, or with what else came out of the call. */
  readonly describe: (media: Media<U>, context: StageContext) => Promise<string | Description>;
  /** A vector for the description (a multimodal model may use the media instead). Left out: no embed stage. */
  readonly embed?:
    | ((input: { text: string; media: Media<U> }, context: StageContext) => Promise<ArrayLike<number>>)
    | undefined;
  /** The length that every vector must have. @default any, up to 100,000 */
  readonly dimensions?: number | undefined;
  /** What the service takes at once; the user's `limits` win. */
  readonly concurrency?: { readonly describe?: number | undefined; readonly embed?: number | undefined } | undefined;
  /** A stamp of model and prompt, stored as `aiVersion`. */
  readonly version?: string | undefined;
}
