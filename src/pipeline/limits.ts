import { availableParallelism } from "node:os";
import pLimit from "p-limit";
import { count } from "../validate.js";
import type { Stoppable } from "./cancellation.js";
import { Interrupted } from "./time.js";

/** The stages that can be limited. */
export type LimitedStage = "thumbnail" | "describe" | "embed";

/** How many calls of a stage may run at once. */
export interface StageLimitOptions {
  /**
   * Images decoded at once, thumbnails and vision images alike.
   * @default max(1, min(cores, UV_THREADPOOL_SIZE − 1)): the thread pool keeps a free thread for file and DNS work
   */
  readonly thumbnail?: number | undefined;
  /** @default no limit */
  readonly describe?: number | undefined;
  /** @default no limit */
  readonly embed?: number | undefined;
}

/** Limits that are shared by all the calls they are given to. Made by `createStageLimits`. */
export interface StageLimits {
  readonly concurrency: Readonly<Record<LimitedStage, number>>;
  /** Runs `task` when a slot is free. Rejects with `Interrupted` when the signal is aborted in the queue. */
  readonly run: <T>(stage: LimitedStage, signal: Stoppable, task: () => Promise<T>) => Promise<T>;
}

/** A queue for work of which only so much may run at once. */
export type Limiter = <T>(signal: Stoppable, task: () => Promise<T>) => Promise<T>;

/** p-limit with a queue that can be left: an aborted caller does not wait for its turn to find out. */
export function createLimiter(concurrency: number): Limiter {
  const limit = pLimit(concurrency);
  return (signal, task) => {
    const begin = () => (signal.aborted ? Promise.reject(new Interrupted()) : task());
    // Most calls find a free slot, and need not listen for an abort in the queue.
    if (concurrency === Number.POSITIVE_INFINITY) return begin();
    if (limit.activeCount < concurrency) return limit(begin);
    return new Promise((resolve, reject) => {
      const leave = () => reject(new Interrupted());
      if (signal.aborted) return leave();
      signal.addEventListener("abort", leave, { once: true });
      void limit(async () => {
        signal.removeEventListener("abort", leave);
        if (!signal.aborted) await task().then(resolve, reject);
      });
    });
  };
}

const DEFAULT_DECODERS = Math.max(1, Math.min(availableParallelism(), threadPoolSize() - 1));
/** The thread pool belongs to the process, so its default limit does too. */
const decoders = createLimiter(DEFAULT_DECODERS);

function threadPoolSize(): number {
  const size = Number.parseInt(process.env.UV_THREADPOOL_SIZE ?? "", 10);
  return size > 0 ? size : 4;
}

/**
 * Makes limits to share: between calls of `processUploadWithRetry`, between processors, between different AI adapters that
 * use one account.
 *
 * @example
 * const limits = createStageLimits({ describe: 2, embed: 8 });
 * await processUploadWithRetry(upload, adapters, { limits });
 */
export function createStageLimits(options: StageLimitOptions = {}): StageLimits {
  const concurrency = {
    thumbnail: slots("thumbnail", options.thumbnail ?? DEFAULT_DECODERS),
    describe: slots("describe", options.describe ?? Number.POSITIVE_INFINITY),
    embed: slots("embed", options.embed ?? Number.POSITIVE_INFINITY),
  };
  const limiters: Record<LimitedStage, Limiter> = {
    thumbnail: options.thumbnail === undefined ? decoders : createLimiter(concurrency.thumbnail),
    describe: createLimiter(concurrency.describe),
    embed: createLimiter(concurrency.embed),
  };
  return { concurrency, run: (stage, signal, task) => limiters[stage](signal, task) };
}

function slots(stage: LimitedStage, given: number): number {
  return given === Number.POSITIVE_INFINITY ? given : count(`limits.${stage}`, given, 1);
}
