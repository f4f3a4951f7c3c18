import type { AIAdapter, Audit } from "./contracts/ai.js";
import type { MediaDecoder } from "./contracts/decoder.js";
import type { Logger } from "./contracts/logger.js";
import type { RepositoryAdapter } from "./contracts/repository.js";
import type { RuntimeOptions } from "./contracts/runtime.js";
import type { Stage } from "./contracts/stage.js";
import type { StorageAdapter } from "./contracts/storage.js";
import type { RerunMode, UploadRecord } from "./contracts/upload.js";
import type { UploadError } from "./errors.js";
import type { UploadEventEmitter } from "./event-emitter.js";
import type { UploadProgressEvent } from "./events.js";
import type { Plugin } from "./plugins.js";
import type { Runtime } from "./runtime/runtime.js";

/** What the library works with. The repository alone decides the type of the record. */
export interface UploadAdapters<U extends UploadRecord = UploadRecord> {
  /** Where originals are read from, and thumbnails written to. */
  readonly storage: StorageAdapter;
  /** The models. */
  readonly ai: AIAdapter<NoInfer<U>>;
  /** Where the records are. A `BatchProcessor` needs a `BatchRepositoryAdapter` for all but `processUploads` and `processUpload`. */
  readonly repository: RepositoryAdapter<U>;
}

/** The attempts of an upload, and the waits between them. */
export interface RetryOptions {
  /** Counts the first try. @default 2 */
  readonly maxAttempts?: number | undefined;
  /** The wait before the second attempt, in milliseconds. @default 1000 */
  readonly minTimeout?: number | undefined;
  /** The longest wait, in milliseconds; at least `minTimeout`. @default 30000, at least `minTimeout` */
  readonly maxTimeout?: number | undefined;
  /** By how much each wait is longer than the last. @default 2 */
  readonly factor?: number | undefined;
  /** Multiplies each wait by a random factor between 1 and 2. @default true */
  readonly randomize?: boolean | undefined;
  /** The longest wait that a service may ask for; a longer one ends the attempts. In milliseconds. @default 60000 */
  readonly maxRetryAfterMs?: number | undefined;
  /**
   * Overrides whether a failed attempt is repeated. Whatever it answers, a fault of the account opens the breaker, and one of the
   * deployment ends the call.
   *
   * @default (error) => error.retryable
   */
  readonly shouldRetry?: ((error: UploadError, attempt: number) => boolean) | undefined;
}

/** The small picture that is stored for each upload. */
export interface ThumbnailOptions<U extends UploadRecord = UploadRecord> {
  /** The longest side, in pixels, at most 8192; smaller originals are not enlarged. @default 256 */
  readonly size?: number | undefined;
  /** @default "jpeg" */
  readonly format?: "jpeg" | "webp" | "png" | undefined;
  /** 1 to 100; not for PNG, which is lossless. @default 85 */
  readonly quality?: number | undefined;
  /** What transparent parts are laid on, also in vision images: `#ffffff`, a CSS name, `rgb()` or `hsl()`. @default "#ffffff" */
  readonly background?: string | undefined;
  /**
   * Where it is written: always the same for one upload, and with its id in it. The key of the upload's own original is refused;
   * that of another upload would overwrite it.
   *
   * @default (upload) => `thumbnails/${upload.id}.jpg` */
  readonly key?: ((upload: U) => string) | undefined;
}

/** A further picture that is stored for each upload, as the thumbnail is. */
export interface RenditionOptions<U extends UploadRecord = UploadRecord> {
  /** The longest side, in pixels, at most 8192; smaller originals are not enlarged. */
  readonly size: number;
  /** @default "jpeg" */
  readonly format?: "jpeg" | "webp" | "png" | undefined;
  /** 1 to 100; not for PNG, which is lossless. @default 85 */
  readonly quality?: number | undefined;
  /**
   * Where it is written: by the rules of `thumbnail.key`, and another key than that of every other picture.
   *
   * @default (upload) => `thumbnails/${upload.id}-${name}.jpg`
   */
  readonly key?: ((upload: U) => string) | undefined;
}

/** What is read of an original besides its picture, for people and prompts: `mediaFacts(upload)`, `media.facts()`. */
export interface FactsOptions {
  /** When it was taken, and by which camera. @default false */
  readonly exif?: boolean | undefined;
  /** Where it was taken: that often is somebody's home. @default false */
  readonly location?: boolean | undefined;
}

