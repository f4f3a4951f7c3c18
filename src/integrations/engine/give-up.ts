import { failUpload, UploadError, type UploadRecord } from "../../index.js";
import type { Batches } from "./batches.js";
import type { JobData } from "./job-data.js";

/**
 * The engine has given the job up, so nobody comes back for the upload: settles it as `failed`, `ENGINE_GAVE_UP`, and its batch.
 *
 * @returns whether the upload is settled; `false`: it is open, and somebody may still be at work on it
 * @throws RepositoryError the repository cannot be reached
 */
export async function giveUp<U extends UploadRecord>(
  batches: Batches<U>,
  { uploadId, batchId }: JobData,
  message: string,
): Promise<boolean> {
  const { repository } = batches;
  const error = new UploadError(message, { code: "ENGINE_GAVE_UP" });
  if (!(await failUpload(repository, uploadId, error))) {
    const status = (await repository.findUpload(uploadId))?.status ?? "failed";
    if (status !== "completed" && status !== "failed") return false;
  }
  await batches.settleOf(uploadId, batchId);
  return true;
}
