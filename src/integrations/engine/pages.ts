import { ConfigurationError } from "../../index.js";
import type { JobData } from "./job-data.js";

/** An upload to enqueue: its record, or its id. */
export type Enqueued = { readonly id: string; readonly batchId?: string | null | undefined } | string;

/** Uploads of one statement, each once. */
export interface Page {
  readonly jobs: readonly JobData[];
  /** How many were in it more than once. */
  readonly repeated: number;
}

/** @throws ConfigurationError for what is no upload; pages before it are out already */
export function* pagesOf(uploads: Iterable<Enqueued>, size: number): Generator<Page, void, undefined> {
  let [jobs, repeated, index] = [new Map<string, JobData>(), 0, 0];
  for (const upload of uploads) {
    const job = jobOf(upload, index++);
    if (jobs.has(job.uploadId)) repeated++;
    else jobs.set(job.uploadId, job);
    if (jobs.size < size) continue;
    yield { jobs: [...jobs.values()], repeated };
    [jobs, repeated] = [new Map(), 0];
  }
  if (jobs.size > 0) yield { jobs: [...jobs.values()], repeated };
}

function jobOf(upload: Enqueued, index: number): JobData {
  const { id, batchId } = typeof upload === "string" ? { id: upload, batchId: null } : (upload ?? { id: undefined });
  if (typeof id !== "string" || id === "")
    throw new ConfigurationError(`uploads[${index}]: expected an upload record or its id, got ${typeof id} as its id`);
  return batchId == null ? { uploadId: id } : { uploadId: id, batchId };
}
