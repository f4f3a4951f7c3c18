/** Uploads as jobs of Graphile Worker, which keeps them in the same PostgreSQL as the rows. */
import { makeWorkerUtils, type Runner, run, type Task } from "graphile-worker";
import { attemptAt, type Job, pool } from "./attempt.js";

const MAX_ATTEMPTS = 3;
const TASK = "process-upload";

/** The attempt stands in the payload: Graphile Worker counts each time that it runs a job, and a wait is no attempt. */
interface Payload extends Job {
  readonly attempt: number;
}

const processUpload: Task = async (payload, { addJob, abortSignal, logger }) => {
  const job = payload as Payload;
  const next = await attemptAt(job, { number: job.attempt, max: MAX_ATTEMPTS }, abortSignal);
  if (next.state === "failed") logger.error(`${job.uploadId}: ${next.reason}`); // the row says so, too: the job is over
  if (next.state !== "again") return;
  const again: Payload = { ...job, attempt: next.counted ? job.attempt + 1 : job.attempt };
  await addJob(TASK, again, { runAt: new Date(Date.now() + next.inMs), jobKey: keyOf(job) });
};

/** A worker: `stop()` ends it, and hands back what has not ended after the shutdown's grace. */
export function startWorker(concurrency = 8): Promise<Runner> {
  return run({ pgPool: pool, taskList: { [TASK]: processUpload }, concurrency, noHandleSignals: true });
}

/** Behind the rows; in one transaction with them by `graphile_worker.add_job` in SQL. */
export async function enqueue(jobs: readonly Job[]): Promise<void> {
  const utils = await makeWorkerUtils({ pgPool: pool });
  try {
    for (const job of jobs) await utils.addJob(TASK, { ...job, attempt: 1 }, { jobKey: keyOf(job) });
  } finally {
    await utils.release();
  }
}

function keyOf({ uploadId }: Job): string {
  return `upload-${uploadId}`;
}
