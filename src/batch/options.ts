import type { Mode, UploadRecord } from "../contracts/upload.js";
import type { UploadAdapters, WorkOptions } from "../options.js";

/** The adapters and options of a `BatchProcessor`. */
export interface BatchProcessorOptions<U extends UploadRecord = UploadRecord>
  extends UploadAdapters<U>,
    WorkOptions<NoInfer<U>> {
  /** Uploads in work at once, over all batches of this processor. @default 4 */
  readonly concurrency?: number | undefined;
}

interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** What happens to settled uploads, on the first pass. @default the processor's `mode` */
  readonly mode?: Mode | undefined;
}

/** Options of `BatchProcessor.process`. */
export interface ProcessBatchOptions extends RunOptions {
  /** Takes up a batch that was cancelled. @default false */
  readonly resumeCancelled?: boolean | undefined;
}

/** Options of `BatchProcessor.processUploads`. */
export interface ProcessUploadsOptions extends RunOptions {
  /** A name for events and `cancel`; no batch of the repository is read or written. */
  readonly batchId?: string | undefined;
  /** How many uploads there are, for progress. @default the length of an array, the size of a set */
  readonly total?: number | undefined;
}
