import type { BatchRecord, BatchStatus, Mode, UploadRecord, UploadStatus } from "./upload.js";

/** Column values to write: a key that is absent leaves its column alone, `null` clears it. */
export interface UploadChanges {
  status?: UploadStatus;
  thumbnailKey?: string | null;
  description?: string | null;
  embedding?: number[] | null;
  metadata?: Record<string, unknown> | null;
  aiVersion?: string | null;
  errorCode?: string | null;
  errorStage?: string | null;
  errorMessage?: string | null;
  starts?: number;
}

/** Column values of a batch to write. */
export interface BatchChanges {
  status?: BatchStatus;
}

/** What became of a write. */
export type WriteOutcome = "saved" | "deleted" | "stale";

/** The answer to a claim. */
export type ClaimOutcome<U extends UploadRecord = UploadRecord> =
  | { outcome: "claimed"; upload: U; fence: number }
  | { outcome: "settled"; upload: U }
  /** `retryAfterMs`: what is left of the holder's lease. */
  | { outcome: "busy"; retryAfterMs?: number | undefined }
  | { outcome: "deleted" };

/** Where the records of uploads live. */
export interface RepositoryAdapter<U extends UploadRecord = UploadRecord> {
  /** `null` when there is no such upload. */
  readonly findUpload: (id: string) => Promise<U | null>;
  /**
   * Applies `changes` (keys to leave alone are absent; may be empty) and, with `claim.leaseMs`, renews the lease.
   *
   * - `"deleted"`: there is no such row.
   * - `"stale"`, and nothing written: `claim.fence` is not the row's current fence, or the row is no longer in progress and
   *   `changes.status` is not the status that it has. So a repeated final write still says `"saved"`, and a late earlier
   *   write cannot reopen a settled row.
   *
   * Without `claimUpload` the library calls it without `claim`, and begins its work by a write of `status: "analyzing"`
   * and `starts`: that one has to be taken whatever the row's status.
   */
  readonly updateUpload: (
    id: string,
    changes: UploadChanges,
    claim?: { fence: number; leaseMs?: number | undefined },
  ) => Promise<WriteOutcome>;
  /**
   * Takes the upload in one atomic step. Granted when it is `pending`; or in progress with its lease run out or never set;
   * or `failed` with mode `"retry-failed"` or `"reprocess"`; or `completed` with `"reprocess"`.
   *
   * A grant adds 1 to the fence and to `starts` (1 for a settled row), sets the lease by the store's own clock, sets
   * `status` to `"analyzing"` and clears the error fields; `"reprocess"` also clears the checkpoints of a settled row.
   *
   * Left out: only one process at a time may work on the uploads.
   */
  readonly claimUpload?:
    | ((id: string, request: { leaseMs: number; mode: Mode }) => Promise<ClaimOutcome<U>>)
    | undefined;
}

/** What `BatchProcessor.process` and `recover` need besides. */
export interface BatchRepositoryAdapter<U extends UploadRecord = UploadRecord> extends RepositoryAdapter<U> {
  /** `null` when there is no such batch. */
  readonly findBatch: (id: string) => Promise<BatchRecord | null>;
  /** `"stale"`, and nothing written: the batch's status is not one of `expected`. */
  readonly updateBatch: (id: string, changes: BatchChanges, expected?: readonly BatchStatus[]) => Promise<WriteOutcome>;
  /** One page in a stable order (creation, then id) behind the record `after`, which may have been deleted since. */
  readonly listUploads: (
    batchId: string,
    page: { after?: U; limit: number; statuses?: readonly UploadStatus[] },
  ) => Promise<readonly U[]>;
  /** Derived from the uploads' statuses, never from a counter that is incremented. Statuses that do not occur may be absent. */
  readonly countUploads: (batchId: string) => Promise<Partial<Record<UploadStatus, number>>>;
  /** One page of the batches with this status, in a stable order, behind the record `after`. */
  readonly listBatches: (page: {
    status: BatchStatus;
    after?: BatchRecord;
    limit: number;
  }) => Promise<readonly BatchRecord[]>;
}
