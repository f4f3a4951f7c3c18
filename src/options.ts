import type { AIAdapter } from "./contracts/ai.js";
import type { Logger } from "./contracts/logger.js";
import type { RepositoryAdapter } from "./contracts/repository.js";
import type { StorageAdapter } from "./contracts/storage.js";
import type { Mode, UploadRecord } from "./contracts/upload.js";
import type { UploadError } from "./errors.js";
import { UploadEventEmitter, type UploadProgressEvent } from "./events.js";
import { createStageLimits, type StageLimits } from "./pipeline/limits.js";
import {
  aCount,
  aFunction,
  aMode,
  anEmitter,
  aSignal,
  aString,
  count,
  number,
  optional,
  requireMembers,
  stageLimits,
  timeout,
} from "./validate.js";

/** What the library works with. The repository alone decides the type of the record. */
export interface UploadAdapters<U extends UploadRecord = UploadRecord> {
  readonly storage: StorageAdapter;
  readonly ai: AIAdapter<NoInfer<U>>;
  readonly repository: RepositoryAdapter<U>;
}

export interface RetryOptions {
  /** Counts the first try. @default 2 */
  readonly maxAttempts?: number | undefined;
  /** The wait before the second attempt, in milliseconds. @default 1000 */
  readonly minTimeout?: number | undefined;
  /** The longest wait, in milliseconds. @default 30000 */
  readonly maxTimeout?: number | undefined;
  /** By how much each wait is longer than the last. @default 2 */
  readonly factor?: number | undefined;
  /** Multiplies each wait by a random factor between 1 and 2. @default true */
  readonly randomize?: boolean | undefined;
  /** The longest wait that a service may ask for; a longer one ends the attempts. In milliseconds. @default 60000 */
  readonly maxRetryAfterMs?: number | undefined;
  /** Overrides the classification of a failed attempt. @default (error) => error.retryable */
  readonly shouldRetry?: ((error: UploadError, attempt: number) => boolean) | undefined;
}

export interface ThumbnailOptions<U extends UploadRecord = UploadRecord> {
  /** The longest side, in pixels; smaller originals are not enlarged. @default 256 */
  readonly size?: number | undefined;
  /** @default "jpeg" */
  readonly format?: "jpeg" | "webp" | "png" | undefined;
  /** 1 to 100. @default 85 */
  readonly quality?: number | undefined;
  /** What transparent parts are laid on, also in vision images. @default "#ffffff" */
  readonly background?: string | undefined;
  /** Where it is written: always the same for one upload. @default (upload) => `thumbnails/${upload.id}.jpg` */
  readonly key?: ((upload: U) => string) | undefined;
}

export interface VisionOptions {
  /** The longest side, in pixels. @default 1568 */
  readonly maxSide?: number | undefined;
  /** Sides are multiples of this many pixels: the patch of the vision model. @default 28 */
  readonly multipleOf?: number | undefined;
  /** JPEG quality, 1 to 100. @default 85 */
  readonly quality?: number | undefined;
}

export interface InputOptions {
  /** The largest original, in bytes. @default 536870912 (512 MiB) */
  readonly maxBytes?: number | undefined;
  /** The most pixels that an original may have, over all its frames. @default 100000000 */
  readonly limitInputPixels?: number | undefined;
  /** The MIME types that are let in, as sniffed from the content. @default JPEG, PNG, WebP, AVIF, GIF, TIFF, HEIC and HEIF */
  readonly allow?: readonly string[] | undefined;
}

/** In milliseconds, from winning the stage's slot. A stage past its limit is aborted: `STAGE_TIMEOUT`, retryable. */
export interface TimeoutOptions {
  /** @default 60000 */
  readonly thumbnailMs?: number | undefined;
  /** @default 300000 */
  readonly describeMs?: number | undefined;
  /** @default 60000 */
  readonly embedMs?: number | undefined;
}

export interface LeaseOptions {
  /** How long a claim holds without being renewed, in milliseconds; renewed at a third of it. @default 60000 */
  readonly durationMs?: number | undefined;
  /**
   * After so many starts that never settled, the upload is quarantined; with 1, so is whatever was in work beside it.
   * @default 3
   */
  readonly maxStarts?: number | undefined;
}

