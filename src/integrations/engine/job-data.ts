import { ConfigurationError } from "../../index.js";

/** What a job says of its upload. */
export interface JobData {
  readonly uploadId: string;
  readonly batchId?: string | undefined;
}

/** @throws ConfigurationError for what was not enqueued by this library */
export function readJobData(data: unknown): JobData {
  const { uploadId, batchId } = (typeof data === "object" && data !== null ? data : {}) as Partial<JobData>;
  if (typeof uploadId !== "string" || uploadId === "") throw unfit("uploadId", "the id of an upload", uploadId);
  if (batchId == null) return { uploadId };
  if (typeof batchId !== "string" || batchId === "") throw unfit("batchId", "the id of a batch", batchId);
  return { uploadId, batchId };
}

function unfit(field: string, what: string, given: unknown): ConfigurationError {
  const shown = typeof given === "string" ? JSON.stringify(given) : given === null ? "null" : typeof given;
  return new ConfigurationError(
    `job.data.${field}: expected ${what}, got ${shown}; jobs of uploads are made by enqueueUploads`,
  );
}
