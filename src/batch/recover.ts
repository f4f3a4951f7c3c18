import type { Stoppable } from "../async/cancellation.js";
import type { BatchRecord, BatchStatus, UploadRecord } from "../contracts/upload.js";
import type { ReliableRepository } from "../pipeline/reliable-repository.js";
import { PAGE, pages } from "./pages.js";
import { OPEN_STATUSES } from "./stats.js";

/** The batches with this status, as they are listed. */
export async function* batchesWith<U extends UploadRecord>(
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
export async function* settledWithOpenUploads<U extends UploadRecord>(
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
export function withoutBatch<U extends UploadRecord>(
  repository: ReliableRepository<U>,
  signal: Stoppable,
): AsyncGenerator<U, void, undefined> {
  return pages(repository, { statuses: OPEN_STATUSES }, signal, ({ batchId }) => batchId == null);
}
