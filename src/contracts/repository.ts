import type { BatchRecord, BatchStatus, RerunMode, UploadDraft, UploadRecord, UploadStatus } from "./upload.js";

/**
 * Column values to write: a key that is absent, or `undefined`, leaves its column alone, `null` clears it.
 *
 * `metadata` and `draft` are merged: each of their top-level keys replaces the stored one, and the others stay
 * (`metadata || $1` in SQL). So a write that comes late erases nothing.
 */
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
  /** `null` drops the draft. */
  draft?: Partial<UploadDraft> | null;
}

/** Column values of a batch to write. */
export interface BatchChanges {
  status?: BatchStatus;
}

/** What became of a write. `"cancelled"`: written, and the upload's batch is cancelled; only answered to writes that renew the lease. */
export type WriteOutcome = "saved" | "deleted" | "stale" | "cancelled";

/** What became of a write to a batch. */
export type BatchWriteOutcome = "saved" | "deleted" | "stale";

/** What a claim asks for. */
export interface ClaimRequest {
  /** How long the claim holds without being renewed, in milliseconds. */
  readonly leaseMs: number;
  /**
   * Names this claim. The store keeps the token of a row's last claim: seen again while that claim is in progress, it is
   * answered as it was, with its lease renewed and nothing counted; seen again later, it grants nothing.
   */
  readonly token: string;
}

/** The answer to a claim. `fence`: a number, not the text or the BigInt that a driver may make of a `bigint`. */
export type ClaimOutcome<U extends UploadRecord = UploadRecord> =
  | { outcome: "claimed"; upload: U; fence: number }
  | { outcome: "settled"; upload: U }
  /** `retryAfterMs`: what is left of the holder's lease. */
  | { outcome: "busy"; retryAfterMs?: number | undefined }
  | { outcome: "deleted" }
  /** It would have been granted, but its batch is cancelled; nothing is changed. */
  | { outcome: "cancelled" };

/** Which uploads: all keys that are given hold; within a list, any does. */
export interface UploadFilter {
  /** Uploads of this batch. */
  readonly batchId?: string;
  /** Uploads of this user. */
  readonly userId?: string;
  /** Uploads with one of these ids; an empty list selects none. */
  readonly ids?: readonly string[];
  /** Uploads that have one of these statuses now. */
  readonly statuses?: readonly UploadStatus[];
  /** Uploads with one of these codes: why they failed, or why their last redo did. */
  readonly errorCodes?: readonly string[];
  /** Uploads whose `aiVersion` is another one; `null` differs from every version. */
  readonly notAiVersion?: string;
  /** Uploads that lack one of these. */
  readonly missing?: readonly MissingField[];
}

/**
 * A field, or a place in `metadata` where nothing stands, or `null`: `metadata.media.renditions.large` is what was made by
 * `renditions: { large: … }`, `metadata.media.placeholder` by `placeholder`, and `metadata.palette` by a stage of that name. It goes
 * by keys of objects: in an array or a text nothing stands anywhere.
 */
export type MissingField = "thumbnailKey" | "embedding" | `metadata.${string}`;

type AtLeastOne<T> = { [K in keyof T]-?: { readonly [P in K]-?: Exclude<T[P], undefined> } }[keyof T];

/** Uploads to look at or to do again: all there are, or a filter with at least one key. Never a whole table by accident. */
export type UploadSelection =
  | { readonly all: true }
  | (UploadFilter & AtLeastOne<UploadFilter> & { readonly all?: never });

/** How many uploads there are by status. */
export type BatchCounts = Readonly<Record<UploadStatus, number>>;

/**
 * Where the records of uploads live. Numbers, vectors and JSON are handed out as what they are, not as the texts that a driver may
 * make of them: an answer that is none of those that stand here ends the call or the run with a `ConfigurationError`.
 */
