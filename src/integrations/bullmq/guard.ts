import { Job, type Worker } from "bullmq";
import { ConfigurationError, type LeaseOptions, type UploadRecord } from "../../index.js";
import type { Batches } from "../engine/batches.js";
import { giveUp } from "../engine/give-up.js";
import { GRACE_MS, requireGrace } from "../engine/grace.js";
import { readJobData } from "../engine/job-data.js";
import { report } from "../engine/report.js";
import type { UploadJobData, UploadJobResult } from "./job-types.js";
import { isOwnEnd } from "./processor.js";
import { CLOSING, LOCK_LOST, REMOVED } from "./reasons.js";

/** A worker that hands its uploads back when it is closed, and settles those that BullMQ gives up. */
export interface GuardedWorker {
  readonly worker: Worker<UploadJobData, UploadJobResult>;
  /**
   * Takes no further job, lets those in work end, and hands back what has not ended after the grace: it waits for another worker,
   * with no attempt used. Close your own connections and the repository after that.
   *
   * @param options.graceMs in milliseconds, by default 10000
   */
  close(options?: { readonly graceMs?: number | undefined }): Promise<void>;
}

/** The default of `lease.maxStarts`. */
const MAX_STARTS = 3;
/** A job that was being fetched when the grace ended begins after it. */
const CLOSING_AGAIN_MS = 100;

/** Workers of this process that are open: a job that is removed is stopped at once where it is in work here. */
const guarded = new Set<Worker>();

/** How many stalls a worker has to bear so that the library finds out first which upload takes processes down. */
export function requiredStalls(lease: LeaseOptions | undefined): number {
  return Math.max(1, lease?.maxStarts ?? MAX_STARTS);
}

/** @throws ConfigurationError BullMQ would give an upload up before the library can quarantine it */
export function requireStalls(name: string, maxStalledCount: number | undefined, required: number): void {
  if (maxStalledCount !== undefined && maxStalledCount >= required) return;
  throw new ConfigurationError(
    `${name}: expected at least lease.maxStarts, ${required}, got ${maxStalledCount}; with fewer BullMQ gives a job up before ` +
      `the library can tell that its upload takes the process down: set maxStalledCount: ${required}`,
  );
}

export function guard<U extends UploadRecord>(worker: Worker, batches: Batches<U>): GuardedWorker {
  const settling = new Set<Promise<void>>();
  worker.on("lockRenewalFailed", (ids) => {
    for (const id of ids) worker.cancelJob(id, LOCK_LOST);
  });
  worker.on("locksRenewed", ({ jobIds }) => {
    for (const id of jobIds) void cancelIfRemoved(worker, id);
  });
  worker.on("failed", (job, error) => {
    if (job === undefined || isOwnEnd(error)) return;
    if (job.finishedOn === undefined) return; // it is tried again
    const settled: Promise<void> = settle(worker, batches, job, error).finally(() => settling.delete(settled));
    settling.add(settled);
  });
  worker.on("closed", () => guarded.delete(worker));
  guarded.add(worker);
  return {
    worker,
    async close({ graceMs = GRACE_MS } = {}) {
      await closeAfter(worker, graceMs);
      await Promise.all(settling);
    },
  };
}

/** Cancels a job that is in work in this process. */
export function cancelHere(queue: string, jobId: string): void {
  for (const worker of guarded) if (worker.qualifiedName === queue) worker.cancelJob(jobId, REMOVED);
}

/** BullMQ has no word for workers of other processes: they look at what the job says when they renew its lock. */
async function cancelIfRemoved(worker: Worker, jobId: string): Promise<void> {
  try {
    const job = await Job.fromId<UploadJobData>(worker, jobId);
    if (job?.data.removed === true) worker.cancelJob(jobId, REMOVED);
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
    const isSettled = await giveUp(batches, data, `BullMQ gave up the job: ${error.message}`).catch(() => false);
    if (!isSettled) await again(worker, job);
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

async function closeAfter(worker: Worker, graceMs: number): Promise<void> {
  requireGrace(graceMs);
  const cancel = () => worker.cancelAllJobs(CLOSING);
  let timer = setTimeout(() => {
    cancel();
    timer = setInterval(cancel, CLOSING_AGAIN_MS);
  }, graceMs);
  try {
    await worker.close();
  } finally {
    clearTimeout(timer);
  }
}
