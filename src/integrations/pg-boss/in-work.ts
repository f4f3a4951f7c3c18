import type { PgBoss } from "pg-boss";
import type { UploadJob } from "./job-types.js";

/** Why the work on a job was stopped: it is by this that the handler tells what becomes of the job. */
export const CLAIM_LOST = "The job is no longer this worker's: it was cancelled, has expired, or pg-boss was stopped";
export const CLOSING = "The worker is being closed";

/** What goes on over one client. */
class Site {
  readonly #jobs = new Set<{ readonly queue: string; readonly controller: AbortController }>();
  readonly #handingBack = new Set<string>();
  readonly #closers = new Map<string, Set<() => Promise<void>>>();

  /** Runs the work on a job with a signal that tells why it was stopped. */
  async run<T>({ name: queue, signal }: UploadJob, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const job = { queue, controller };
    const lose = () => controller.abort(CLAIM_LOST);
    if (signal.aborted) lose();
    if (this.#handingBack.has(queue)) controller.abort(CLOSING);
    signal.addEventListener("abort", lose, { once: true });
    this.#jobs.add(job);
    try {
      return await work(controller.signal);
    } finally {
      this.#jobs.delete(job);
      signal.removeEventListener("abort", lose);
    }
  }

  /** Stops what is in work, and what was being fetched meanwhile. */
  handBack(queue: string): void {
    this.#handingBack.add(queue);
    for (const job of this.#jobs) if (job.queue === queue) job.controller.abort(CLOSING);
  }

  /** How many jobs of a queue are in work. */
  inWork(queue: string): number {
    return Array.from(this.#jobs).filter((job) => job.queue === queue).length;
  }

  whenClosed(queue: string, close: () => Promise<void>): void {
    const closers = this.#closers.get(queue) ?? new Set();
    this.#closers.set(queue, closers.add(close));
  }

  async closed(queue: string): Promise<void> {
    this.#handingBack.delete(queue);
    const closers = this.#closers.get(queue) ?? [];
    this.#closers.delete(queue);
    for (const close of closers) await close();
  }
}

const sites = new WeakMap<PgBoss, Site>();

export function siteOf(boss: PgBoss): Site {
  const site = sites.get(boss) ?? new Site();
  sites.set(boss, site);
  return site;
}
