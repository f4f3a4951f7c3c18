import type { Readable } from "node:stream";
import type { Logger } from "./logger.js";
import type { StageName, UploadRecord } from "./upload.js";

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
  /** As it stands now: with what earlier stages made. A copy: changing it changes nothing. */
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
  /**
   * Of a video at most `max` still frames, spread over its length, with their time; of an image one frame. Each is prepared as
   * `visionImage` is. Made once for each `max`, also over attempts.
   *
   * @param options.max an integer of at least 1. @default 10
   * @throws UploadError as `visionImage`
   */
  readonly frames: (options?: { max?: number | undefined }) => Promise<readonly VisionFrame[]>;
  /**
   * What has been measured of the original so far. With a decoder that can tell, and with the option `facts`, it is measured
   * now, if it was not before.
   */
  readonly facts: () => Promise<MediaFacts>;
}

/** A further picture of an upload, beside its thumbnail. */
export interface Rendition {
  /** Where it lies in the storage. */
  readonly key: string;
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  readonly mimeType: string;
  /** Its size. */
  readonly bytes: number;
}

/** What was measured, and made, of an original; stored as `metadata.media`, read with `mediaFacts(upload)`. */
export interface MediaFacts {
  /** Sniffed from the content. */
  readonly mimeType?: string;
  readonly kind?: "image" | "video";
  /** The size of the original. */
  readonly bytes?: number;
  /** Of the upright image, in pixels; known when it was measured, as for a vision image. */
  readonly width?: number;
  /** Of the upright image, in pixels; known when it was measured, as for a vision image. */
  readonly height?: number;
  /** As its decoder calls it: `h264`. */
  readonly codec?: string;
  /** Of the file: its sound may be longer than its pictures. */
  readonly durationSeconds?: number;
  /** Frames a second. */
  readonly frameRate?: number;
  /** Whether it was made for more than eight bits of brightness. */
  readonly hdr?: boolean;
  /**
   * When it was taken, by the camera's clock: `2024-05-01T12:34:56`, with an offset such as `+02:00` where the camera tells
   * one. With `facts: { exif: true }`.
   */
  readonly takenAt?: string;
  /** The camera's maker and model, with `facts: { exif: true }`. */
  readonly camera?: string;
  /** Where it was taken, in degrees; south and west are negative. With `facts: { location: true }`. */
  readonly gps?: { readonly latitude: number; readonly longitude: number };
  /** A ThumbHash in base64, with `placeholder: "thumbhash"`. */
  readonly placeholder?: string;
  /** By their name in the option `renditions`. */
  readonly renditions?: Readonly<Record<string, Rendition>>;
}

/**
 * What calls of a model used up, as far as the service tells. Numbers that are not finite are dropped. What the adapter tells is stored
 * as `metadata.usage`; what the library measures besides is in the results alone.
 */
export interface Usage {
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
  readonly totalTokens?: number | undefined;
  /** How many calls. @default 1 for each call that the library makes */
  readonly requests?: number | undefined;
  readonly images?: number | undefined;
  /** In milliseconds. @default what the library measured */
  readonly durationMs?: number | undefined;
  /** In the currency of `price`, which fills it in where the adapter does not tell it. */
  readonly cost?: number | undefined;
  readonly model?: string | undefined;
}

/** A description with what else came out of the call. */
export interface Description {
  /** At most 1,000,000 characters. Untrusted: it is stored as it came. */
  readonly text: string;
  /**
   * Stored in the record's `metadata`, beside what stands there, as JSON keeps it: at most 1,000,000 characters of that. The keys of
   * the library and the names of your stages are left out.
   */
  readonly metadata?: Record<string, unknown> | undefined;
  readonly usage?: Usage | undefined;
  /**
   * Why the model stopped. `"length"`: it was cut off (`DESCRIPTION_TRUNCATED`, tried again); `"refused"`: it, or its
   * provider, declined (`CONTENT_REFUSED`, not tried again). @default "stop"
   */
  readonly finish?: "stop" | "length" | "refused";
  /** What the model was asked, in words: told to the audit, which looks for echoes of it. It is not stored. */
  readonly prompt?: string | undefined;
}

/** What an AI adapter is told of the call that it serves. */
export interface StageContext {
  /** Aborted on cancel, deletion, a lost lease and the stage's timeout. Hand it on to your client. */
  readonly signal: AbortSignal;
  /** 1-based. */
  readonly attempt: number;
  /**
   * How often this attempt has asked the model, 1-based: more than 1 after an answer that did not pass its audit. Ask a little
   * differently then, or a model without randomness answers the same.
   */
  readonly ask?: number | undefined;
  /**
   * The same over all attempts and restarts of one upload (its `id`, `storageKey` and `userId`) and stage, and another one for another
   * redo, for another description where the stage is behind it, and after an answer that was received and not accepted: hand it to
   * services that take such a key. Where two databases have uploads that are equal in all three, put the name of yours before it.
   */
  readonly idempotencyKey: string;
  /** Tells how far the stage is, from 0 to 1. Calls that go back, or come after the stage has ended, are ignored. */
  readonly reportProgress: (fraction: number, message?: string) => void;
  readonly logger: Logger;
}

