import type { BatchStatus, UploadRecord, UploadStage } from "./contracts/upload.js";
import { UploadError } from "./errors.js";

/** How long one call of a stage took. */
export interface StageTiming {
  readonly stage: UploadStage;
  /** 1-based; 0 for what runs outside the attempts. */
  readonly attempt: number;
  /** In milliseconds, from winning its slot to its end. */
  readonly durationMs: number;
  /** In milliseconds: how long it waited for its slot under the stage's limit. */
  readonly waitedMs: number;
  readonly outcome: "ok" | "failed";
}

interface SettledUpload {
  readonly uploadId: string;
  /** How many attempts this call made; 0 when the upload was not begun. */
  readonly attempts: number;
  readonly durationMs: number;
  /** What went wrong without stopping the upload: a thumbnail that could not be made, a listener that threw. */
  readonly warnings: readonly UploadError[];
  readonly stages: readonly StageTiming[];
}

/** Everything is stored. `upload` is the claimed record overlaid with what was stored. */
export interface CompletedUpload<U extends UploadRecord = UploadRecord> extends SettledUpload {
  readonly status: "completed";
  readonly upload: U;
}
/** Nothing further is coming; the reason is stored with the record. */
export interface FailedUpload extends SettledUpload {
  readonly status: "failed";
  readonly error: UploadError;
}
/** Handed back to the engine that owns the retries; the upload is `pending` again, with its checkpoints. */
export interface DeferredUpload extends SettledUpload {
  readonly status: "deferred";
  readonly error: UploadError;
  /** In milliseconds: do not try again before. */
  readonly retryAfterMs?: number | undefined;
}
/** Not worked on, or no longer: somebody else has it, or it is settled. */
export interface SkippedUpload extends SettledUpload {
  readonly status: "skipped";
  readonly reason: "already-completed" | "already-failed" | "claimed-elsewhere" | "not-found";
  /** In milliseconds: what is left of the other worker's lease. */
  readonly retryAfterMs?: number | undefined;
}
/** It existed and vanished in mid-flight: the work was aborted, the thumbnail removed. */
export interface DeletedUpload extends SettledUpload {
  readonly status: "deleted";
}
/** Stopped by a signal, `abortUpload`, `cancel` or `close`; the upload is `pending` again, with its checkpoints. */
export interface AbortedUpload extends SettledUpload {
  readonly status: "aborted";
  readonly reason: unknown;
}

/** What became of one upload: narrow it by `status`. */
export type UploadResult<U extends UploadRecord = UploadRecord> =
  | CompletedUpload<U>
  | FailedUpload
  | DeferredUpload
  | SkippedUpload
  | DeletedUpload
  | AbortedUpload;

/** What became of one run over many uploads; `batch:progress` tells of the whole batch. */
export interface BatchResult {
  readonly batchId: string | null;
  readonly status: BatchStatus;
  /** How many uploads there are; `null` when the input did not tell. */
  readonly total: number | null;
  readonly completed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly deleted: number;
  readonly aborted: number;
  readonly deferred: number;
  readonly durationMs: number;
  /** The first 100. */
  readonly failures: readonly { readonly uploadId: string; readonly error: UploadError }[];
  /** Why the batch is `failed`. */
  readonly error?: UploadError;
}

/**
 * Narrows a result to {@link CompletedUpload}, for callers that treat everything else as an exception.
 *
 * @throws UploadError the upload's own error, or `NOT_COMPLETED` for the outcomes that carry none.
 * @example
 * const result = await processUploadWithRetry(upload, adapters);
 * assertCompleted(result);
 * result.upload.description;
 */
export function assertCompleted<U extends UploadRecord>(result: UploadResult<U>): asserts result is CompletedUpload<U> {
  switch (result.status) {
    case "completed":
      return;
    case "failed":
    case "deferred":
      throw result.error;
    case "skipped": {
      const code = result.reason === "claimed-elsewhere" ? "CLAIMED_ELSEWHERE" : "NOT_COMPLETED";
      const { retryAfterMs } = result;
      throw new UploadError(`Upload ${result.uploadId} was skipped: ${result.reason}`, { code, retryAfterMs });
    }
    case "deleted":
      throw new UploadError(`Upload ${result.uploadId} was deleted in mid-flight`, { code: "NOT_COMPLETED" });
    case "aborted":
      throw new UploadError(`Upload ${result.uploadId} was aborted`, { code: "NOT_COMPLETED", cause: result.reason });
  }
}
