import pLimit from "p-limit";
import type { Stoppable } from "../async/cancellation.js";
import { Interrupted, sleep } from "../async/time.js";

const MINUTE_MS = 60_000;

/** A queue for calls of which only so many may run at once, and only so many begin in any minute. */
export class Limiter {
  readonly #limit: ReturnType<typeof pLimit>;
  /** The line for a minute that has room; `undefined` where any minute has. */
  readonly #line: Limiter | undefined;
  /** When the last calls began, oldest first: as many as a minute may have. */
  readonly #begun: number[] = [];
  #waiting = 0;

  constructor(
    readonly concurrency: number,
    private readonly perMinute = Number.POSITIVE_INFINITY,
  ) {
    this.#limit = pLimit(concurrency);
    if (perMinute !== Number.POSITIVE_INFINITY) this.#line = new Limiter(1);
  }

  /** How many calls wait for their turn. */
  get waiting(): number {
    return this.#waiting + (this.#line?.waiting ?? 0);
  }

  /** Whether a call would have to wait for a slot. */
  get isFull(): boolean {
    return this.#limit.activeCount >= this.concurrency;
  }

  /** Makes one call when it is its turn. @throws Interrupted when the signal is aborted before */
  run<T>(signal: Stoppable, call: () => Promise<T>): Promise<T> {
    return this.#line === undefined ? this.hold(signal, call) : this.hold(signal, () => this.inMinute(signal, call));
  }

  /** Makes one call as soon as a minute has room for it: for who holds a slot for several calls. @throws Interrupted */
  inMinute<T>(signal: Stoppable, call: () => Promise<T>): Promise<T> {
    return this.#line === undefined ? call() : this.#inItsMinute(this.#line, signal, call);
  }

  /** Runs `task` in a slot, whatever calls it makes. @throws Interrupted when the signal is aborted before */
  hold<T>(signal: Stoppable, task: () => Promise<T>): Promise<T> {
    const begin = () => (signal.aborted ? Promise.reject(new Interrupted()) : task());
    if (this.concurrency >= Number.MAX_SAFE_INTEGER) return begin(); // the limit is that of an engine, or there is none
    // Most calls find a free slot, and need not listen for an abort in the queue.
    if (!this.isFull) return this.#limit(begin);
    return this.#queue(signal, begin);
  }

  /**
   * p-limit's queue cannot be left, so what waits there is a small object that refers to the call: a caller that leaves
   * takes its call with it, and its memory is free at once.
   */
  #queue<T>(signal: Stoppable, begin: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (signal.aborted) return reject(new Interrupted());
      const place: Place = { start: undefined };
      const leave = () => {
        place.start = undefined;
        this.#waiting--;
        reject(new Interrupted());
      };
      place.start = () => {
        this.#waiting--;
        signal.removeEventListener("abort", leave);
        return begin().then(resolve, reject);
      };
      this.#waiting++;
      signal.addEventListener("abort", leave, { once: true });
      void this.#limit(startOf(place));
    });
  }

  /** One after the other, so that nobody waits for the minute of a caller that has left. */
  async #inItsMinute<T>(line: Limiter, signal: Stoppable, task: () => Promise<T>): Promise<T> {
    await line.run(signal, () => this.#untilRoom(signal));
    return task();
  }

  async #untilRoom(signal: Stoppable): Promise<void> {
    const [oldest] = this.#begun;
    if (oldest !== undefined && this.#begun.length >= this.perMinute) {
      await this.#until(oldest + MINUTE_MS, signal);
      this.#begun.shift();
    }
    this.#begun.push(performance.now());
  }

  async #until(moment: number, signal: Stoppable): Promise<void> {
    this.#waiting++;
    try {
      // A timer may fire a little early.
      for (let now = performance.now(); now < moment; now = performance.now()) await sleep(moment - now, signal);
    } finally {
      this.#waiting--;
    }
  }
}

interface Place {
  start: (() => Promise<void>) | undefined;
}

/** Outside the method: a function refers to everything that the scopes around it hold, used or not. */
function startOf(place: Place): () => Promise<void> | undefined {
  return () => place.start?.();
}
