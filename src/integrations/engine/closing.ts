import { GRACE_MS, LONGEST_TIMER_MS, requireGrace } from "./grace.js";

/** How work is closed. */
export interface Closing {
  /** Takes nothing more, and resolves when all has ended. */
  readonly close: () => Promise<unknown>;
  /** Stops what is in work, with no attempt used. */
  readonly handBack: () => void;
  /** What is still under way, for people, when there is no more time to wait for it. */
  readonly underWay: () => string;
  readonly report: (thrown: unknown) => void;
}

/** A job that was being fetched when the grace ended begins after it. */
const AGAIN_MS = 100;
/** Adapters that go on behind their signal are left alone after 5 s, and then the row is written. */
const HANDING_BACK_MS = 10_000;

/**
 * Closes within the grace, or hands back what has not ended by then. Neither a store nor an engine that does not answer is waited for any
 * longer than 10 s more: that is reported, and goes on behind the caller's back, in case that they answer again.
 *
 * @throws ConfigurationError a grace that no timer can keep
 */
export async function closeInTime(graceMs = GRACE_MS, { close, handBack, underWay, report }: Closing): Promise<void> {
  requireGrace(graceMs);
  let timer = setTimeout(() => {
    handBack();
    timer = setInterval(handBack, AGAIN_MS).unref();
  }, graceMs);
  let limit: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    limit = setTimeout(resolve, Math.min(graceMs + HANDING_BACK_MS, LONGEST_TIMER_MS), "late");
  });
  const closed = close().finally(() => clearTimeout(timer));
  try {
    if ((await Promise.race([closed, late])) !== "late") return;
    closed.catch(report);
    report(new Error(`Not all could be closed in time: ${underWay()}`));
  } finally {
    clearTimeout(limit);
  }
}

/** Uploads that are in work although they were stopped. */
export function stillInWork(uploads: number): string {
  return (
    `${uploads === 1 ? "1 upload is" : `${uploads} uploads are`} still in work, most likely because the repository does not answer; ` +
    "other workers go on when this process has ended and its leases have run out"
  );
}
