// As a whole: an old BullMQ lacks one of its errors, and is to be refused in words.
import * as bullmq from "bullmq";
import { UploadError, type UploadRecord } from "../../index.js";
import { readJobData } from "../engine/job-data.js";
import { reasonOf } from "../engine/outcome.js";
import type { UploadWork, Worked } from "../engine/upload-work.js";
import { waitOf } from "../engine/wait.js";
import type { UploadJobData, UploadJobResult } from "./job-types.js";
import { CLOSING, LOCK_LOST, REMOVED } from "./reasons.js";

/** BullMQ hands its signal to functions that declare three parameters, so each of these has them. */
export type UploadJobProcessor = (
  job: bullmq.Job<UploadJobData>,
  token: string | undefined,
  signal: AbortSignal | undefined,
) => Promise<UploadJobResult>;

/** Jobs whose uploads are in work in this process. */
export const inWork = new Set<bullmq.Job>();

/** Errors by which a job ended as it had to: nothing is left to be settled when BullMQ tells that it failed. */
const ends = new WeakSet<Error>();

export function isOwnEnd(error: Error): boolean {
  return ends.has(error);
}

/** Errors of jobs that were to wait on, with no attempt used, when BullMQ could not be told so: the guard has them come again. */
const puttingBack = new WeakSet<Error>();

export function isPutBack(error: Error): boolean {
  return puttingBack.has(error);
}

export function processorOf<U extends UploadRecord>(work: UploadWork<U>): UploadJobProcessor {
  return async (job, token, signal) => {
    if (job.data?.removed === true) throw ended(REMOVED);
    const worked = await workOn(work, job, signal);
    return answer(job, token ?? job.token, signal, worked);
  };
}

async function workOn<U extends UploadRecord>(
  work: UploadWork<U>,
  job: bullmq.Job<UploadJobData>,
  signal: AbortSignal | undefined,
): Promise<Worked> {
  inWork.add(job);
  // A job that has failed and is retried by hand has made all its attempts.
  const number = job.attemptsMade + 1;
  try {
    return await work.run(dataOf(job), {
      attempt: { number, max: Math.max(number, job.opts.attempts ?? 1) },
      signal,
      name: `${job.id}@${job.timestamp}`,
    });
  } finally {
    inWork.delete(job);
  }
}

/** One row of the table of outcomes: returns, or throws what BullMQ understands. */
async function answer(
  job: bullmq.Job<UploadJobData>,
  token: string | undefined,
  signal: AbortSignal | undefined,
  { outcome, status, durationMs }: Worked,
): Promise<UploadJobResult> {
  if (outcome.kind === "done") return { status, durationMs };
  // Whoever has the lock has the job, and if that is nobody else, it comes again: BullMQ moves it only for the lock's owner.
  if (signal?.reason === LOCK_LOST) return putBack(LOCK_LOST, job.moveToWait(token), new bullmq.WaitingError());
  switch (outcome.kind) {
    case "failed":
      throw ended(reasonOf(outcome.error));
    case "delayed": {
      const { error, retryAfterMs, counts } = outcome;
      if (counts) {
        if (retryAfterMs !== undefined) job.opts.backoff = { type: "fixed", delay: waitOf(retryAfterMs, 1) };
        throw new Error(reasonOf(error), { cause: error });
      }
      const reason = reasonOf(error);
      const moved = job.moveToDelayed(Date.now() + waitOf(retryAfterMs, job.attemptsStarted), token);
      return putBack(reason, moved, new bullmq.DelayedError(reason));
    }
    case "aborted": {
      if (signal?.reason === CLOSING) return putBack(CLOSING, job.moveToWait(token), new bullmq.WaitingError());
      const { reason } = outcome;
      if (UploadError.isInstance(reason)) throw ended(reasonOf(reason));
      throw ended(`Aborted: ${reason instanceof Error ? reason.message : String(reason)}`);
    }
  }
}

/** @throws `then`, by which BullMQ knows that the job was moved; where it was not, an error that the guard knows */
async function putBack(why: string, moved: Promise<unknown>, then: Error): Promise<never> {
  try {
    await moved;
  } catch (cause) {
    const error = new Error(`${why}; the job could not be put back`, { cause });
    puttingBack.add(error);
    throw error;
  }
  throw then;
}

function dataOf(job: bullmq.Job<UploadJobData>) {
  try {
    return readJobData(job.data);
  } catch (error) {
    throw ended(UploadError.isInstance(error) ? reasonOf(error) : String(error));
  }
}

function ended(reason: string): Error {
  const error = new bullmq.UnrecoverableError(reason);
  ends.add(error);
  return error;
}
