import { atOnce } from "../async/at-once.js";
import type { Cancellation } from "../async/cancellation.js";
import type { AIAdapter } from "../contracts/ai.js";
import type { Logger } from "../contracts/logger.js";
import type { Stage } from "../contracts/stage.js";
import type { StorageAdapter } from "../contracts/storage.js";
import type { UploadRecord } from "../contracts/upload.js";
import type { UploadError } from "../errors.js";
import type { UploadEventEmitter } from "../event-emitter.js";
import { IMAGES } from "../media/admission.js";
import { type DecoderTable, decoderTable } from "../media/decoders.js";
import type {
  EngineAttempt,
  FactsOptions,
  InputOptions,
  LeaseOptions,
  ProcessOptions,
  RetryOptions,
  TimeoutOptions,
  UploadAdapters,
  VisionOptions,
} from "../options.js";
import type { Around, Plugin } from "../plugins.js";
import type { Breaker } from "../runtime/breaker.js";
import type { Budget } from "../runtime/budget.js";
import type { Ledger } from "../runtime/ledger.js";
import { runtimeOf, SharedRuntime } from "../runtime/runtime.js";
import type { UploadMemory } from "../runtime/upload-memory.js";
import { guardKeys } from "../storage-keys.js";
import {
  aBoolean,
  aCount,
  aFunction,
  anEmitter,
  aSignal,
  count,
  expected,
  number,
  optional,
  requireKnown,
  requireMembers,
  timeout,
} from "../validate.js";
import { requireAllowed } from "./allowed-types.js";
import { type Models, resolveModels } from "./chain.js";
import {
  type PictureOptions,
  resolvePlaceholder,
  resolveRenditions,
  resolveThumbnail,
  WHITE,
} from "./picture-options.js";
import { emitters, resolvePlugins } from "./plugins-of.js";
import { quietLogger, silent } from "./quiet-logger.js";
import { ReliableRepository } from "./reliable-repository.js";
import { requireAdapters, requireAudit, requirePrice, requireSameDimensions } from "./require-adapters.js";
import { resolveStages } from "./stage-options.js";

export type Complete<Options> = { readonly [Key in keyof Options]-?: Exclude<Options[Key], undefined> };

/** What a run over many uploads adds to the work on each. */
export interface RunContext {
  /** Books every call of the run. */
  readonly ledger: Ledger;
  readonly budget: Budget | undefined;
  /** A call under a budget had no price: no further one is made. */
  unpriced: UploadError | undefined;
  /** Resolves when the service is found well, or was not asked; asked before the run's first call. */
  readonly ready: (cancellation: Cancellation) => Promise<void> | undefined;
  /** Models of a chain that the deployment lacks, by their places: each is told once. */
  readonly missing: Set<number>;
  /** By upload that is held: the breakers of the models that refused it, where others may not be asked for it. */
  readonly refusedBy: Map<string, readonly Breaker[]>;
  /** Whether nothing is left in the run that may still show whether the service is up. */
  readonly isLastOne: () => boolean;
}

/** Adapters and options, checked and complete. */
export interface Settings<U extends UploadRecord> {
  readonly storage: StorageAdapter;
  readonly ai: AIAdapter<U>;
  /** Those of `ai` that describe. */
  readonly models: Models<U>;
  readonly repository: ReliableRepository<U>;
  readonly events: readonly UploadEventEmitter<U>[];
  readonly arounds: readonly Around[];
  readonly plugins: readonly Plugin<U>[];
  readonly retry: Complete<RetryOptions>;
  readonly attempt: EngineAttempt | undefined;
  /** Whether an upload that the service could not do is done later by somebody: a run, an engine, the owner of a runtime. */
  readonly comesBack: boolean;
  readonly run: RunContext | undefined;
  readonly thumbnail: (PictureOptions<U> & { readonly background: string }) | false;
  /** By name, in the order in which they were given. */
  readonly renditions: ReadonlyMap<string, PictureOptions<U>>;
  readonly placeholder: "thumbhash" | undefined;
  readonly facts: Complete<FactsOptions>;
  readonly decoders: DecoderTable;
  readonly vision: Complete<VisionOptions> & { readonly background: string };
  /** Without a limit of pixels it goes by the format. */
  readonly input: Complete<Omit<InputOptions, "limitInputPixels">> & Pick<InputOptions, "limitInputPixels">;
  readonly timeouts: Complete<TimeoutOptions>;
  readonly stages: readonly Stage<U>[];
  readonly runtime: SharedRuntime;
  /** Of the uploads of this repository. */
  readonly memory: UploadMemory;
  readonly breakerOfStorage: Breaker;
  readonly lease: Complete<LeaseOptions>;
  readonly logger: Logger;
}

