import type { RunBounds } from "./batch/runs.js";
import type { AIAdapter } from "./contracts/ai.js";
import type { RuntimeOptions } from "./contracts/runtime.js";
import type { BatchStatus, UploadRecord } from "./contracts/upload.js";
import { ConfigurationError } from "./errors.js";
import type { UploadEventEmitter } from "./event-emitter.js";
import type { BatchProcessorOptions, ProcessOptions, RunOptions } from "./options.js";
import { requirePrice } from "./pipeline/require-adapters.js";
import { resolveSettings, WORK_OPTIONS } from "./pipeline/resolve-settings.js";
import type { Settings } from "./pipeline/settings.js";
import { Budget } from "./runtime/budget.js";
import { SharedRuntime } from "./runtime/runtime.js";
import { aBoolean, aName, count, number, optional, requireEach, requireKnown, requireMembers } from "./validate.js";

const A_BOOLEAN = [aBoolean, "true or false"] as const;
const STATUSES: readonly unknown[] = [
  "pending",
  "processing",
  "completed",
  "failed",
  "cancelled",
] satisfies BatchStatus[];
const isStatus = (value: unknown) => STATUSES.includes(value);

/** The options of runs, beside those of all: what passes, and how that is called; `null` where that is told elsewhere. */
const OPTIONS_OF = {
  process: { resumeCancelled: A_BOOLEAN },
  processUploads: { label: [aName, "a text"], total: null },
  recover: { statuses: null, withoutBatch: A_BOOLEAN },
  rerun: { name: null },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Check | null>>>>;

type Check = readonly [passes: (value: unknown) => boolean, what: string];

const RUN_OPTIONS = ["signal", "concurrency", "budget"] as const;
const RUNTIME_OPTIONS = ["limits", "breaker", "budget"] as const;

/**
 * Reads the options of a processor, which is an emitter of the events itself.
 *
 * @throws ConfigurationError an option that is unknown or out of range, or an adapter that lacks a member
 */
export function readProcessor<U extends UploadRecord>(
  options: BatchProcessorOptions<U>,
  emitter: UploadEventEmitter<U>,
): { readonly settings: Settings<U>; readonly concurrency: number } {
  requireMembers("options", options, []);
  const { storage, ai, repository, concurrency, limits, breaker, budget, ...rest } = options;
  requireOwnOptions(options);
  const own = limits !== undefined || breaker !== undefined || budget !== undefined;
  if (own && options.runtime !== undefined) throw besideRuntime({ limits, breaker, budget });
  const runtime = own ? new SharedRuntime({ limits, breaker, budget }) : options.runtime;
  const settings = resolveSettings<U>({ storage, ai, repository }, { ...(rest as ProcessOptions<U>), runtime });
  const comesBack = options.runtime !== undefined;
  return {
    settings: { ...settings, comesBack, events: [emitter, ...settings.events] },
    concurrency: count("concurrency", concurrency, 4),
  };
}

/** They would be without effect: what shares a runtime has its limits. */
function besideRuntime(own: Pick<RuntimeOptions, "limits" | "breaker" | "budget">): ConfigurationError {
  const given = Object.entries(own).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  const names = given.length === 1 ? `${given[0]} are both given` : `${given.join(", ")} are given together`;
  return new ConfigurationError(`runtime and ${names}: put ${given.join(", ")} into createRuntime({ … })`);
}

function requireOwnOptions<U extends UploadRecord>(options: BatchProcessorOptions<U>): void {
  for (const name of ["events", "onProgress"]) {
    if ((options as unknown as Record<string, unknown>)[name] !== undefined)
      throw new ConfigurationError(
        `options.${name}: a BatchProcessor is an emitter itself; listen with processor.on(…)`,
      );
  }
  requireKnown("options", options, ["storage", "ai", "repository", "concurrency", ...RUNTIME_OPTIONS, ...WORK_OPTIONS]);
}

/**
 * Reads what bounds a run.
 *
 * @param method whose options there are beside those
 * @throws ConfigurationError an option that is unknown or out of range, a budget without prices
 */
export function readRun(options: RunOptions, method: keyof typeof OPTIONS_OF, ai: Pick<AIAdapter, "price">): RunBounds {
  requireMembers("options", options, []);
  const more: Readonly<Record<string, Check | null>> = OPTIONS_OF[method];
  requireKnown("options", options, [...RUN_OPTIONS, ...Object.keys(more)]);
  for (const [name, check] of Object.entries(more))
    if (check !== null) optional(name, (options as Readonly<Record<string, unknown>>)[name], ...check);
  const { statuses } = options as { readonly statuses?: unknown };
  if (statuses !== undefined) requireEach("statuses", statuses, isStatus, `one of ${STATUSES.join(", ")}`);
  const { signal, concurrency, budget } = options;
  if (concurrency !== undefined) count("concurrency", concurrency, 1);
  const asked = { concurrency, budget };
  if (budget === undefined) return { signal, concurrency, budget, asked };
  requirePrice("budget", ai);
  return { signal, concurrency, budget: new Budget(number("budget", budget, 0, 0), 0), asked };
}

/** How many uploads there are, where that can be told beforehand. */
export function lengthOf(uploads: object): number | null {
  if (Array.isArray(uploads)) return uploads.length;
  return uploads instanceof Set ? uploads.size : null;
}
