import type { Db, PgBoss } from "pg-boss";
import { type Enqueued, pagesOf } from "../engine/pages.js";
import type { UploadJobData } from "./job-types.js";
import { EXPIRE_IN_SECONDS } from "./put-back.js";
import { requireExclusiveQueue } from "./queue.js";
import { requireVersions } from "./versions.js";

const PAGE = 1000;

/**
 * Enqueues uploads: one job each, which has the upload's id as its `singletonKey`. An upload that has a job which waits, or is in
 * work, gets no other; one whose job has ended does. So uploads that were reset are enqueued like new ones.
 *
 * With the `db` of your transaction the rows and their jobs are there together, or neither. How often a job is tried is an option of
 * the queue: `retryLimit`, `retryDelay`, `retryBackoff`. Its `expireInSeconds` is not for these jobs: see the README beside this file.
 *
 * @param queue has `policy: "exclusive"` and `heartbeatSeconds`
 * @param uploads records or ids; a record tells its batch, which saves looking it up
 * @param options.db as pg-boss takes it: `fromDrizzle(tx, sql)`, `fromKysely(tx)`, …
 * @returns how many were added, and for how many there was a job already
 * @throws ConfigurationError what is no upload, a queue that does not fit, a Node or a pg-boss that is too old
 * @example
 * await db.transaction(async (tx) => {
 *   await tx.insert(uploads).values(rows);
 *   await enqueueUploads(boss, "uploads", rows, { db: fromDrizzle(tx, sql) });
 * });
 */
export async function enqueueUploads(
  boss: PgBoss,
  queue: string,
  uploads: Iterable<Enqueued>,
  options: { readonly db?: Db } = {},
): Promise<{ readonly added: number; readonly already: number }> {
  requireVersions(boss);
  await requireExclusiveQueue(boss, queue);
  let [added, already] = [0, 0];
  for (const { jobs, repeated } of pagesOf(uploads, PAGE)) {
    const entries = jobs.map((job) => ({
      data: job as UploadJobData,
      singletonKey: job.uploadId,
      expireInSeconds: EXPIRE_IN_SECONDS,
    }));
    const ids = await boss.insert(queue, entries, { ...options, returnId: true });
    const inserted = ids?.length ?? 0;
    added += inserted;
    already += jobs.length - inserted + repeated;
  }
  return { added, already };
}
