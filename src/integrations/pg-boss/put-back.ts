import type { ConnectionOptions, PgBoss } from "pg-boss";
import type { UploadJob, UploadJobData } from "./job-types.js";

/**
 * pg-boss counts the time of a delivery in which the upload only waits for a slot, too, and fails the job when it is over. A worker that
 * died is told by its heartbeat, and the stages end by their timeouts, so jobs of uploads get the longest time that pg-boss takes.
 */
export const EXPIRE_IN_SECONDS = 24 * 60 * 60;

/**
 * The job comes again, with no attempt used. pg-boss counts each claim, so its limit goes up with it, and the job's data tell how
 * many of its claims were none. A job that is no longer this worker's stays as it is.
 *
 * @param waitMs in milliseconds, by the clock of the database
 */
export async function putBack(boss: PgBoss, job: UploadJob, waitMs: number): Promise<void> {
  const data: UploadJobData = { ...job.data, waits: waitsOf(job) + 1 };
  await inTransaction(boss, async (on) => {
    if (!isDone(await boss.cancel(job.name, attemptOf(job), on))) return;
    await boss.resume(job.name, job.id, on);
    await boss.update(job.name, data, {
      id: job.id,
      startAfter: Math.ceil(waitMs) / 1000,
      retryLimit: job.retryLimit + 1,
      expireInSeconds: EXPIRE_IN_SECONDS,
      ...on,
    });
  });
}

/** The job has used up an attempt, and the next one begins when the service wants it to, not when the queue's options say. */
export async function failFor(boss: PgBoss, job: UploadJob, output: object, waitMs: number): Promise<void> {
  await inTransaction(boss, async (on) => {
    if (!isDone(await boss.fail(job.name, attemptOf(job), output, on))) return;
    await boss.update(job.name, undefined, { id: job.id, startAfter: Math.ceil(waitMs) / 1000, ...on });
  });
}

/** How many claims of the job were no attempts. */
export function waitsOf({ data, retryCount }: UploadJob): number {
  const { waits = 0 } = data;
  return Number.isInteger(waits) && waits > 0 ? Math.min(waits, retryCount) : 0;
}

/** By this pg-boss leaves a job alone that has been claimed again meanwhile. */
export function attemptOf({ id, retryCount }: UploadJob) {
  return { id, retryCount };
}

/** pg-boss tells how many jobs it has changed, but its types do not. */
function isDone(response: { readonly affected?: number }): boolean {
  return response.affected !== 0;
}

/** Databases that were handed to pg-boss need not know transactions; the steps stand one by one then. */
async function inTransaction(boss: PgBoss, steps: (on: ConnectionOptions) => Promise<void>): Promise<void> {
  const transaction = await boss.getDb().beginTransaction?.();
  if (transaction === undefined) return steps({});
  try {
    await steps({ db: transaction.db });
    await transaction.commit();
  } catch (error) {
    await transaction.rollback();
    throw error;
  }
}
