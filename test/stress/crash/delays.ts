import { performance } from "node:perf_hooks";
import type { UploadResult } from "../../../src/index.js";

const EACH_MS = 50;

/**
 * Whether a worker was kept from renewing a lease in time: the machine let it, or the server that it asks, wait. What it loses by
 * that is not lost by a fault. Keeps no process alive.
 */
export class Delays {
  #lastAt = -Infinity;

  constructor(private readonly leaseMs: number) {
    let before = performance.now();
    const each = () => {
      this.#note(performance.now() - before);
      before = performance.now();
    };
    setInterval(each, EACH_MS).unref();
  }

  /** Measures a call of the store. */
  async of<T>(call: Promise<T>): Promise<T> {
    const begunAt = performance.now();
    try {
      return await call;
    } finally {
      this.#note(performance.now() - begunAt);
    }
  }

  /** Whether an upload was taken from the worker because of one just now. */
  hasLost(settled: UploadResult): boolean {
    const isTaken = settled.status === "skipped" && settled.reason === "claimed-elsewhere" && settled.attempts > 0;
    return isTaken && performance.now() - this.#lastAt < 2 * this.leaseMs;
  }

  /** A lease is renewed three times while it lasts. */
  #note(ms: number): void {
    if (ms > this.leaseMs / 3) this.#lastAt = performance.now();
  }
}
