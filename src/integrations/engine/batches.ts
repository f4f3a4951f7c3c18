import { type BatchRepositoryAdapter, type RepositoryAdapter, settleBatch, type UploadRecord } from "../../index.js";

const MEMBERS = ["findBatch", "updateBatch", "listUploads", "countUploads", "listBatches"] as const;

/**
 * Completes the batch of an upload that has settled, if it was the last one. A job that does not tell its batch is looked up.
 *
 * @throws RepositoryError the repository cannot be reached
 */
export async function settleBatchOf<U extends UploadRecord>(
  repository: RepositoryAdapter<U>,
  uploadId: string,
  batchId: string | undefined,
): Promise<void> {
  if (!knowsBatches(repository)) return;
  const batch = batchId ?? (await repository.findUpload(uploadId))?.batchId;
  if (batch != null) await settleBatch(repository, batch);
}

function knowsBatches<U extends UploadRecord>(
  repository: RepositoryAdapter<U>,
): repository is BatchRepositoryAdapter<U> {
  return MEMBERS.every((name) => typeof (repository as Partial<BatchRepositoryAdapter<U>>)[name] === "function");
}
