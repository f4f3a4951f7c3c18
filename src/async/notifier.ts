import type { Stoppable } from "./cancellation.js";
import { Interrupted, LONGEST_TIMER_MS } from "./time.js";

/** Wakes those who wait for a change; each of them looks for itself what has changed. */
export class Notifier {
  readonly #waiters = new Set<() => void>();

  /** Resolves at the next change, or after so many milliseconds. @throws Interrupted when the signal is aborted before */
  wait(signal: Stoppable, atMostMs = Number.POSITIVE_INFINITY): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(new Interrupted());
      let timer: NodeJS.Timeout | undefined;
      const leave = () => {
        clearTimeout(timer);
        this.#waiters.delete(wake);
        signal.removeEventListener("abort", abort);
      };
      const wake = () => {
        leave();
        resolve();
      };
      const abort = () => {
        leave();
        reject(new Interrupted());
      };
      if (atMostMs !== Number.POSITIVE_INFINITY) timer = setTimeout(wake, Math.min(atMostMs, LONGEST_TIMER_MS));
      this.#waiters.add(wake);
      signal.addEventListener("abort", abort, { once: true });
    });
  }

  notify(): void {
    if (this.#waiters.size === 0) return;
    for (const wake of [...this.#waiters]) wake();
  }
}
