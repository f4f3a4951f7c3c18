import { constants } from "node:os";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
/** Runners such as npm and tsx pass on what the terminal has sent to all: signals so close together are one. */
const ONE_INTERRUPTION_MS = 300;

/**
 * Ctrl-C once: what is in flight is finished. Twice: it is handed back at once. A third time, and whenever this is not
 * listening, it kills as usual; that loses nothing but the calls that are being made.
 */
export class Interruption implements Disposable {
  readonly #twice = new AbortController();
  #received: (typeof SIGNALS)[number] | undefined;
  #receivedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly onFirst: () => void) {
    for (const signal of SIGNALS) process.on(signal, this.#receive);
  }

  /** Aborted when it is interrupted for the second time. */
  get signal(): AbortSignal {
    return this.#twice.signal;
  }

  /** What shells expect of a program that was interrupted: 128 and the number of the signal. */
  get exitCode(): number | undefined {
    return this.#received && 128 + constants.signals[this.#received];
  }

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) process.off(signal, this.#receive);
  }

  readonly #receive = (signal: (typeof SIGNALS)[number]): void => {
    const now = performance.now();
    if (now - this.#receivedAt < ONE_INTERRUPTION_MS) return;
    this.#receivedAt = now;
    if (this.#received === undefined) {
      this.#received = signal;
      this.onFirst();
    } else {
      this.#twice.abort(new Error("Interrupted twice"));
      this[Symbol.dispose]();
    }
  };
}
