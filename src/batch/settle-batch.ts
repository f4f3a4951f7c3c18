import type { Stoppable } from "../async/cancellation.js";
import { NEVER } from "../async/time.js";
import type { BatchCounts, BatchRepositoryAdapter } from "../contracts/repository.js";
import type { BatchStatus, UploadRecord } from "../contracts/upload.js";
import { ReliableRepository } from "../pipeline/reliable-repository.js";
import { aName, expected, requireMembers } from "../validate.js";
import { OPEN_STATUSES } from "./stats.js";

/** `failed` says that the batch could not run: not that of uploads which were done all the same. */
const UNSETTLED = ["pending", "processing", "failed"] as const satisfies readonly BatchStatus[];

/**
 * Completes a batch whose uploads are all settled: for job runners, after each of its uploads, and after single calls with `rerun`,
 * which make its batch `processing` again. Of many workers that ask at once, one is told that it was this call, so that it can say
 * so to others, once.
 *
 * @returns the counts of its uploads for at most one caller per transition (for none after a lost answer or a crash); `null`
 *   when uploads are open, or the batch is completed, cancelled or gone
 * @throws RepositoryError the repository cannot be reached
 * @example
 * const counts = await settleBatch(repository, batchId);
 * if (counts !== null) await notify(`${counts.completed} done, ${counts.failed} failed`);
 */
export async function settleBatch<U extends UploadRecord>(
  repository: BatchRepositoryAdapter<U>,
  batchId: string,
): Promise<BatchCounts | null> {
  requireMembers("repository", repository, ["findUpload", "updateUpload"]);
  const reliable = new ReliableRepository(repository);
  reliable.requireBatches("settleBatch");
  if (!aName(batchId)) throw expected("settleBatch", "the id of a batch", batchId);
  return settle(reliable, batchId, NEVER);
}

export async function settle<U extends UploadRecord>(
  repository: ReliableRepository<U>,
  batchId: string,
  signal: Stoppable,
  from: readonly BatchStatus[] = UNSETTLED,
): Promise<BatchCounts | null> {
  if (await hasOpenUploads(repository, batchId, signal)) return null;
  if (!(await repository.moveBatch(batchId, "completed", from, signal))) return null;
  const {
    pending = 0,
    analyzing = 0,
    embedding = 0,
    completed = 0,
    failed = 0,
  } = await repository.count({ batchId }, signal);
  return { pending, analyzing, embedding, completed, failed };
}

/** Asked by one row instead of a count: that takes the same time however large the batch is. */
export async function hasOpenUploads<U extends UploadRecord>(
  repository: ReliableRepository<U>,
  batchId: string,
  signal: Stoppable,
): Promise<boolean> {
  const [first] = await repository.list({ batchId, statuses: OPEN_STATUSES }, { limit: 1 }, signal);
  return first !== undefined;
}