/** The image that `media.visionImage()` makes for the model. */
export interface VisionOptions {
  /** The longest side, in pixels; at least `multipleOf`. @default 1568, at least `multipleOf` */
  readonly maxSide?: number | undefined;
  /** Sides are multiples of this many pixels: the patch of the vision model. @default 28 */
  readonly multipleOf?: number | undefined;
  /** JPEG quality, 1 to 100. @default 85 */
  readonly quality?: number | undefined;
}

/**
 * What is let in. A file of more bytes, or of another type, fails its upload before a model is called. An image that has too many pixels,
 * or is damaged, does so where the adapter asks for it by `visionImage` or `frames`. Where the adapter does not, the thumbnail is missing,
 * with a warning, and the upload goes on.
 */
export interface InputOptions {
  /** The largest original, in bytes. @default 536870912 (512 MiB) */
  readonly maxBytes?: number | undefined;
  /**
   * The most pixels that an original may have; a side may have 250,000 in any case. By format it is what decoding takes a
   * gigabyte of memory for: 250,000,000 for a JPEG, 50,000,000 for an AVIF; the table is in `media/formats.md`. @default by format
   */
  readonly limitInputPixels?: number | undefined;
  /**
   * `"lenient"` takes what can be shown of an image that is cut off or damaged, with a warning; `"strict"` fails its upload. A JPEG
   * that lacks its end marker alone is whole in both. @default "strict"
   */
  readonly tolerance?: "strict" | "lenient" | undefined;
  /** The MIME types that are let in, as sniffed from the content: in lower case, such as `image/jpeg`. @default JPEG, PNG, WebP, AVIF, GIF, TIFF, HEIC and HEIF, and what `decoders` name */
  readonly allow?: readonly string[] | undefined;
}

/**
 * In milliseconds, from winning the stage's slot. A stage past its limit is aborted: `STAGE_TIMEOUT`, retryable, and the service's fault;
 * of `decodeMs` it is the upload's.
 */
export interface TimeoutOptions {
  /** @default 60000 */
  readonly thumbnailMs?: number | undefined;
  /** @default 300000 */
  readonly describeMs?: number | undefined;
  /** @default 60000 */
  readonly embedMs?: number | undefined;
  /** One run of a decoder: a probe, the frames that are asked for; within the time of its stage. @default 60000 */
  readonly decodeMs?: number | undefined;
}

/** How long a claim holds, and how many starts an upload gets. */
export interface LeaseOptions {
  /** How long a claim holds without being renewed, in milliseconds, at least 30; renewed at a third of it. @default 60000 */
  readonly durationMs?: number | undefined;
  /**
   * After so many starts that never settled, the upload is `failed` as `QUARANTINED`: it probably takes the process down. With 1,
   * so is whatever was in work beside it.
   * @default 3
   */
  readonly maxStarts?: number | undefined;
}

/** Which attempt this is, told by an engine that owns the retries: one attempt is made here. */
export interface EngineAttempt {
  /** 1-based. */
  readonly number: number;
  /**
   * At least `number`. A retryable failure of the upload's own is `deferred` before this attempt, and `failed` at it. What is the fault
   * of the service or of the account is `deferred` at any attempt, and not counted, while there is no evidence against the upload.
   */
  readonly max: number;
}

