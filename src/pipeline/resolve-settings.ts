import { atOnce } from "../async/at-once.js";
import type { AIAdapter } from "../contracts/ai.js";
import type { Logger } from "../contracts/logger.js";
import type { UploadRecord } from "../contracts/upload.js";
import { IMAGES } from "../media/admission.js";
import { decoderTable } from "../media/decoders.js";
import type { EngineAttempt, ProcessOptions, RetryOptions, UploadAdapters } from "../options.js";
import { runtimeOf, SharedRuntime } from "../runtime/runtime.js";
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
import { resolveModels } from "./chain.js";
import { resolvePlaceholder, resolveRenditions, resolveThumbnail, WHITE } from "./picture-options.js";
import { emitters, resolvePlugins } from "./plugins-of.js";
import { quietLogger, silent } from "./quiet-logger.js";
import { ReliableRepository } from "./reliable-repository.js";
import { requireAdapters, requireAudit, requirePrice, requireSameDimensions } from "./require-adapters.js";
import type { Settings } from "./settings.js";
import { resolveStages } from "./stage-options.js";

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
