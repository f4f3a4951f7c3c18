import type { Usage } from "./contracts/ai.js";
import type { BatchStatus, StageName, UploadRecord } from "./contracts/upload.js";
import { UploadError } from "./errors.js";

/** How long one call of a stage took, and what it used up. */
export interface StageTiming {
  readonly stage: StageName;
  /** 1-based; 0 for what runs outside the attempts. */
  readonly attempt: number;
  /** In milliseconds, from winning its slot to its end. */
  readonly durationMs: number;
  /** In milliseconds: how long it waited for its slot under the stage's limit. */
  readonly waitedMs: number;
  readonly outcome: "ok" | "failed";
  /** Of calls of the model, and of what else tells it. */
  readonly usage?: Usage;
}

interface SettledUpload {
  readonly uploadId: string;
  /** How many attempts this call made; 0 when the upload was not begun. */
  readonly attempts: number;
  readonly durationMs: number;
  /** What went wrong without stopping the upload: a thumbnail that could not be made, a listener that threw. */
  readonly warnings: readonly UploadError[];
  readonly stages: readonly StageTiming[];
  /** Of every call that was made for it, failed ones too. */
  readonly usage: Usage;
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
  /** A redo failed: the old result stands, and the record is `completed` as before, with the reason beside it. */
  readonly kept: boolean;
}
/** To be done later, by whoever comes back: an engine, or the owner of a runtime. It is `pending` again, with its checkpoints. */
export interface DeferredUpload extends SettledUpload {
  readonly status: "deferred";
  readonly error: UploadError;
  /** In milliseconds: do not try again before. */
  readonly retryAfterMs?: number | undefined;
  /**
   * `false`: the upload is not to blame (the service is down, another worker has it, a 429 says when to come back). An engine waits
   * without using up an attempt, also at the last one.
   */
  readonly countsAsAttempt: boolean;
}
/** Not worked on, or no longer: somebody else has it, or it is settled. */
export interface SkippedUpload extends SettledUpload {
  readonly status: "skipped";
  readonly reason: "already-completed" | "already-failed" | "claimed-elsewhere" | "not-found";
  /** In milliseconds: what is left of the other worker's lease. */
  readonly retryAfterMs?: number | undefined;
}
/** Its row was deleted meanwhile: the work was aborted, what it had made was removed. */
export interface DeletedUpload extends SettledUpload {
  readonly status: "deleted";
}
/** Stopped by a signal, `abortUpload`, `cancel` or `close`; the upload is `pending` again, with its checkpoints. */
export interface AbortedUpload extends SettledUpload {
  readonly status: "aborted";
  /** An `UploadError` where the library knows why (`BATCH_CANCELLED`), else the reason of the signal. */
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
  /** As in its events: `null` where only part of a batch was done again. */
  readonly batchId: string | null;
  /**
   * `processing`: it ended before it was done; `process`, `rerun` with the same name, or `recover` go on. So does a redo over several
   * batches of which one was cancelled, with `BATCH_CANCELLED`; one within a single batch is `cancelled`.
   */
  readonly status: BatchStatus;
  /** How many uploads there are: of a stored batch as last counted; `null` when the input did not tell. */
  readonly total: number | null;
  /** Outcomes of this run, as the following are. */
  readonly completed: number;
  readonly failed: number;
  /** Also those that were settled when the run began. */
  readonly skipped: number;
  readonly deleted: number;
  readonly aborted: number;
  readonly deferred: number;
  /** Of the failed ones: how many were redone, and keep their old result. */
  readonly kept: number;
  readonly durationMs: number;
  /** The first 100; {@link failuresOmitted} tells how many more there were. */
  readonly failures: readonly { readonly uploadId: string; readonly error: UploadError }[];
  readonly failuresOmitted: number;
  /**
   * Why it ended before it was done: with `failed`, and with `processing` (the budget is used up, the service or the repository was
   * given up; `NOT_COMPLETED` where you ended it by a signal or `close`). Absent with `completed` and `cancelled`.
   */
  readonly error?: UploadError;
  /** Of every call that this run made. */
  readonly usage: Usage;
  readonly usageByStage: Readonly<Record<string, Usage>>;
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
      if (UploadError.isInstance(result.reason)) throw result.reason;
      throw new UploadError(`Upload ${result.uploadId} was aborted`, { code: "NOT_COMPLETED", cause: result.reason });
  }
}
