import type { WriteOutcome } from "../contracts/repository.js";
import { UploadError } from "../errors.js";

/** Why the work on an upload has to stop: its row is gone, or somebody else's. The reason on the run's signal. */
export class ClaimLost extends Error {
  override readonly name = "ClaimLost";
  constructor(readonly outcome: "deleted" | "stale") {
    super(outcome === "deleted" ? "The upload was deleted" : "Another worker has taken the upload");
  }
}

/** What became of the last write of a claim. */
export type Settlement = Exclude<WriteOutcome, "cancelled">;

export function batchCancelled(batchId: string | null | undefined): UploadError {
  const batch = batchId == null ? "The batch of the upload" : `Batch ${batchId}`;
  return new UploadError(`${batch} was cancelled`, { code: "BATCH_CANCELLED" });
}
