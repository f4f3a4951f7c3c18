import type { UploadRecord } from "../contracts/upload.js";
import { batchCancelled } from "../pipeline/claim-lost.js";
import type { BatchRun } from "./batch-run.js";
import { OPEN_STATUSES } from "./stats.js";

/** How often a run that only waits for other workers looks whether they are done, in milliseconds. */
const WAITING_MS = 2000;

/**
 * Notices what other processes do: that the batch is cancelled, and that the uploads that were waited for are settled.
 *
 * @param batchId `null` where the run is over many batches: their cancels are told by the claims and renewals of uploads
 * @returns what ends the watch
 */
export function watchBatch<U extends UploadRecord>(
  run: BatchRun<U>,
  batchId: string | null,
  leaseMs: number,
): () => void {
  const renewalMs = leaseMs / 3;
  let lookedAt = performance.now();
  let isLooking = false;
  const look = async () => {
    if (batchId !== null && (await isCancelled(run, batchId))) return;
    const ids = [...run.busy];
    if (ids.length === 0) return;
    const [open] = await run.repository.list({ ids, statuses: OPEN_STATUSES }, { limit: 1 }, run.stopping);
    if (open === undefined) run.ending.giveUpBusy();
  };
  const timer = setInterval(
    () => {
      const now = performance.now();
      if (isLooking || (now - lookedAt < renewalMs && !run.isOnlyWaiting)) return;
      isLooking = true;
      lookedAt = now;
      look()
        .catch((error) => run.warn("what others have done could not be read", error))
        .finally(() => {
          isLooking = false;
        });
    },
    Math.min(WAITING_MS, renewalMs),
  );
  return () => clearInterval(timer);
}

/** Whether others have cancelled the batch, or deleted it; ends the run then. */
export async function isCancelled<U extends UploadRecord>(run: BatchRun<U>, batchId: string): Promise<boolean> {
  const record = await run.repository.findBatch(batchId, run.stopping);
  if (record !== null && record.status !== "cancelled") return false;
  run.ending.cancel(batchCancelled(batchId));
  return true;
}