/** The options that both a single call and a processor take. */
export const WORK_OPTIONS = [
  "retry",
  "thumbnail",
  "renditions",
  "placeholder",
  "facts",
  "decoders",
  "vision",
  "input",
  "timeouts",
  "runtime",
  "lease",
  "logger",
  "stages",
  "plugins",
  "audit",
] as const;

const GROUPS = {
  retry: ["maxAttempts", "minTimeout", "maxTimeout", "factor", "randomize", "maxRetryAfterMs", "shouldRetry"],
  vision: ["maxSide", "multipleOf", "quality"],
  input: ["maxBytes", "limitInputPixels", "tolerance", "allow"],
  facts: ["exif", "location"],
  timeouts: ["thumbnailMs", "describeMs", "embedMs", "decodeMs"],
  lease: ["durationMs", "maxStarts"],
} as const;

/** Checks the adapters and the options, and fills in the defaults: the one place where they stand. */
export function resolveSettings<U extends UploadRecord>(
  adapters: UploadAdapters<U>,
  options: Omit<ProcessOptions<U>, "signal" | "rerun"> = {},
): Settings<U> {
  requireAdapters(adapters);
  const { storage, repository } = adapters;
  const ai: AIAdapter<U> = adapters.ai;
  const { retry = {}, thumbnail = {}, facts = {}, vision = {}, input = {}, timeouts = {}, lease = {} } = options;
  for (const [name, group] of Object.entries({ retry, facts, vision, input, timeouts, lease })) {
    requireMembers(name, group, []);
    requireKnown(name, group, GROUPS[name as keyof typeof GROUPS]);
  }
  requireAllowed(input.allow);
  optional("input.limitInputPixels", input.limitInputPixels, aCount, "an integer of at least 1");
  optional("input.tolerance", input.tolerance, aTolerance, '"strict" or "lenient"');
  optional("facts.exif", facts.exif, aBoolean, "true or false");
  optional("facts.location", facts.location, aBoolean, "true or false");
  optional("events", options.events, anEmitter, "an UploadEventEmitter");
  optional("onProgress", options.onProgress, aFunction, "a function");
  optional("retry.randomize", retry.randomize, aBoolean, "true or false");
  optional("retry.shouldRetry", retry.shouldRetry, aFunction, "a function");
  if (options.logger !== undefined) requireMembers("logger", options.logger, ["debug", "info", "warn", "error"]);
  const { attempt, audit } = options;
  if (audit !== false) requireAudit("audit", audit);
  if (attempt !== undefined) requireAttempt(attempt);
  const runtime = resolveRuntime(options, ai);
  if (runtime.budget !== undefined) requirePrice("budget", ai);
  const reliable = new ReliableRepository(repository);
  requireSameDimensions(ai, reliable);

  const logger = options.logger === undefined ? silent : quietLogger(options.logger);
  const plugins = resolvePlugins(options.plugins ?? []);
  const decoders = decoderTable(options.decoders ?? []);
  const minTimeout = number("retry.minTimeout", retry.minTimeout, 1000, 0);
  const multipleOf = count("vision.multipleOf", vision.multipleOf, 28);
  return {
    storage: guardKeys(storage, logger),
    ai,
    models: resolveModels(ai, runtime, audit, (error) => logger.warn({ error }, "when of fallbackAI threw")),
    repository: reliable,
    events: emitters(options, plugins),
    arounds: plugins.flatMap(({ around }) => around ?? []),
    plugins,
    retry: {
      maxAttempts: attempt === undefined ? count("retry.maxAttempts", retry.maxAttempts, 2) : 1,
      minTimeout,
      maxTimeout: number(
        "retry.maxTimeout",
        retry.maxTimeout,
        Math.max(30_000, minTimeout),
        minTimeout,
        "retry.minTimeout",
      ),
      factor: number("retry.factor", retry.factor, 2, 1),
      randomize: retry.randomize ?? true,
      maxRetryAfterMs: number("retry.maxRetryAfterMs", retry.maxRetryAfterMs, 60_000, 0),
      shouldRetry: guarded(retry.shouldRetry, logger),
    },
    attempt,
    comesBack: attempt !== undefined || options.runtime !== undefined,
    run: undefined,
    thumbnail: thumbnail !== false && resolveThumbnail(thumbnail),
    renditions: resolveRenditions(options.renditions ?? {}),
    placeholder: resolvePlaceholder(options.placeholder),
    facts: { exif: facts.exif ?? false, location: facts.location ?? false },
    decoders,
    vision: {
      maxSide: count("vision.maxSide", vision.maxSide, Math.max(1568, multipleOf), multipleOf),
      multipleOf,
      quality: count("vision.quality", vision.quality, 85, 1, 100),
      background: (thumbnail === false ? undefined : thumbnail.background) ?? WHITE,
    },
    input: {
      maxBytes: count("input.maxBytes", input.maxBytes, 512 * 1024 * 1024),
      limitInputPixels: input.limitInputPixels,
      tolerance: input.tolerance ?? "strict",
      allow: Object.freeze([...(input.allow ?? new Set([...IMAGES, ...decoders.keys()]))]),
    },
    timeouts: {
      thumbnailMs: timeout("timeouts.thumbnailMs", timeouts.thumbnailMs, 60_000),
      describeMs: timeout("timeouts.describeMs", timeouts.describeMs, 300_000),
      embedMs: timeout("timeouts.embedMs", timeouts.embedMs, 60_000),
      decodeMs: timeout("timeouts.decodeMs", timeouts.decodeMs, 60_000),
    },
    stages: resolveStages(options.stages ?? []),
    runtime,
    memory: runtime.memoryOf(repository),
    breakerOfStorage: runtime.breakerOfStorage(storage),
    lease: {
      durationMs: timeout("lease.durationMs", lease.durationMs, 60_000, 30),
      maxStarts: count("lease.maxStarts", lease.maxStarts, 3),
    },
    logger,
  };
}

