import type { UploadResult } from "../../index.js";

/** The data of a job. */
export interface UploadJobData {
  readonly uploadId: string;
  /** Its batch, which is completed with its last upload. */
  readonly batchId?: string;
  /** Set by `removeUploadJob` while the job is in work. */
  readonly removed?: boolean;
}

/** What a job returns. */
export interface UploadJobResult {
  readonly status: UploadResult["status"];
  /** In milliseconds. */
  readonly durationMs: number;
}

/** BullMQ refuses ids that are integers, or have a colon, and the rest of their page with them. */
export function jobIdOf(uploadId: string): string {
  return `upload-${encodeURIComponent(uploadId)}`;
}
