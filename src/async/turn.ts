import type { Stoppable } from "./cancellation.js";
import { Notifier } from "./notifier.js";
import { throwIfInterrupted } from "./time.js";

/**
 * For what is done one at a time, by whoever has all else that it needs: who finds it taken waits with nothing in hand, or what it
 * holds could be what the one whose turn it is waits for.
 */
export class Turn {
  #isTaken = false;
  readonly #left = new Notifier();

  get isTaken(): boolean {
    return this.#isTaken;
  }

  /** Runs a task, unless one is running; `undefined` then. */
  take<T>(task: () => Promise<T>): Promise<T> | undefined {
    return this.#isTaken ? undefined : this.#run(task);
  }

  /** Resolves when nobody has it, which somebody else may take first. @throws Interrupted when the signal is aborted before */
  async free(signal: Stoppable): Promise<void> {
    throwIfInterrupted(signal);
    while (this.#isTaken) await this.#left.wait(signal);
  }

  /** Runs a task when it is its turn. @throws Interrupted when the signal is aborted before */
  async run<T>(signal: Stoppable, task: () => Promise<T>): Promise<T> {
    for (;;) {
      await this.free(signal);
      const running = this.take(task);
      if (running !== undefined) return running;
    }
  }

  async #run<T>(task: () => Promise<T>): Promise<T> {
    this.#isTaken = true;
    try {
      return await task();
    } finally {
      this.#isTaken = false;
      this.#left.notify();
    }
  }
}