/** What an audit thinks of a description. */
export interface AuditVerdict {
  readonly ok: boolean;
  /** From 0, useless, to 1, nothing to find fault with. The best answer is kept. */
  readonly score: number;
  /** What is wrong, in words of your own; stored in `metadata.audit`. */
  readonly issues: readonly string[];
}

/**
 * Looks at a description before it is stored. One that does not pass is asked for again; the best of all answers is kept, with
 * its score and issues in `metadata.audit`. It is no failure of the upload, and none of the service.
 */
export interface Audit<U extends UploadRecord = UploadRecord> {
  readonly check: (
    text: string,
    context: {
      readonly upload: U;
      readonly kind: "image" | "video";
      /** What the model was asked, where the adapter tells it. */
      readonly prompt?: string | undefined;
    },
  ) => AuditVerdict;
  /** How often the model is asked in all, for one attempt. @default 2 */
  readonly maxAsks?: number | undefined;
}

/** A vector with what the call used up. */
export interface EmbeddedVector {
  readonly vector: ArrayLike<number>;
  readonly usage?: Usage | undefined;
}

/** The vectors of several texts, in their order, with what the call used up for all of them. */
export interface EmbeddedVectors {
  readonly vectors: readonly ArrayLike<number>[];
  readonly usage?: Usage | undefined;
}

/** What `embedMany` is told of its call, which serves several uploads. */
export interface EmbedManyContext {
  /** Aborted by the timeout, and when every upload in it was given up. Hand it on to your client. */
  readonly signal: AbortSignal;
  /** Made of the keys of all the uploads in it. */
  readonly idempotencyKey: string;
  readonly logger: Logger;
}

/** What a call costs, in the currency of your budget; `null` when that is not known. */
export type Price = (usage: Usage, stage: StageName) => number | null;

/** The models: one that describes media in words and, if you search by meaning, one that makes vectors. */
export interface AIAdapter<U extends UploadRecord = UploadRecord> {
  /** A text that helps people find the media: plain, or with what else came out of the call. */
  readonly describe: (media: Media<U>, context: StageContext) => Promise<string | Description>;
  /** A vector for the description (a multimodal model may use the media instead). Left out: no embed stage. */
  readonly embed?:
    | ((input: { text: string; media: Media<U> }, context: StageContext) => Promise<ArrayLike<number> | EmbeddedVector>)
    | undefined;
  /**
   * The vectors of several descriptions in one call; `embed` may be left out then. Texts that wait are sent together, and each
   * vector is judged by itself. A call of several that fails is repeated in halves, so that one text fails alone.
   */
  readonly embedMany?:
    | ((
        inputs: readonly { readonly text: string; readonly upload: U }[],
        context: EmbedManyContext,
      ) => Promise<EmbeddedVectors>)
    | undefined;
  /** How many texts go into one call at most (64), and how long the first of them waits for others (5 ms). */
  readonly embedBatch?: { readonly maxSize?: number | undefined; readonly maxWaitMs?: number | undefined } | undefined;
  /** The length that every vector must have. @default any, up to 100,000 */
  readonly dimensions?: number | undefined;
  /** What the service takes at once; the user's `limits` win. Adapters that share this very object share one runtime. */
  readonly concurrency?: { readonly describe?: number | undefined; readonly embed?: number | undefined } | undefined;
  /** A stamp of model and prompt, of both stages or of each; stored as `aiVersion`, see `aiVersionOf`. */
  readonly version?: string | { readonly describe: string; readonly embed: string } | undefined;
  /** Needed for a budget, and for costs in `usage`. */
  readonly price?: Price | undefined;
  /** What this adapter suggests its descriptions are looked at with. The option `audit` wins; its `false` is none. */
  readonly audit?: Audit<U> | undefined;
  /**
   * Says whether the service is well: resolves, or rejects with the reason. Asked once before a run's first call, and when an
   * upload's attempts are used up, to tell a failure of the service from one of the upload. Waited for 10 s at most. A missing
   * model is the deployment's fault: `new UploadError("…", { code: "INVALID_CONFIGURATION" })`.
   */
  readonly checkHealth?: ((options: { readonly signal: AbortSignal }) => Promise<void>) | undefined;
}