/** Which attempt this is, told by an engine that owns the retries: one attempt is made here. */
export interface EngineAttempt {
  /** 1-based. */
  readonly number: number;
  /** A retryable failure before this attempt is `deferred`, at it `failed`. */
  readonly max: number;
}

/** Everything about the work that can be set, for one upload and for many. */
export interface WorkOptions<U extends UploadRecord = UploadRecord> {
  /** Gets every event. A `BatchProcessor` is an emitter itself. */
  readonly events?: UploadEventEmitter<U> | undefined;
  /** Gets the progress alone. */
  readonly onProgress?: ((event: UploadProgressEvent) => void) | undefined;
  readonly retry?: RetryOptions | undefined;
  /** What happens to settled uploads. @default "continue" */
  readonly mode?: Mode | undefined;
  /** `false`: no thumbnails. */
  readonly thumbnail?: ThumbnailOptions<U> | false | undefined;
  readonly vision?: VisionOptions | undefined;
  readonly input?: InputOptions | undefined;
  readonly timeouts?: TimeoutOptions | undefined;
  /** Made by `createStageLimits`. @default one per AI adapter, by its `concurrency` */
  readonly limits?: StageLimits | undefined;
  readonly lease?: LeaseOptions | undefined;
  /** pino's call order: `(fields, message)`. @default silent */
  readonly logger?: Logger | undefined;
}

/** Options of `processUploadWithRetry`. */
export interface ProcessOptions<U extends UploadRecord = UploadRecord> extends WorkOptions<U> {
  /** Aborts the work: the outcome is `aborted`, the upload goes back to `pending` with its checkpoints. */
  readonly signal?: AbortSignal | undefined;
  readonly attempt?: EngineAttempt | undefined;
}

type Complete<Options> = { readonly [Key in keyof Options]-?: Exclude<Options[Key], undefined> };

/** Adapters and options, checked and complete. */
export interface Settings<U extends UploadRecord> extends UploadAdapters<U> {
  readonly events: readonly UploadEventEmitter<U>[];
  readonly retry: Complete<RetryOptions>;
  readonly attempt: EngineAttempt | undefined;
  readonly mode: Mode;
  readonly thumbnail: Complete<ThumbnailOptions<U>> | false;
  readonly vision: Complete<VisionOptions> & { readonly background: string };
  readonly input: Complete<InputOptions>;
  readonly timeouts: Complete<TimeoutOptions>;
  readonly limits: StageLimits;
  readonly lease: Complete<LeaseOptions>;
  readonly logger: Logger;
}

