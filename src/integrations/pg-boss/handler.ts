import type { JobResult, JobWithMetadata, PgBoss } from "pg-boss";
import { ConfigurationError, UploadError, type UploadRecord } from "../../index.js";
import type { Batches } from "../engine/batches.js";
import { giveUp } from "../engine/give-up.js";
import { type JobData, readJobData } from "../engine/job-data.js";
import { reasonOf } from "../engine/outcome.js";
import { asError, report } from "../engine/report.js";
import type { UploadWork, Worked } from "../engine/upload-work.js";
import { waitOf } from "../engine/wait.js";
import { CLAIM_LOST, CLOSING, siteOf } from "./in-work.js";
import type { UploadJob, UploadJobData, UploadJobResult } from "./job-types.js";
import { attemptOf, EXPIRE_IN_SECONDS, failFor, putBack, waitsOf } from "./put-back.js";

const EXPIRES_EARLY = "The job would expire while its upload waits; it comes again with more time";

interface Needs {
  readonly needs: "perJobResults: true and includeMetadata: true";
}

/**
 * What `boss.work` takes with `perJobResults: true` and `includeMetadata: true`. Nothing calls the second signature: it is what
 * `boss.work` infers from without the first of these, so that the types refuse the handler instead of taking its answer for an output.
 */
export interface UploadJobHandler {
  (jobs: JobWithMetadata<UploadJobData>[]): Promise<JobResult[]>;
  (jobs: JobWithMetadata<UploadJobData>[] & Needs): Promise<Needs>;
}

/** A job that the handler does not end: what it has done with it stands, and pg-boss drops what it answers. */
interface Left {
  readonly status: "failed";
  readonly output: object;
}

type Answer = Left | Omit<JobResult, "id">;

export function handlerOf<U extends UploadRecord>(boss: PgBoss, work: UploadWork<U>): UploadJobHandler {
  const one = async (job: UploadJob): Promise<JobResult> => ({ id: job.id, ...(await answerTo(job)) });
  const answerTo = async (job: UploadJob): Promise<Answer> => {
    try {
      return await siteOf(boss).run(job, (signal) => deliver(boss, work, job, signal));
    } catch (thrown) {
      // pg-boss could not be told what becomes of the job: it comes again, with an attempt used.
      report(boss, thrown);
      return left(asError(thrown).message);
    }
  };
  const all = async (jobs: UploadJob[]): Promise<JobResult[]> => {
    requireMetadata(jobs);
    try {
      return await Promise.all(jobs.map(one));
    } finally {
      wake(boss, jobs[0]?.name);
    }
  };
  return all as UploadJobHandler;
}

async function deliver<U extends UploadRecord>(
  boss: PgBoss,
  work: UploadWork<U>,
  job: UploadJob,
  signal: AbortSignal,
): Promise<Answer> {
  let data: JobData;
  try {
    data = readJobData(job.data);
  } catch (unfit) {
    return { status: "deadletter", output: toOutput(unfit) };
  }
  if (job.expireInSeconds < EXPIRE_IN_SECONDS) {
    // It was not made by `enqueueUploads`, but redriven from the dead letters, say. It gets its time with the next delivery.
    await putBack(boss, job, 0);
    return left(EXPIRES_EARLY);
  }
  const number = job.retryCount + 1 - waitsOf(job);
  const attempt = { number, max: Math.max(number, job.retryLimit + 1 - waitsOf(job)) };
  const worked = await work.run(data, { attempt, signal, name: job.id }).catch(failed);
  const isLast = number === attempt.max;
  if (isLast && worked.outcome.kind === "delayed" && worked.outcome.counts && signal.reason !== CLAIM_LOST)
    return endLast(boss, work.batches, job, data, worked.outcome.error);
  return answer(boss, job, signal, worked);
}

/** One row of the table of outcomes. */
async function answer(
  boss: PgBoss,
  job: UploadJob,
  signal: AbortSignal,
  { outcome, status, durationMs }: Worked,
): Promise<Answer> {
  if (outcome.kind === "done") {
    const output: UploadJobResult = { status, durationMs };
    return { status: "completed", output };
  }
  if (signal.reason === CLAIM_LOST) return left(CLAIM_LOST);
  switch (outcome.kind) {
    case "failed":
      return { status: "deadletter", output: outcome.error.toJSON() };
    case "delayed": {
      const { error, retryAfterMs, counts } = outcome;
      if (!counts) {
        await putBack(boss, job, waitOf(retryAfterMs, job.retryCount + 1));
        return left(error.message);
      }
      if (retryAfterMs !== undefined) await failFor(boss, job, error.toJSON(), waitOf(retryAfterMs, 1));
      return { status: "failed", output: error.toJSON() };
    }
    case "aborted":
      if (signal.reason === CLOSING) await putBack(boss, job, 0);
      else await boss.cancel(job.name, attemptOf(job));
      return left(asError(outcome.reason).message);
  }
}

/** Nobody would come back for an upload that is not settled when its job has ended. */
async function endLast<U extends UploadRecord>(
  boss: PgBoss,
  batches: Batches<U>,
  job: UploadJob,
  data: JobData,
  error: UploadError,
): Promise<Answer> {
  const isSettled = await giveUp(batches, data, `The last attempt failed: ${reasonOf(error)}`).catch(() => false);
  if (isSettled) return { status: "deadletter", output: error.toJSON() };
  await putBack(boss, job, waitOf(error.retryAfterMs, job.retryCount + 1));
  return left(error.message);
}

/** What no row of the table expects: a failure like any other. */
function failed(thrown: unknown): Worked {
  const { message } = asError(thrown);
  const error = UploadError.isInstance(thrown)
    ? thrown
    : new UploadError(message, { code: "NOT_COMPLETED", cause: thrown });
  return {
    outcome: { kind: "delayed", error, retryAfterMs: undefined, counts: true },
    status: "failed",
    durationMs: 0,
  };
}

/**
 * "Failed", so that an upload is not lost where pg-boss should after all listen to it; and without a code, because its dead letter has to
 * be looked at then.
 */
function left(message: string): Left {
  return { status: "failed", output: { message } };
}

function toOutput(thrown: unknown): object {
  return UploadError.isInstance(thrown) ? thrown.toJSON() : { message: asError(thrown).message };
}

function requireMetadata(jobs: readonly UploadJob[]): void {
  if (jobs.every(({ retryLimit }) => typeof retryLimit === "number")) return;
  throw new ConfigurationError(
    "uploadJobHandler: expected jobs with their metadata; give boss.work { includeMetadata: true, perJobResults: true }",
  );
}

/** A worker that has ended a job would wait for its polling interval. It, and others that are at work, look again at once. */
function wake(boss: PgBoss, queue: string | undefined): void {
  for (const { id, name, count } of boss.getWipData()) if (name === queue && count > 0) boss.notifyWorker(id);
}
