import type { JobResult, PgBoss } from "pg-boss";
import { ConfigurationError, type RepositoryAdapter, UploadError, type UploadRecord } from "../../index.js";
import { Batches, type BatchListener } from "../engine/batches.js";
import { giveUp } from "../engine/give-up.js";
import { type JobData, readJobData } from "../engine/job-data.js";
import { report } from "../engine/report.js";
import { waitOf } from "../engine/wait.js";
import type { UploadJob, UploadJobData } from "./job-types.js";
import { putBack } from "./put-back.js";
import { requireVersions } from "./versions.js";

/** Where somebody may still hold the upload. In milliseconds. */
const HELD_MS = 10_000;

/**
 * Works a dead letter queue of uploads. pg-boss has no event for a job that it gives up, because its worker died, or was frozen, at
 * the last attempt: it moves the job here. Its upload is settled as `failed`, `ENGINE_GAVE_UP`, and its batch; one that is still
 * held is looked at again. Uploads that are settled stay as they are, and those that failed by themselves, also when they were reset since.
 *
 * @param queue the `deadLetter` of queues of uploads, and of no others
 * @param o.onBatchSettled the same as the workers'
 * @returns the id of the worker
 * @throws ConfigurationError a Node or a pg-boss that is too old
 * @example
 * await boss.createQueue("uploads-dead");
 * await boss.createQueue("uploads", { policy: "exclusive", heartbeatSeconds: 60, deadLetter: "uploads-dead" });
 * await workDeadLetters(boss, "uploads-dead", { repository });
 */
export async function workDeadLetters<U extends UploadRecord>(
  boss: PgBoss,
  queue: string,
  o: { readonly repository: RepositoryAdapter<U> } & BatchListener,
): Promise<string> {
  requireVersions(boss);
  if (typeof o?.repository?.findUpload !== "function")
    throw new ConfigurationError("workDeadLetters: expected { repository }, to settle what pg-boss gives up");
  const batches = new Batches(o.repository, o.onBatchSettled, (thrown) => report(boss, thrown));
  const options = { includeMetadata: true, perJobResults: true } as const;
  return boss.work<UploadJobData, unknown, typeof options>(queue, options, (jobs) =>
    Promise.all(jobs.map((job) => settle(boss, batches, job))),
  );
}

async function settle<U extends UploadRecord>(boss: PgBoss, batches: Batches<U>, job: UploadJob): Promise<JobResult> {
  const { id } = job;
  try {
    const data = dataOf(job);
    if (isSettled(job) || (await hasNewJob(boss, job, data)) || (await giveUp(batches, data, reasonOf(job))))
      return { id, status: "completed" };
  } catch (error) {
    report(boss, error);
    if (UploadError.isInstance(error) && error.code === "INVALID_CONFIGURATION")
      return { id, status: "deadletter", output: error.toJSON() };
  }
  await putBack(boss, job, waitOf(HELD_MS, 1));
  return { id, status: "failed" };
}

/** Who has enqueued the upload again since does not want it settled for its old job. */
async function hasNewJob(boss: PgBoss, { sourceName }: UploadJob, { uploadId }: JobData): Promise<boolean> {
  if (sourceName === null) return false;
  return (await boss.findJobs(sourceName, { key: uploadId, queued: true, limit: 1 })).length > 0;
}

/** @throws ConfigurationError a job of another kind, whose queue has the same dead letters, is not to fail an upload that it names */
function dataOf({ data, singletonKey, sourceName }: UploadJob): JobData {
  const read = readJobData(data);
  if (singletonKey === read.uploadId) return read;
  throw new ConfigurationError(
    `dead letter of queue "${sourceName}": expected a job that enqueueUploads has made, got one with singletonKey ${singletonKey}; ` +
      `give the queues of uploads dead letters of their own`,
  );
}

/**
 * The handler gives a job up itself only when it has settled its upload and the batch, and then says why as an error of this library. An
 * upload that is open now was reset since.
 */
function isSettled({ sourceOutput }: UploadJob): boolean {
  const { name, code } = (sourceOutput ?? {}) as { name?: unknown; code?: unknown };
  return name === "UploadError" && typeof code === "string";
}

function reasonOf({ sourceOutput }: UploadJob): string {
  return `pg-boss gave up the job: ${messageIn(sourceOutput) ?? "no reason is known"}`;
}

/** `{ message }`, also as `{ value: { message } }`, which pg-boss writes itself, or `{ value: "…" }`, which it makes of a text. */
function messageIn(output: unknown): string | undefined {
  if (typeof output === "string") return output;
  if (typeof output !== "object" || output === null) return undefined;
  const { message, value } = output as { message?: unknown; value?: unknown };
  return messageIn(message) ?? messageIn(value);
}
