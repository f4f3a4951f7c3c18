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

export const JOB_NAME = "upload";

/** BullMQ refuses ids that are integers, or have a colon, and the rest of their page with them. */
export function jobIdOf(uploadId: string): string {
  return `upload-${encodeURIComponent(uploadId)}`;
}

/** In a queue that has jobs of other kinds, too: what `enqueueUploads` has made, and what was added likewise by hand. */
export function isUploadJob({
  name,
  id,
  data,
}: {
  readonly name: string;
  readonly id?: string;
  readonly data: unknown;
}): boolean {
  if (name === JOB_NAME) return true;
  const { uploadId } = (data ?? {}) as Partial<UploadJobData>;
  return typeof uploadId === "string" && id === jobIdOf(uploadId);
}
