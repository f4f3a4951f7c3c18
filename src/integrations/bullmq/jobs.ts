import type { JobsOptions, Queue } from "bullmq";
import { ConfigurationError } from "../../index.js";
import type { JobData } from "../engine/job-data.js";
import { type Enqueued, pagesOf } from "../engine/pages.js";
import { requireBullMQ } from "./bullmq-version.js";
import { cancelHere } from "./guard.js";
import { JOB_NAME, jobIdOf, type UploadJobData } from "./job-types.js";

const PAGE = 1000;

/**
 * Enqueues uploads, whose rows have to be there: one job each, with an id that is made of the upload's. A job that is open, or in
 * work, stays as it is; one that has ended, and is kept, is replaced. So uploads that were reset are enqueued like new ones.
 *
 * @param uploads records or ids; a record tells its batch, which saves looking it up
 * @param options of the jobs, BullMQ's: `attempts` (1 by default, as ever in BullMQ), `backoff`, `removeOnComplete`, `priority`, …
 * @returns how many were added, and for how many there was a job already
 *   (processes that enqueue the same upload at the same moment may each count it as added: there is one job of it all the same)
 * @throws ConfigurationError what is no upload, `options.jobId` or `options.deduplication`; a queue of a BullMQ before 6
 * @example
 * await enqueueUploads(queue, uploads, { attempts: 3, backoff: { type: "exponential", delay: 1000 }, removeOnComplete: true });
 */
export async function enqueueUploads(
  queue: Queue,
  uploads: Iterable<Enqueued>,
  options: JobsOptions = {},
): Promise<{ readonly added: number; readonly already: number }> {
  requireBullMQ(queue);
  if (options.jobId !== undefined)
    throw new ConfigurationError("options.jobId: unknown; the id of a job is made of its upload's");
  if (options.deduplication !== undefined)
    throw new ConfigurationError(
      "options.deduplication: unknown; BullMQ would pass over other uploads by it, and each upload has one job anyway",
    );
  let [added, already] = [0, 0];
  for (const { jobs, repeated } of pagesOf(uploads, PAGE)) {
    const isFree = await Promise.all(jobs.map((job) => makeRoom(queue, jobIdOf(job.uploadId))));
    const free = jobs.filter((_, index) => isFree[index]);
    if (free.length > 0) await queue.addBulk(free.map((job) => entryOf(job, options)));
    added += free.length;
    already += jobs.length - free.length + repeated;
  }
  return { added, already };
}

/** BullMQ says nothing when it passes over an id that it has. @returns whether a job of this id would be added */
async function makeRoom(queue: Queue, jobId: string): Promise<boolean> {
  const state = await queue.getJobState(jobId);
  if (state === "completed" || state === "failed") await queue.remove(jobId);
  return state === "completed" || state === "failed" || state === "unknown";
}

function entryOf(data: JobData, options: JobsOptions) {
  return { name: JOB_NAME, data, opts: { ...options, jobId: jobIdOf(data.uploadId) } };
}

/**
 * Takes an upload out of the queue: for an endpoint that deletes uploads, behind the deletion of the row, or to cancel one. The row
 * stays as it is.
 *
 * @returns `"removed"`: the job is gone. `"aborted"`: it is in work, and its worker was told to stop: at once in this process, in
 *   others when it renews the job's lock, at the latest after `lockDuration / 2` (15 s); it ends as failed. `"not-found"`: there is none
 */
export async function removeUploadJob(queue: Queue, uploadId: string): Promise<"removed" | "aborted" | "not-found"> {
  requireBullMQ(queue);
  const jobId = jobIdOf(uploadId);
  const job = await queue.getJob(jobId);
  if (job === undefined) return "not-found";
  if ((await queue.remove(jobId)) === 1) return "removed";
  const data: UploadJobData = { ...job.data, removed: true };
  try {
    await job.updateData(data);
  } catch (error) {
    if ((await queue.getJobState(jobId)) === "unknown") return "not-found"; // it has ended meanwhile, and is not kept
    throw error;
  }
  cancelHere(queue.qualifiedName, jobId);
  // It may have ended meanwhile, and let go of its lock.
  return (await queue.remove(jobId)) === 1 ? "removed" : "aborted";
}
