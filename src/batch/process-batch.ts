import { NEVER, sleep } from "../async/time.js";
import type { BatchStatus, UploadRecord } from "../contracts/upload.js";
import { ConfigurationError } from "../errors.js";
import { expected } from "../validate.js";
import type { BatchRun } from "./batch-run.js";
import { pages } from "./pages.js";
import { hasOpenUploads, settle } from "./settle-batch.js";
import { OPEN_STATUSES, sum } from "./stats.js";
import { isCancelled, watchBatch } from "./watch-batch.js";

const SETTLED = ["completed", "failed"] as const;

/** The story of a batch: mark it as processing, pass over it until nothing is open, mark it as completed. */
export async function processBatch<U extends UploadRecord>(
  run: BatchRun<U>,
  batchId: string,
  resumes: () => boolean,
  leaseMs: number,
): Promise<BatchStatus> {
  const { repository, stats, stopping } = run;
  const record = await repository.findBatch(batchId, stopping);
  if (record === null) throw notThere(batchId);
  const { calls } = run;
  const counts = await run.count();
  stats.count(counts);
  stats.passedOver(sum(counts, SETTLED));
  const open = sum(counts, OPEN_STATUSES);
  // Who joined while they were counted may have added uploads.
  const isDone = record.status === "completed" && open === 0 && run.calls === calls;
  const isStopped = stopping.aborted;
  const from: BatchStatus[] = ["pending", "processing", "completed", "failed"];
  if (resumes()) from.push("cancelled");
  const isBegun =
    !isDone &&
    !isStopped &&
    (await run.opening.write((leaving) => repository.moveBatch(batchId, "processing", from, leaving)));
  if (!isBegun) run.ending.done();
  run.started(isBegun ? { ...record, status: "processing" } : record, counts);
  if (isDone) return "completed";
  if (isStopped && from.includes(record.status)) return "processing";
  if (!isBegun) return "cancelled";

  const unwatch = watchBatch(run, batchId, leaseMs);
  try {
    await passOverAndOver(run, batchId, leaseMs);
  } finally {
    unwatch();
  }
  if (run.ending.isCancelled) return "cancelled";
  if (run.ending.isEarly) {
    // What stays open is taken up by `process` and `recover`, whatever the status is.
    if (run.ending.isFailed) await repository.moveBatch(batchId, "failed", ["processing"], NEVER);
    return "processing";
  }
  if (stopping.aborted) return "processing";
  // Uploads that this run has aborted stay open, in a batch that is done.
  if ((await settle(repository, batchId, NEVER)) !== null) return "completed";
  await repository.moveBatch(batchId, "completed", ["processing"], NEVER);
  return (await repository.findBatch(batchId, NEVER))?.status ?? "cancelled";
}

function notThere(batchId: unknown): ConfigurationError {
  if (typeof batchId !== "string" || batchId === "") return expected("process", "the id of a batch", batchId);
  return new ConfigurationError(
    `process: there is no batch ${JSON.stringify(batchId)}; a batch is added to the repository first, and uploads without one go to processUploads`,
  );
}

/** A batch never ends at an empty page: it ends when no upload is open but those that this run has aborted. */
async function passOverAndOver<U extends UploadRecord>(
  run: BatchRun<U>,
  batchId: string,
  leaseMs: number,
): Promise<void> {
  const { repository, stopping } = run;
  for (let number = 1; ; number++) {
    let candidates = 0;
    const before = run.calls;
    const admit = (upload: U) => !run.excluded.has(upload.id) && ++candidates > 0;
    await run.drain(
      pages(repository, { batchId, statuses: OPEN_STATUSES }, stopping, admit, () => isCancelled(run, batchId)),
    );
    if (stopping.aborted) return;
    const { calls } = run;
    const isOpen = await hasOpenUploads(repository, batchId, stopping);
    // Who joined meanwhile may have added uploads that neither the pages nor this answer had.
    if (isOpen ? number > 1 && candidates === 0 && run.calls === before : run.calls === calls) return run.ending.done();
    // What is open now was added or handed back meanwhile; what nobody can take does not make this a busy loop.
    if (number > 1) await sleep(Math.min(leaseMs, 50 * 2 ** number), stopping);
  }
}