const IMAGES: readonly string[] = [
  ...["image/jpeg", "image/png", "image/apng", "image/webp", "image/avif", "image/gif", "image/tiff"],
  ...["image/heic", "image/heif"],
];

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Checks the adapters and the options, and fills in the defaults: the one place where they stand. */
export function resolveSettings<U extends UploadRecord>(
  adapters: UploadAdapters<U>,
  options: ProcessOptions<U> = {},
): Settings<U> {
  requireMembers("adapters", adapters, ["storage", "ai", "repository"], "object");
  const { storage, ai, repository } = adapters;
  requireMembers("adapters.storage", storage, ["open", "write", "delete"]);
  requireMembers("adapters.ai", ai, ["describe"]);
  requireMembers("adapters.repository", repository, ["findUpload", "updateUpload"]);
  optional("adapters.ai.embed", ai.embed, aFunction, "a function");
  optional("adapters.ai.dimensions", ai.dimensions, aCount, "an integer of at least 1");
  optional("adapters.repository.claimUpload", repository.claimUpload, aFunction, "a function");
  requireMembers("options", options, []);

  const { retry = {}, thumbnail = {}, vision = {}, input = {}, timeouts = {}, lease = {} } = options;
  for (const [name, group] of Object.entries({ retry, vision, input, timeouts, lease }))
    requireMembers(name, group, []);
  if (thumbnail !== false) requireMembers("thumbnail", thumbnail, []);
  optional("signal", options.signal, aSignal, "an AbortSignal");
  optional("events", options.events, anEmitter, "a UploadEventEmitter");
  optional("onProgress", options.onProgress, aFunction, "a function");
  optional("retry.shouldRetry", retry.shouldRetry, aFunction, "a function");
  optional("limits", options.limits, stageLimits, "what createStageLimits makes");
  optional("mode", options.mode, aMode, '"continue", "retry-failed" or "reprocess"');
  if (options.logger) requireMembers("logger", options.logger, ["debug", "info", "warn", "error"]);
  const { attempt } = options;
  if (attempt !== undefined) {
    requireMembers("attempt", attempt, []);
    count("attempt.number", attempt.number, 1);
    count("attempt.max", attempt.max, 1);
  }

  const minTimeout = number("retry.minTimeout", retry.minTimeout, 1000, 0);
  const multipleOf = count("vision.multipleOf", vision.multipleOf, 28);
  return {
    storage,
    ai,
    repository,
    events: emitters(options),
    retry: {
      maxAttempts: attempt === undefined ? count("retry.maxAttempts", retry.maxAttempts, 2) : 1,
      minTimeout,
      maxTimeout: number("retry.maxTimeout", retry.maxTimeout, Math.max(30_000, minTimeout), minTimeout),
      factor: number("retry.factor", retry.factor, 2, 1),
      randomize: retry.randomize ?? true,
      maxRetryAfterMs: number("retry.maxRetryAfterMs", retry.maxRetryAfterMs, 60_000, 0),
      shouldRetry: retry.shouldRetry ?? ((error) => error.retryable),
    },
    attempt,
    mode: options.mode ?? "continue",
    thumbnail: thumbnail !== false && resolveThumbnail(thumbnail),
    vision: {
      maxSide: count("vision.maxSide", vision.maxSide, 1568, multipleOf),
      multipleOf,
      quality: count("vision.quality", vision.quality, 85, 1, 100),
      background: (thumbnail === false ? undefined : thumbnail.background) ?? WHITE,
    },
    input: {
      maxBytes: count("input.maxBytes", input.maxBytes, 512 * 1024 * 1024),
      limitInputPixels: count("input.limitInputPixels", input.limitInputPixels, 100_000_000),
      allow: Object.freeze([...(input.allow ?? IMAGES)]),
    },
    timeouts: {
      thumbnailMs: timeout("timeouts.thumbnailMs", timeouts.thumbnailMs, 60_000),
      describeMs: timeout("timeouts.describeMs", timeouts.describeMs, 300_000),
      embedMs: timeout("timeouts.embedMs", timeouts.embedMs, 60_000),
    },
    limits: options.limits ?? limitsOf(ai),
    lease: {
      durationMs: timeout("lease.durationMs", lease.durationMs, 60_000, 30),
      maxStarts: count("lease.maxStarts", lease.maxStarts, 3),
    },
    logger: options.logger ?? silent,
  };
}

/** A callback for progress is a listener like any other: isolated, and called for nothing else. */
function emitters<U extends UploadRecord>({ events, onProgress }: WorkOptions<U>): UploadEventEmitter<U>[] {
  const all = events === undefined ? [] : [events];
  if (onProgress !== undefined) all.push(new UploadEventEmitter<U>().on("upload:progress", onProgress));
  return all;
}

const WHITE = "#ffffff";
const EXTENSIONS = { jpeg: "jpg", webp: "webp", png: "png" } as const;

function resolveThumbnail<U extends UploadRecord>(options: ThumbnailOptions<U>): Complete<ThumbnailOptions<U>> {
  const { format = "jpeg", background = WHITE } = options;
  optional("thumbnail.format", format, (value) => String(value) in EXTENSIONS, '"jpeg", "webp" or "png"');
  optional("thumbnail.background", background, aString, 'a colour such as "#ffffff"');
  optional("thumbnail.key", options.key, aFunction, "a function");
  return {
    size: count("thumbnail.size", options.size, 256, 1, 8192),
    format,
    quality: count("thumbnail.quality", options.quality, 85, 1, 100),
    background,
    key: options.key ?? ((upload) => `thumbnails/${upload.id}.${EXTENSIONS[format]}`),
  };
}

const limitsByAdapter = new WeakMap<object, StageLimits>();

/** The service behind an adapter takes so much at once, whoever calls it: so the default limits belong to the adapter. */
function limitsOf(ai: Pick<AIAdapter, "concurrency">): StageLimits {
  let limits = limitsByAdapter.get(ai);
  if (limits === undefined) {
    limits = createStageLimits(ai.concurrency);
    limitsByAdapter.set(ai, limits);
  }
  return limits;
}
