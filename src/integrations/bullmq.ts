import { Worker, type WorkerOptions } from "bullmq";
import {
  ConfigurationError,
  type LeaseOptions,
  type RepositoryAdapter,
  type UploadAdapters,
  type UploadRecord,
} from "../index.js";
import { requireBullMQ } from "./bullmq/bullmq-version.js";
import { type GuardedWorker, guard, requireBounds, requiredStalls } from "./bullmq/guard.js";
import { isUploadJob } from "./bullmq/job-types.js";
import { processorOf, type UploadJobProcessor } from "./bullmq/processor.js";
import { Batches, type BatchListener } from "./engine/batches.js";
import { report } from "./engine/report.js";
import { type EngineOptions, UploadWork } from "./engine/upload-work.js";

export type { GuardedWorker } from "./bullmq/guard.js";
export type { UploadJobData, UploadJobResult } from "./bullmq/job-types.js";
export { enqueueUploads, removeUploadJob } from "./bullmq/jobs.js";
export type { UploadJobProcessor } from "./bullmq/processor.js";
export type { BatchListener, SettledBatch } from "./engine/batches.js";

/** What BullMQ tells itself is no option. */
export type JobOptions<U extends UploadRecord = UploadRecord> = EngineOptions<U>;

/**
 * A worker with everything wired: BullMQ owns the retries, and each delivery of a job is one attempt at its upload. Waiting (for a
 * service that is down, another worker, the end of a 429) uses up neither an attempt nor a slot; jobs that BullMQ gives up settle
 * their uploads; each upload settles its batch.
 *
 * `lease.maxStarts` raises `maxStalledCount`. Attach a listener of `error` to the worker, as BullMQ wants it.
 *
 * @param queue the name of the queue
 * @param options those of `processUploadWithRetry`, and `worker`: BullMQ's, with `connection` and `concurrency`
 * @throws ConfigurationError an option or an adapter that does not fit, as `processUploadWithRetry` does; a BullMQ before 6
 * @example
 * const { worker, close } = createUploadWorker("uploads", { storage, ai, repository }, { worker: { connection, concurrency: 8 } });
 * worker.on("error", (error) => logger.error({ error }, "told by the worker"));
 * process.once("SIGTERM", () => close());
 */
export function createUploadWorker<U extends UploadRecord>(
  queue: string,
  adapters: UploadAdapters<U>,
  options: JobOptions<NoInfer<U>> & { readonly worker: WorkerOptions },
): GuardedWorker {
  requireBullMQ();
  const { worker: workerOptions, ...rest } = requireWorkerOptions(options);
  const work = new UploadWork<U>(adapters, rest as JobOptions<U>, (error) => report(worker, error));
  const required = requiredStalls(rest.lease);
  const { maxStalledCount = required } = workerOptions;
  requireBounds("worker", { ...workerOptions, maxStalledCount }, required);
  const worker: Worker = new Worker(queue, processorOf(work), { ...workerOptions, maxStalledCount });
  return guard(worker, work.batches, { closeWork: () => work.close() });
}

/**
 * The processor alone, where a framework makes the worker; {@link guardWorker} is the other half. BullMQ hands its signal only to
 * functions that declare three parameters: hand all three on, as `process(job, token, signal)` of a NestJS `WorkerHost` can.
 *
 * What keeps jobs waiting, and what `onBatchSettled` throws, is told to `options.logger`. Plugins stay attached for as long as the
 * process lives.
 *
 * @throws ConfigurationError as {@link createUploadWorker}
 */
export function uploadJobProcessor<U extends UploadRecord>(
  adapters: UploadAdapters<U>,
  options: JobOptions<NoInfer<U>> = {},
): UploadJobProcessor {
  requireBullMQ();
  const { logger } = options;
  const report = (error: unknown) => logger?.warn({ error }, "told by the jobs of uploads");
  return processorOf(new UploadWork<U>(adapters, options as JobOptions<U>, report));
}

/**
 * What a worker has to do besides processing: a job whose lock is lost is stopped, one that BullMQ gives up settles its upload and
 * its batch, and closing hands back what is in work. Jobs of other kinds, which the worker may have beside those of `enqueueUploads`, are
 * left alone.
 *
 * @param o.lease, o.onBatchSettled the same as the processor's
 * @throws ConfigurationError the worker's `maxStalledCount` is below `lease.maxStarts`, or it has `maxStartedAttempts`; a worker of
 *   a BullMQ before 6
 */
export function guardWorker<U extends UploadRecord>(
  worker: Worker,
  o: { readonly repository: RepositoryAdapter<U>; readonly lease?: LeaseOptions | undefined } & BatchListener,
): GuardedWorker {
  requireBullMQ(worker);
  requireBounds("worker.opts", worker.opts, requiredStalls(o.lease));
  const batches = new Batches(o.repository, o.onBatchSettled, (thrown) => report(worker, thrown));
  return guard(worker, batches, { isUpload: isUploadJob });
}

function requireWorkerOptions<T extends { readonly worker: WorkerOptions }>(options: T): T {
  const worker: unknown = options?.worker;
  if (typeof worker === "object" && worker !== null && "connection" in worker) return options;
  throw new ConfigurationError(
    "options.worker: expected the options of BullMQ's worker, with its connection; give worker: { connection, concurrency }",
  );
}
