import type { PgBoss } from "pg-boss";
import { GRACE_MS, requireGrace } from "../engine/grace.js";
import { siteOf } from "./in-work.js";
import { requireVersions } from "./versions.js";

/**
 * Ends the work on a queue in this process: takes no further job, lets those in work end, and hands back what has not ended after the
 * grace: it waits for another worker, with no attempt used. To be called before `boss.stop`, which at the end of its own timeout
 * fails what is in work instead, with an attempt used.
 *
 * @param queue all workers of it that `boss` has
 * @param options.graceMs in milliseconds, by default 10000
 * @throws ConfigurationError a grace that no timer can keep; a Node or a pg-boss that is too old
 */
export async function closeUploads(
  boss: PgBoss,
  queue: string,
  { graceMs = GRACE_MS }: { readonly graceMs?: number | undefined } = {},
): Promise<void> {
  requireVersions(boss);
  requireGrace(graceMs);
  const site = siteOf(boss);
  const timer = setTimeout(() => site.handBack(queue), graceMs);
  try {
    await boss.offWork(queue, { wait: true });
  } finally {
    clearTimeout(timer);
    await site.closed(queue);
  }
}
