import type { BatchRecord, BatchStatus, Mode, UploadRecord, UploadStatus } from "../contracts/upload.js";
import type { Settings } from "../options.js";
import { sleep } from "../pipeline/time.js";
import { expected } from "../validate.js";
import type { BatchRun } from "./batch-run.js";
import { type StoredBatch, watchBatch } from "./stored-batch.js";
import { OPEN_STATUSES, sum, type Tally, type UploadCounts } from "./tally.js";

/** One call of `process`. */
export interface BatchJob<U extends UploadRecord> {
  readonly batch: StoredBatch<U>;
  readonly run: BatchRun<U>;
  readonly tally: Tally;
  readonly settings: Settings<U>;
  readonly mode: Mode;
  readonly resumeCancelled: boolean;
  readonly isCancelled: () => boolean;
  /** The batch was cancelled, here or elsewhere. */
  readonly onCancelled: () => void;
  readonly onStarted: (batch: BatchRecord, counts: UploadCounts) => void;
}

/** The story of a batch: mark it as processing, pass over it until nothing is open, mark it as completed. */
export async function processBatch<U extends UploadRecord>(job: BatchJob<U>): Promise<BatchStatus> {
  const { batch, run, tally, settings, mode, isCancelled, onCancelled } = job;
  const record = await batch.find();
  if (record === null) throw expected("process", "the id of a batch", batch.id);
  const counts = await batch.count();
  tally.expect(sum(counts));
  const taken = statusesTaken(mode);
  const open = sum(counts, taken);
  tally.passedOver(counts, taken);
  if (run.stopping.aborted || (record.status === "completed" && open === 0)) return record.status;

  const cancelled = job.resumeCancelled ? (["cancelled"] as const) : [];
  if (!(await batch.move("processing", ["pending", "processing", "completed", "failed", ...cancelled])))
    return "cancelled";
  job.onStarted({ ...record, status: "processing" }, counts);

  const watch = watchBatch(batch, run, tally, onCancelled, settings);
  try {
    await pass(job, taken);
  } finally {
    clearInterval(watch);
  }
  const error = run.error ?? run.unstored;
  if (isCancelled() || (error === undefined && run.stopping.aborted)) return "processing";
  const status = error === undefined ? "completed" : "failed";
  return (await batch.move(status, ["processing"])) ? status : "cancelled";
}

/** A batch never ends at an empty page: it ends when no upload is open but those that this run has aborted. */
async function pass<U extends UploadRecord>(job: BatchJob<U>, taken: readonly UploadStatus[]): Promise<void> {
  const { batch, run, tally, settings, mode, onCancelled } = job;
  for (let number = 1; ; number++) {
    let candidates = 0;
    const admit = (upload: U) => !run.excluded.has(upload.id) && ++candidates > 0;
    const first = number === 1;
    await run.drain(batch.uploads(first ? taken : OPEN_STATUSES, admit, onCancelled), first ? mode : "continue");
    if (run.stopping.aborted || run.error) return;
    const counts = await batch.count();
    tally.recount(counts);
    if (sum(counts, OPEN_STATUSES) === 0 || (!first && candidates === 0)) return;
    // What is open now was added or handed back meanwhile; what nobody can take does not make this a busy loop.
    if (!first) await sleep(Math.min(settings.lease.durationMs, 50 * 2 ** number), run.stopping).catch(() => {});
  }
}

/** Which uploads the first pass over a batch takes. */
function statusesTaken(mode: Mode): readonly UploadStatus[] {
  if (mode === "continue") return OPEN_STATUSES;
  return mode === "retry-failed" ? [...OPEN_STATUSES, "failed"] : [...OPEN_STATUSES, "failed", "completed"];
}
