import type { UploadChanges } from "../../contracts/repository.js";
import type { Mode, UploadRecord, UploadStatus } from "../../contracts/upload.js";

/** An upload with what only the repository knows of it. */
export interface Row {
  upload: UploadRecord;
  fence: number;
  /** By the repository's clock, in milliseconds. */
  leaseUntil: number | null;
}

export function isInProgress(status: UploadStatus): boolean {
  return status === "analyzing" || status === "embedding";
}

export function isSettled(status: UploadStatus): boolean {
  return status === "completed" || status === "failed";
}

/** Whether a claim's write comes too late: the row is somebody else's by now, or has left the claim's hands. */
export function isFenced({ fence, upload }: Row, changes: UploadChanges, claimed: number): boolean {
  return fence !== claimed || (!isInProgress(upload.status) && changes.status !== upload.status);
}

/** Whether a write without a claim comes too late. One that begins the work on the upload never does. */
export function isLate(upload: UploadRecord, changes: UploadChanges): boolean {
  const begins = changes.status === "analyzing" && changes.starts !== undefined;
  return isSettled(upload.status) && changes.status !== upload.status && !begins;
}

export function takesSettled(status: UploadStatus, mode: Mode): boolean {
  return mode === "reprocess" || (mode === "retry-failed" && status === "failed");
}

/** The record as a claim leaves it. `metadata` stays even when all is done again: it may hold the user's own data. */
export function begun(upload: UploadRecord, mode: Mode): UploadRecord {
  const settled = isSettled(upload.status);
  return {
    ...upload,
    status: "analyzing",
    starts: settled ? 1 : (upload.starts ?? 0) + 1,
    errorCode: null,
    errorStage: null,
    errorMessage: null,
    ...(settled && mode === "reprocess" && { thumbnailKey: null, description: null, embedding: null, aiVersion: null }),
  };
}
