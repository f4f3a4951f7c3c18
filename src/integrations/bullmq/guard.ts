import { Job, type Worker, type WorkerOptions } from "bullmq";
import { ConfigurationError, type LeaseOptions, type UploadRecord } from "../../index.js";
import type { Batches } from "../engine/batches.js";
import { closeInTime, stillInWork } from "../engine/closing.js";
import { giveUp } from "../engine/give-up.js";
import { readJobData } from "../engine/job-data.js";
import { report } from "../engine/report.js";
import type { UploadJobData, UploadJobResult } from "./job-types.js";
import { inWork, isOwnEnd, isPutBack } from "./processor.js";
import { CLOSING, LOCK_LOST, REMOVED } from "./reasons.js";

/** A worker that hands its uploads back when it is closed, and settles those that BullMQ gives up. */
export interface GuardedWorker {
  readonly worker: Worker<UploadJobData, UploadJobResult>;
  /**
   * Takes no further job, lets those in work end, and hands back what has not ended after the grace: it waits for another worker,
   * with no attempt used. Close your own connections and the repository after that.
   *
   * It ends at the latest 10 s after the grace, also where Redis or the repository does not answer: what is still under way is told as
   * `error` of the worker then, and its jobs go to other workers when the process has ended and their locks have run out. BullMQ keeps
   * the process alive until Redis answers: call `process.exit` behind `close` where it has to end.
   *
   * @param options.graceMs in milliseconds, by default 10000
   */
  close(options?: { readonly graceMs?: number | undefined }): Promise<void>;
}

/** The default of `lease.maxStarts`. */
const MAX_STARTS = 3;
/** Workers of this process that are open: a job that is removed is stopped at once where it is in work here. */
const guarded = new Set<Worker>();

/** How many stalls a worker has to bear so that the library finds out first which upload takes processes down. */
export function requiredStalls(lease: LeaseOptions | undefined): number {
  return Math.max(1, lease?.maxStarts ?? MAX_STARTS);
}

/** @throws ConfigurationError BullMQ would give an upload up before the library can quarantine it, or because it has waited */
export function requireBounds(
  name: string,
  { maxStalledCount, maxStartedAttempts }: Pick<WorkerOptions, "maxStalledCount" | "maxStartedAttempts">,
  required: number,
): void {
  if (maxStalledCount === undefined || maxStalledCount < required)
    throw new ConfigurationError(
      `${name}.maxStalledCount: expected at least lease.maxStarts, ${required}, got ${maxStalledCount}; with fewer BullMQ gives a job up ` +
        `before the library can tell that its upload takes the process down: set maxStalledCount: ${required}`,
    );
  if (maxStartedAttempts)
    throw new ConfigurationError(
      `${name}.maxStartedAttempts: expected none, got ${maxStartedAttempts}; BullMQ counts deliveries, also those in which an upload only ` +
        "waited, so an outage would use them up: leave it out, and limit failures by the attempts of the job, and crashes by lease.maxStarts",
    );
}

/**
 * @param o.isUpload whether a job is an upload's: others are not ours to stop or to settle
 * @param o.closeWork what is to be closed behind the worker
 */
export function guard<U extends UploadRecord>(
  worker: Worker,
  batches: Batches<U>,
  { isUpload = () => true, closeWork }: { isUpload?: (job: Job) => boolean; closeWork?: () => Promise<void> } = {},
): GuardedWorker {
  const own = new WeakSet<Job>();
  const settling = new Set<Promise<void>>();
  worker.on("active", (job) => own.add(job));
  worker.on("lockRenewalFailed", (ids) => {
    for (const id of ids) worker.cancelJob(id, LOCK_LOST);
  });
  worker.on("locksRenewed", ({ jobIds }) => {
    for (const id of jobIds) void cancelIfRemoved(worker, id, isUpload);
  });
  worker.on("failed", (job, error) => {
    if (job === undefined || !isUpload(job) || isOwnEnd(error)) return;
    if (job.finishedOn === undefined) return; // it is tried again
    const settled: Promise<void> = settle(worker, batches, job, error).finally(() => settling.delete(settled));
    settling.add(settled);
  });
  worker.on("closed", () => guarded.delete(worker));
  guarded.add(worker);
  return {
    worker,
    close: ({ graceMs } = {}) =>
      closeInTime(graceMs, {
        async close() {
          await worker.close();
          await Promise.all(settling);
          await closeWork?.();
        },
        handBack: () => worker.cancelAllJobs(CLOSING),
        underWay: () => underWay(Array.from(inWork).filter((job) => own.has(job)).length, settling.size),
        report: (thrown) => report(worker, thrown),
      }),
  };
}

function underWay(uploads: number, jobs: number): string {
  if (uploads > 0) return stillInWork(uploads);
  if (jobs > 0) return `the uploads of ${jobs} jobs that BullMQ gave up are not settled yet`;
  return "Redis cannot be reached; jobs that it was not told of go to other workers when their locks have run out";
}

/** Cancels a job that is in work in this process. */
export function cancelHere(queue: string, jobId: string): void {
  for (const worker of guarded) if (worker.qualifiedName === queue) worker.cancelJob(jobId, REMOVED);
}

/** BullMQ has no word for workers of other processes: they look at what the job says when they renew its lock. */
async function cancelIfRemoved(worker: Worker, jobId: string, isUpload: (job: Job) => boolean): Promise<void> {
  try {
    const job = await Job.fromId<UploadJobData>(worker, jobId);
    if (job?.data?.removed === true && isUpload(job)) worker.cancelJob(jobId, REMOVED);
  } catch {
    // Redis is away: the next renewal looks again.
  }
}

/** Nobody comes back for the upload. Where it cannot be settled now, because somebody may still hold it, its job comes again. */
async function settle<U extends UploadRecord>(
  worker: Worker,
  batches: Batches<U>,
  job: Job,
  error: Error,
): Promise<void> {
  try {
    const data = readJobData(job.data);
    const giveUpNow = () => giveUp(batches, data, `BullMQ gave up the job: ${error.message}`).catch(() => false);
    if (isPutBack(error) || !(await giveUpNow())) await again(worker, job);
  } catch (thrown) {
    report(worker, thrown);
  }
}

async function again(worker: Worker, job: Job): Promise<void> {
  try {
    await job.retry("failed");
  } catch {
    // It was not kept: `removeOnFail`.
    await Job.create(worker, job.name, job.data, job.opts);
  }
}