/** Everything about the work that can be set, for one upload and for many. */
export interface WorkOptions<U extends UploadRecord = UploadRecord> {
  /** Gets every event. A `BatchProcessor` is an emitter itself. */
  readonly events?: UploadEventEmitter<U> | undefined;
  /** Gets the progress alone. */
  readonly onProgress?: ((event: UploadProgressEvent) => void) | undefined;
  /** The attempts of an upload, and the waits between them. */
  readonly retry?: RetryOptions | undefined;
  /** `false`: no thumbnails. */
  readonly thumbnail?: ThumbnailOptions<U> | false | undefined;
  /**
   * Further pictures, by name: `{ large: { size: 1024, format: "webp" } }`. One that cannot be made is a warning. Read with
   * `mediaFacts(upload)?.renditions`. @default none
   */
  readonly renditions?: Readonly<Record<string, RenditionOptions<U>>> | undefined;
  /** Stores a blurred preview of some 25 bytes, to show while a picture is loaded: `mediaFacts(upload)?.placeholder`. @default none */
  readonly placeholder?: "thumbhash" | undefined;
  /** What is read of an original besides its picture. */
  readonly facts?: FactsOptions | undefined;
  /** The image that `media.visionImage()` makes for the model. */
  readonly vision?: VisionOptions | undefined;
  /** What is let in. */
  readonly input?: InputOptions | undefined;
  /** How long a call of a stage may take. */
  readonly timeouts?: TimeoutOptions | undefined;
  /**
   * Decode what sharp does not: videos, HEIC. Each MIME type has one decoder, and is let in; one of these goes before sharp. They
   * are yours: nothing here closes them. @default []
   */
  readonly decoders?: readonly MediaDecoder[] | undefined;
  /**
   * Made by `createRuntime`: slots, breaker, ledger and budget to share. Handed to a single call it says that somebody comes
   * back: what the service could not do is `deferred`. @default one per AI adapter, by its `concurrency`
   */
  readonly runtime?: Runtime | undefined;
  /** Stages of your own, made by `defineStage`, in their order. @default [] */
  readonly stages?: readonly Stage<U>[] | undefined;
  /** Tracing, metrics, publishing of progress. @default [] */
  readonly plugins?: readonly Plugin<U>[] | undefined;
  /** How long a claim holds, and how many starts an upload gets. */
  readonly lease?: LeaseOptions | undefined;
  /**
   * Looks at each description before it is stored: one that does not pass is asked for again, the best is kept, with its score
   * and issues in `metadata.audit`. `false`: none. @default what the adapter suggests
   */
  readonly audit?: Audit<U> | false | undefined;
  /** pino's call order: `(fields, message)`. @default silent */
  readonly logger?: Logger | undefined;
}

/** Options of `processUploadWithRetry`. */
export interface ProcessOptions<U extends UploadRecord = UploadRecord> extends WorkOptions<U> {
  /** Aborts the work: the outcome is `aborted`, the upload goes back to `pending` with its checkpoints. */
  readonly signal?: AbortSignal | undefined;
  /** Told by an engine that owns the retries: one attempt is made here, and the engine makes the next one. */
  readonly attempt?: EngineAttempt | undefined;
  /**
   * Does the upload again, if it is settled: {@link RerunMode}. With a name (an engine's job id) it happens once, however often
   * it is delivered. Its batch becomes `processing`; `settleBatch` completes it, or `process` and `recover` do.
   * @default settled uploads are skipped
   */
  readonly rerun?: RerunMode | { readonly mode: RerunMode; readonly name: string } | undefined;
}

/** The adapters and options of a `BatchProcessor`: without `runtime`, its `limits`, `breaker` and `budget` make one. */
export interface BatchProcessorOptions<U extends UploadRecord = UploadRecord>
  extends UploadAdapters<U>,
    Omit<WorkOptions<NoInfer<U>>, "events" | "onProgress">,
    RuntimeOptions {
  /** Uploads in work at once, over all runs of this processor. @default 4 */
  readonly concurrency?: number | undefined;
}

/** Options of every run over many uploads. */
export interface RunOptions {
  /** Ends the run: uploads in work are handed back, the batch stays `processing`. */
  readonly signal?: AbortSignal | undefined;
  /** At most so many of the processor's slots: for backfills beside live uploads. @default all of them */
  readonly concurrency?: number | undefined;
  /** For this run, in the currency of `ai.price`; used up, it ends as `processing` with `BUDGET_EXHAUSTED`. @default none */
  readonly budget?: number | undefined;
}

/** What `rerun` with the same arguments would do. */
export interface RunPlan {
  /** How many uploads would be done again. */
  readonly uploads: number;
  /** How many calls of each stage they need; texts that `embedMany` gets in one call are counted one by one. */
  readonly calls: Readonly<Record<string, number>>;
  /** Of describe and embed: calls × the mean cost of those that this runtime has seen; `null` when it has seen none. */
  readonly cost: number | null;
  /**
   * Of describe and embed, in milliseconds: calls × the mean time of those that this runtime has seen, as many at once as its
   * limits allow; `null` when it has seen none.
   */
  readonly durationMs: number | null;
}
