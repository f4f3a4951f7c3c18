import type { UploadRecord } from "../contracts/upload.js";
import { createLimiter } from "./limits.js";

/**
 * Uploads that were started before and never settled may have taken a process down. They go one at a time, so that the one
 * that does it again takes no neighbour into quarantine.
 */
export const oneAtATime = createLimiter(1);

/** Whether the next start of this upload would be at least its second in a row that may not settle. */
export function isSuspect(upload: UploadRecord): boolean {
  return (upload.starts ?? 0) >= 1 && upload.status !== "completed" && upload.status !== "failed";
}
