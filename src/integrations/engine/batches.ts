import {
  type BatchRepositoryAdapter,
  type RepositoryAdapter,
  settleBatch as settle,
  type UploadRecord,
} from "../../index.js";

const MEMBERS = ["findBatch", "updateBatch", "listUploads", "countUploads", "listBatches"] as const;

/**
 * Completes the batch of an upload that has settled, if it was the last one; nothing where the repository knows no batches.
 *
 * @throws RepositoryError the repository cannot be reached
 */
export async function settleBatch<U extends UploadRecord>(
  repository: RepositoryAdapter<U>,
  batchId: string | null | undefined,
): Promise<void> {
  if (batchId != null && knowsBatches(repository)) await settle(repository, batchId);
}

/** The same for an upload whose job may not tell its batch: it is looked up then. */
export async function settleBatchOf<U extends UploadRecord>(
  repository: RepositoryAdapter<U>,
  uploadId: string,
  batchId: string | undefined,
): Promise<void> {
  if (!knowsBatches(repository)) return;
  await settleBatch(repository, batchId ?? (await repository.findUpload(uploadId))?.batchId);
}

function knowsBatches<U extends UploadRecord>(
  repository: RepositoryAdapter<U>,
): repository is BatchRepositoryAdapter<U> {
  return MEMBERS.every((name) => typeof (repository as Partial<BatchRepositoryAdapter<U>>)[name] === "function");
}
