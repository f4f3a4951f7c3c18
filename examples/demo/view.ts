import type { BatchProcessor, BatchProgressEvent, UploadResult } from "upload-processor";
import type { PostgresUpload } from "upload-processor/postgres";
import { duration, rate } from "./text.js";

/** Shows what a processor does, until it is disposed of. */
export interface View extends Disposable {
  readonly say: (line: string) => void;
}

export type MakeView = (
  processor: BatchProcessor<PostgresUpload>,
  work: {
    /** How many photographs are to be done. */
    readonly open: number;
    /** How many are in flight at once. */
    readonly concurrency: number;
    readonly nameOf: (uploadId: string) => string;
  },
) => View;

/** What became of one photograph, in words. */
export function outcome(result: UploadResult): string {
  switch (result.status) {
    case "completed":
      return `${duration(result.durationMs)}, ${result.upload.description}`;
    case "failed":
      return `${result.error.code}, ${result.error.message}`;
    case "aborted":
      return "handed back, to be continued by the next run";
    case "skipped":
    case "deleted":
    case "deferred":
      return result.status;
  }
}

/** `5 of 7, 2.3/s, 1 s left` */
export function standing({ processed, total, perSecond, etaMs, at }: BatchProgressEvent): string {
  const words = [`${processed} of ${total}`];
  if (perSecond > 0) words.push(rate(perSecond));
  // The estimate is as old as the last photograph that was settled.
  if (etaMs) words.push(`${duration(Math.max(1000, Math.round((etaMs - (Date.now() - at)) / 1000) * 1000))} left`);
  return words.join(", ");
}
