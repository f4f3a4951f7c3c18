/** One attempt at an upload: all that an engine without a subpath of its own has to know of the library. */
import pg from "pg";
import { processUploadWithRetry, settleBatch, UploadError, type UploadResult } from "upload-processor";
import { fileStorage } from "upload-processor/fs";
import { localAI } from "upload-processor/local-ai";
import { postgresRepository } from "upload-processor/postgres";

export const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  connectionTimeoutMillis: 10_000,
  keepAlive: true,
});
pool.on("error", (error) => console.error(error.message));
export const repository = postgresRepository(pool);
/** How long an upload is held by a worker that was killed. */
const lease = { durationMs: Number(process.env.LEASE_MS ?? 60_000) };
const adapters = { storage: fileStorage(process.env.PHOTOS ?? "photos"), ai: localAI(), repository };

export interface Job {
  readonly uploadId: string;
  readonly batchId?: string | undefined;
}

/** What becomes of the job: it ends, or comes again after a wait, with this attempt counted or not. */
export type Next =
  | { readonly state: "done" }
  | { readonly state: "failed"; readonly reason: string }
  | { readonly state: "again"; readonly inMs: number; readonly counted: boolean };

/**
 * The engine owns the retries: it says which attempt this is, and hands its signal in, with which the upload is handed back. What is not
 * the upload's fault is an answer, too, or the engine would end the job while its upload is open: the database is away, sharp is missing.
 */
export async function attemptAt(
  job: Job,
  attempt: { readonly number: number; readonly max: number },
  signal?: AbortSignal,
): Promise<Next> {
  try {
    return await tryAt(job, attempt, signal);
  } catch (error) {
    if (!UploadError.isInstance(error) || error.fault === "upload") throw error;
    console.error(`${job.uploadId}: ${error.message}`);
    return { state: "again", inMs: error.fault === "deployment" ? 30_000 : 5000, counted: false };
  }
}

async function tryAt(
  { uploadId, batchId }: Job,
  attempt: { readonly number: number; readonly max: number },
  signal?: AbortSignal,
): Promise<Next> {
  const next = nextAfter(await processUploadWithRetry(uploadId, adapters, { attempt, signal, lease }), attempt.number);
  if (next.state !== "again" && batchId !== undefined) await settleBatch(repository, batchId);
  return next;
}

function nextAfter(result: UploadResult, attempt: number): Next {
  switch (result.status) {
    case "completed":
    case "deleted":
      return { state: "done" };
    case "failed": {
      const { code, message } = result.error;
      return { state: "failed", reason: `${code}: ${message}` };
    }
    case "deferred": // that somebody else is at it, or that the service is down, counts as no attempt
      return { state: "again", inMs: result.retryAfterMs ?? 500 * 2 ** attempt, counted: result.countsAsAttempt };
    case "aborted": // by the engine's signal; a cancelled batch stays as it is
      if (UploadError.isInstance(result.reason) && result.reason.code === "BATCH_CANCELLED") return { state: "done" };
      return { state: "again", inMs: 1000, counted: false };
    case "skipped":
      if (result.reason === "claimed-elsewhere")
        return { state: "again", inMs: result.retryAfterMs ?? 1000, counted: false };
      return result.reason === "already-failed" ? { state: "failed", reason: "failed before" } : { state: "done" };
  }
}
