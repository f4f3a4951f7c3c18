import { Cancellation, type Stoppable } from "../async/cancellation.js";
import { forwardAbort, Interrupted, NEVER } from "../async/time.js";
import type { BatchRecord, BatchStatus, UploadRecord } from "../contracts/upload.js";
import { isFault } from "../errors.js";
import type { ReliableRepository } from "../pipeline/reliable-repository.js";
import type { BatchResult } from "../result.js";
import { PAGE, pages } from "./pages.js";
import type { RunBounds, Runs } from "./runs.js";
import { someAtOnce } from "./some-at-once.js";
import { OPEN_STATUSES } from "./stats.js";
import type { Shared } from "./visits.js";

/** Which of the batches are continued. */
interface Recovery {
  /** @default those that are `processing`, and settled ones that have open uploads */
  readonly statuses?: readonly BatchStatus[] | undefined;
  readonly withoutBatch?: boolean | undefined;
}

/** Continues what earlier processes left, until it is done or the processor closes. */
export async function recoverUploads<U extends UploadRecord>(
  runs: Runs<U>,
  { work, gate, concurrency }: Shared<U>,
  bounds: RunBounds,
  { statuses, withoutBatch }: Recovery,
  closing: AbortSignal,
): Promise<readonly BatchResult[]> {
  const stop = new Cancellation();
  const unlinks = [forwardAbort(bounds.signal, stop), forwardAbort(closing, stop)];
  const repository = work.settings.repository.withOutage(gate.outageFor(() => stop));
  const results: BatchResult[] = [];
  // A batch that `process` is at already goes on with the bounds that it has.
  const joining = { ...bounds, asked: {} };
  const continueAll = (batches: AsyncGenerator<BatchRecord, void, undefined>) =>
    someAtOnce(batches, concurrency, stop, async ({ id, status }) => {
      try {
        results.push(await runs.process(id, joining, status === "cancelled"));
      } catch (error) {
        if (error instanceof Interrupted || closing.aborted) return;
        // Deleted meanwhile: there is nothing to be done.
        if (!isFault(error, "deployment") || (await repository.findBatch(id, NEVER)) !== null) throw error;
      }
    });
  try {
    for (const status of statuses ?? (["processing"] as const))
      await continueAll(batchesWith(repository, status, stop));
    if (statuses === undefined) await continueAll(settledWithOpenUploads(repository, stop));
    if (withoutBatch === true && !stop.aborted) {
      const run = runs.begin({}, bounds, async (each) => {
        each.started(null, null);
        await each.drain(uploadsWithoutBatch(each.repository, each.stopping));
        return each.stopping.aborted ? "processing" : "completed";
      });
      results.push(await run);
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  } finally {
    for (const unlink of unlinks) unlink();
  }
  return results;
}

/** The batches with this status, as they are listed. */
async function* batchesWith<U extends UploadRecord>(
  repository: ReliableRepository<U>,
  status: BatchStatus,
  signal: Stoppable,
): AsyncGenerator<BatchRecord, void, undefined> {
  let after: BatchRecord | undefined;
  for (;;) {
    const page = { status, limit: PAGE, ...(after && { after }) };
    const batches = await repository.listBatches(page, signal);
    after = batches.at(-1);
    if (after === undefined || signal.aborted) return;
    yield* batches;
  }
}

/**
 * Batches that are `completed` or `failed` and have open uploads, which a crash between two writes can leave. Found by the
 * open uploads, of which there are few beside those of batches in work.
 */
async function* settledWithOpenUploads<U extends UploadRecord>(
  repository: ReliableRepository<U>,
  signal: Stoppable,
): AsyncGenerator<BatchRecord, void, undefined> {
  const seen = new Set<string>();
  for await (const { batchId } of pages(repository, { statuses: OPEN_STATUSES }, signal)) {
    if (!batchId || seen.has(batchId)) continue;
    seen.add(batchId);
    const batch = await repository.findBatch(batchId, signal);
    if (batch?.status === "completed" || batch?.status === "failed") yield batch;
  }
}

/** Open uploads that belong to no batch. */
function uploadsWithoutBatch<U extends UploadRecord>(
  repository: ReliableRepository<U>,
  signal: Stoppable,
): AsyncGenerator<U, void, undefined> {
  return pages(repository, { statuses: OPEN_STATUSES }, signal, ({ batchId }) => batchId == null);
}