const aTolerance = (value: unknown) => value === "strict" || value === "lenient";

function resolveRuntime(
  { runtime }: Pick<ProcessOptions, "runtime">,
  ai: Pick<AIAdapter, "concurrency">,
): SharedRuntime {
  if (runtime === undefined) return runtimeOf(ai);
  if (runtime instanceof SharedRuntime) return runtime;
  throw expected("runtime", "what createRuntime makes (of this copy of the package)", runtime);
}

/** When `shouldRetry` throws, that is not the upload's failure: the classification decides. */
function guarded(shouldRetry: RetryOptions["shouldRetry"], logger: Logger): NonNullable<RetryOptions["shouldRetry"]> {
  return (error, attempt) => {
    try {
      return atOnce("retry.shouldRetry", shouldRetry?.(error, attempt)) ?? error.retryable;
    } catch (thrown) {
      logger.warn({ error: thrown }, "retry.shouldRetry threw");
      return error.retryable;
    }
  };
}

/** What is known only at the call: the options beside those of the work. */
export function requireSignal(signal: unknown): void {
  optional("signal", signal, aSignal, "an AbortSignal");
}

/** @throws ConfigurationError unless it says which attempt of an engine it is */
export function requireAttempt(attempt: EngineAttempt): void {
  requireMembers("attempt", attempt, []);
  requireKnown("attempt", attempt, ["number", "max"]);
  // Without a default: an attempt that is not told would be taken for the last one, and nobody would come back.
  for (const member of ["number", "max"] as const)
    if (!aCount(attempt[member])) throw expected(`attempt.${member}`, "an integer of at least 1", attempt[member]);
  if (attempt.number > attempt.max)
    throw expected("attempt.number", `at most attempt.max, which is ${attempt.max}`, attempt.number);
}
