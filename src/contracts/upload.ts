/** Where one upload stands. `completed` and `failed` are settled: only a new claim leaves them. */
export type UploadStatus = "pending" | "analyzing" | "embedding" | "completed" | "failed";

/** Where one batch stands. A batch with failed uploads is `completed`; `failed` means that the batch itself could not run. */
export type BatchStatus = "pending" | "processing" | "completed" | "failed" | "cancelled";

/**
 * The step of the work that an error, a timing or a progress event belongs to.
 *
 * `claim` takes the upload, `open` opens its original in the storage, `save` stores the outcome.
 */
export type UploadStage = "claim" | "open" | "thumbnail" | "describe" | "embed" | "save";

/**
 * What happens to uploads that are settled already: `"continue"` passes them over, `"retry-failed"` takes failed ones and
 * continues behind their checkpoints, `"reprocess"` does settled ones again from the first stage.
 */
export type Mode = "continue" | "retry-failed" | "reprocess";

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
  /** What else the describe stage returned, and under `media` what was measured of the original. */
  readonly metadata?: Readonly<Record<string, unknown>> | null | undefined;
  /** The stamp of the model and prompt that described it. */
  readonly aiVersion?: string | null | undefined;
  readonly errorCode?: string | null | undefined;
  readonly errorStage?: string | null | undefined;
  readonly errorMessage?: string | null | undefined;
  /** Claims since the upload last settled or was released in good order: what quarantine counts. */
  readonly starts?: number | null | undefined;
}

/** What the library reads of a batch. */
export interface BatchRecord {
  readonly id: string;
  readonly status: BatchStatus;
  readonly userId?: string | null | undefined;
}
