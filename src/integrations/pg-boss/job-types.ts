import type { JobWithMetadata } from "pg-boss";
import type { UploadResult } from "../../index.js";

/** The data of a job. */
export interface UploadJobData {
  readonly uploadId: string;
  /** Its batch, which is completed with its last upload. */
  readonly batchId?: string;
  /** How often the job was put back with no attempt used; kept by the library. */
  readonly waits?: number;
}

/** The output of a completed job. */
export interface UploadJobResult {
  readonly status: UploadResult["status"];
  /** In milliseconds. */
  readonly durationMs: number;
}

export type UploadJob = JobWithMetadata<UploadJobData>;
