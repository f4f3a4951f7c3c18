import type { PgBoss } from "pg-boss";
import { closeInTime, stillInWork } from "../engine/closing.js";
import { report } from "../engine/report.js";
import { siteOf } from "./in-work.js";
import { requireVersions } from "./versions.js";

/**
 * Ends the work on a queue in this process: takes no further job, lets those in work end, and hands back what has not ended after the
 * grace: it waits for another worker, with no attempt used. To be called before `boss.stop`, which at the end of its own timeout
 * fails what is in work instead, with an attempt used.
 *
 * It ends at the latest 10 s after the grace, also where the database does not answer: what is still under way is told as `error` of
 * `boss` then, and its jobs go to other workers when the process has ended and their heartbeats are missed.
 *
 * @param queue all workers of it that `boss` has
 * @param options.graceMs in milliseconds, by default 10000
 * @throws ConfigurationError a grace that no timer can keep; a Node or a pg-boss that is too old
 */
export async function closeUploads(
  boss: PgBoss,
  queue: string,
  { graceMs }: { readonly graceMs?: number | undefined } = {},
): Promise<void> {
  requireVersions(boss);
  const site = siteOf(boss);
  await closeInTime(graceMs, {
    async close() {
      try {
        await boss.offWork(queue, { wait: true });
      } finally {
        await site.closed(queue);
      }
    },
    handBack: () => site.handBack(queue),
    underWay() {
      const uploads = site.inWork(queue);
      return uploads > 0 ? stillInWork(uploads) : "the database of pg-boss does not answer";
    },
    report: (thrown) => report(boss, thrown),
  });
}
