import type { Usage } from "./contracts/ai.js";
import type { StageName, UploadRecord } from "./contracts/upload.js";
import type { UploadError } from "./errors.js";
import type { UploadEventName, UploadEventPayloads } from "./events.js";
import type { UploadResult } from "./result.js";
import type { Runtime } from "./runtime/runtime.js";

/** What is being wrapped: the work on one upload, or one call of a stage in it. */
export type WorkScope =
  | { readonly kind: "upload"; readonly uploadId: string; readonly batchId: string | null }
  | {
      readonly kind: "stage";
      readonly stage: StageName;
      /** 1-based; 0 for what runs outside the attempts. */
      readonly attempt: number;
      readonly uploadId: string;
      readonly batchId: string | null;
    };

/** What came of it: the status of an upload; `ok`, `failed` or `aborted` for a call. */
export type WorkOutcome = {
  readonly outcome: UploadResult["status"] | "ok";
  readonly error?: UploadError;
  readonly usage?: Usage;
  /** Of an upload, and only `true`: its redo failed, and the old result stands. */
  readonly kept?: boolean;
  /** Of an upload that was deferred: it has used up an attempt, and its engine makes the next one. */
  readonly countsAsAttempt?: boolean;
};

/**
 * Wraps work, for tracing, contexts and metrics. `run` is started exactly once, whatever this does, and its outcome is the
 * work's; what this throws is a warning.
 */
export type Around = (scope: WorkScope, run: () => Promise<WorkOutcome>) => Promise<unknown>;

/** Listeners by the name of their event. */
export type UploadListeners<U extends UploadRecord = UploadRecord> = {
  readonly [N in keyof UploadEventPayloads<U>]?: (event: UploadEventPayloads<U>[N]) => unknown;
};

/** What others add to the work: tracing, metrics, publishing of progress. */
export interface Plugin<U extends UploadRecord = UploadRecord> {
  /** Wraps the work on an upload, and each call of a stage. */
  readonly around?: Around | undefined;
  /** Listeners, isolated from the work like any other. */
  readonly on?: UploadListeners<U> | undefined;
  /** Called at the start. What it returns is called when the processor is closed, or the single call has ended. */
  readonly attach?: ((runtime: Runtime) => (() => void) | void) | undefined;
}

const EVENTS: Readonly<Record<UploadEventName, true>> = {
  "upload:started": true,
  "upload:progress": true,
  "upload:retry": true,
  "upload:warning": true,
  "upload:settled": true,
  "breaker:opened": true,
  "breaker:closed": true,
  "batch:started": true,
  "batch:progress": true,
  "batch:paused": true,
  "batch:resumed": true,
  "batch:settled": true,
};

/** What a plugin may listen to. */
export const EVENT_NAMES: readonly string[] = Object.keys(EVENTS);

/** How long a wrapper that has not started the work, or goes on after it, is waited for, in milliseconds. */
const GRACE_MS = 5000;

/**
 * Runs work inside the wrappers of the plugins, the first one outermost.
 *
 * @param outcomeOf what the wrappers are told of the work's result
 * @param report gets what a wrapper throws
 */
export async function wrapped<T>(
  arounds: readonly Around[],
  scope: WorkScope,
  work: () => Promise<T>,
  outcomeOf: (settled: { readonly value: T } | { readonly thrown: unknown }) => WorkOutcome,
  report: (thrown: unknown) => void,
): Promise<T> {
  let started: Promise<T> | undefined;
  const start = () => {
    started ??= work();
    return started;
  };
  let inner = (): Promise<WorkOutcome> =>
    start().then(
      (value) => outcomeOf({ value }),
      (thrown: unknown) => outcomeOf({ thrown }),
    );
  for (const around of arounds.toReversed()) inner = wrap(around, scope, inner, report);
  await inner();
  return start();
}

/** One wrapper: whatever it does, the work runs once, and ends no later than its wrapper's grace. */
function wrap(
  around: Around,
  scope: WorkScope,
  work: () => Promise<WorkOutcome>,
  report: (thrown: unknown) => void,
): () => Promise<WorkOutcome> {
  return async () => {
    let running: Promise<WorkOutcome> | undefined;
    const run = () => {
      running ??= work();
      return running;
    };
    const wrapper = (async () => around(scope, run))().catch(report);
    await atMost(wrapper, () => running === undefined);
    const outcome = await run();
    await atMost(wrapper, () => true);
    return outcome;
  };
}

/** Waits for a wrapper while it is still to be waited for, but no longer than the grace. */
function atMost(wrapper: Promise<unknown>, isNeeded: () => boolean): Promise<unknown> {
  if (!isNeeded()) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, GRACE_MS);
    void wrapper.then(() => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
}
