/**
 * Where one upload stands. `completed` and `failed` are settled: only a reset makes them `pending` again. What people may see
 * is told by `hasResult`, never by the status alone: an upload that is done again is `pending`, and keeps its old result.
 */
export type UploadStatus = "pending" | "analyzing" | "embedding" | "completed" | "failed";

/** Where one batch stands. A batch with failed uploads is `completed`; `failed` means that the batch itself could not run. */
export type BatchStatus = "pending" | "processing" | "completed" | "failed" | "cancelled";

/**
 * The step of the work that an error, a timing or a progress event belongs to: one of the built-in ones, or the name of a
 * stage of yours.
 *
 * `claim` takes the upload, `open` opens its original in the storage, `save` stores the outcome.
 */
export type StageName = "claim" | "open" | "thumbnail" | "describe" | "embed" | "save" | (string & {});

/**
 * What is done again.
 *
 * - `"retry"`: failed uploads, and completed ones whose last redo failed, go on behind their checkpoints; with
 *   `statuses: ["completed"]` and `missing`, completed ones get what they lack: a thumbnail, an embedding, a rendition.
 * - `"reprocess"`: settled uploads that were made by another version of the models; what the same version made is kept.
 * - `"reprocess-all"`: settled uploads, from the first stage, whatever their version.
 */
export type RerunMode = "retry" | "reprocess" | "reprocess-all";

/**
 * What doing a settled upload again has made so far. While a row has one, checkpoints are read from it and written to it, and
 * the old result stays in the row, for people to see and find. The write that completes the upload moves everything over.
 */
export interface UploadDraft {
  /** What the row was before, and is again when the redo fails. */
  readonly was: "completed" | "failed";
  /** The name of the redo: a reset passes over the rows that carry it already. */
  readonly redo: string;
  /** What may be taken from the row as it is: everything, or what the same version of its stage made. @default nothing */
  readonly keeps?: "all" | "same-version";
  /** Keys of pictures that redos before this one have made and did not complete: removed when this one is completed, or undone. */
  readonly leftovers?: readonly string[];
  readonly thumbnailKey?: string;
  readonly description?: string;
  readonly metadata?: Record<string, unknown>;
  /** Empty where the one that there was is of a description that was made anew since. */
  readonly embedding?: readonly number[];
  /** Empty for the same reason. */
  readonly aiVersion?: string;
}

/** What the library reads of an upload. Your own record may carry more: everything is generic over it. */
export interface UploadRecord {
  /** Never used for a second upload. */
  readonly id: string;
  /** Where the original lives in the storage. */
  readonly storageKey: string;
  readonly status: UploadStatus;
  readonly batchId?: string | null | undefined;
  readonly userId?: string | null | undefined;
  /** For people; never used to build a path. */
  readonly fileName?: string | null | undefined;
  /** In bytes, as claimed by the uploader; the library measures its own. */
  readonly fileSize?: number | null | undefined;
  /** As claimed by the uploader; the library looks at the content. */
  readonly mimeType?: string | null | undefined;
  /** Checkpoint of the thumbnail stage. */
  readonly thumbnailKey?: string | null | undefined;
  /** Checkpoint of the describe stage. */
  readonly description?: string | null | undefined;
  /** Checkpoint of the embed stage. */
  readonly embedding?: readonly number[] | null | undefined;
  /**
   * What else was found out. The keys of the library: `media` (what was measured of the original), `usage`, `audit`, `model`,
   * `redo` (the name of the last redo), and one for each stage of yours.
   */
  readonly metadata?: Readonly<Record<string, unknown>> | null | undefined;
  /** The stamp of the models and prompts that made description and embedding. */
  readonly aiVersion?: string | null | undefined;
  /** Why it failed; of a completed upload, why its last redo failed. */
  readonly errorCode?: string | null | undefined;
  readonly errorStage?: string | null | undefined;
  readonly errorMessage?: string | null | undefined;
  /** Claims since the upload last settled or was handed back: what quarantine counts. */
  readonly starts?: number | null | undefined;
  /** What doing it again has made so far; `null` when it is not being done again. */
  readonly draft?: UploadDraft | null | undefined;
}

/** What the library reads of a batch. */
export interface BatchRecord {
  readonly id: string;
  readonly status: BatchStatus;
  readonly userId?: string | null | undefined;
}