export interface RepositoryAdapter<U extends UploadRecord = UploadRecord> {
  /**
   * `null` when there is no such upload. An id that the column cannot hold, here and in the other members, is one that is not there,
   * and no error.
   */
  readonly findUpload: (id: string) => Promise<U | null>;
  /**
   * Applies `changes` (may be empty) and, with `claim.leaseMs`, renews the lease.
   *
   * - `"deleted"`: there is no such row.
   * - `"stale"`, and nothing written: `claim.fence` is not the row's current fence, or the row is no longer in progress
   *   (`analyzing` or `embedding`) and `changes.status` is not the status that it has. So a repeated final write still says
   *   `"saved"`, and a late earlier write cannot reopen a settled row.
   * - `"cancelled"`: written, but `claim.leaseMs` was given and the upload's batch is cancelled.
   *
   * Without `claim` a settled row takes only writes that leave its status alone or repeat it, and the write of
   * `status: "pending"` that resets it; others are `"stale"`. A row that is not settled takes every write.
   *
   * A value that the store refuses (too long, out of range, against a constraint, by a trigger) is no outage: throw what the
   * database threw, which is known of PostgreSQL, MySQL, SQLite and Prisma, or an `UploadError` with code `RESULT_REFUSED`, and
   * nothing is written.
   */
  readonly updateUpload: (
    id: string,
    changes: UploadChanges,
    claim?: { fence: number; leaseMs?: number | undefined },
  ) => Promise<WriteOutcome>;
  /**
   * Takes the upload in one atomic step. Granted when it is `pending`, or in progress with its lease run out or never set.
   *
   * A grant adds 1 to the fence and to `starts`, sets the lease by the store's own clock, keeps the token, sets `status` to
   * `"analyzing"` and clears the error fields. For the token of the row's last claim see {@link ClaimRequest}: while the row
   * is in progress it gets the same fence and `starts` again, later `"settled"` or `"busy"`.
   *
   * Left out: only one process at a time may work on the uploads.
   */
  readonly claimUpload?: ((id: string, request: ClaimRequest) => Promise<ClaimOutcome<U>>) | undefined;
  /**
   * Makes settled rows of the selection `pending`, with `starts` 0, in one statement, and sets the status of their batches to
   * `processing` in it. Rows that carry the name `redo` already, in `draft.redo` or `metadata.redo`, are passed over, so that
   * a reset which is repeated, redelivered or raced resets each row once.
   *
   * | how | takes | what becomes of the row |
   * | --- | --- | --- |
   * | `"retry"` | `failed`; `completed` with an `errorCode`; `completed` where `statuses` names it and `missing` is given | completed: its draft with `redo` replaced, or `{ was, redo, keeps: "all" }` where it has none. Failed: its draft, with `redo` replaced; where it has none it gets none, and `metadata.redo` is set |
   * | `"reprocess"` | all settled ones (the library adds `notAiVersion` to the selection) | the draft is `{ was, redo, keeps: "same-version" }` |
   * | `"reprocess-all"` | all settled ones | the draft is `{ was, redo }` |
   * | `"undo"` | rows with a draft that nobody holds: `pending`, settled, or with their lease run out | the draft is dropped, `status` is `draft.was` again, `starts` is 0, and 1 is added to the fence; the error fields of a completed one are cleared. Their batches stay as they are |
   *
   * `was` is the status of the row, or of the draft that it has. A draft that is replaced may name pictures: their keys
   * (`thumbnailKey`, each `metadata.media.renditions.*.key`, and its own `leftovers`) are the `leftovers` of the new one, which has
   * none where there are none; a repository that does not do this leaves these objects in the storage. The error fields stay until the
   * row is claimed.
   *
   * @returns how many rows were changed
   */
  readonly resetUploads?:
    | ((selection: UploadSelection, how: RerunMode | "undo", redo: string) => Promise<number>)
    | undefined;
}

/** What `BatchProcessor.process`, `rerun` and `recover` need besides. */
export interface BatchRepositoryAdapter<U extends UploadRecord = UploadRecord> extends RepositoryAdapter<U> {
  /** `null` when there is no such batch. */
  readonly findBatch: (id: string) => Promise<BatchRecord | null>;
  /** `"stale"`, and nothing written: the batch's status is not one of `expected`. */
  readonly updateBatch: (
    id: string,
    changes: BatchChanges,
    expected?: readonly BatchStatus[],
  ) => Promise<BatchWriteOutcome>;
  /**
   * One page of at most `limit`, in a stable order (creation, then id), behind the record `after`, which may have been deleted
   * since.
   */
  readonly listUploads: (selection: UploadSelection, page: { after?: U; limit: number }) => Promise<readonly U[]>;
  /** Derived from the uploads' statuses, never from a counter that is incremented. Statuses that do not occur may be absent. */
  readonly countUploads: (selection: UploadSelection) => Promise<Partial<Record<UploadStatus, number>>>;
  /** One page of the batches with this status, in a stable order, behind the record `after`. */
  readonly listBatches: (page: {
    status: BatchStatus;
    after?: BatchRecord;
    limit: number;
  }) => Promise<readonly BatchRecord[]>;
}
