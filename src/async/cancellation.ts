/** What work has to know of its end. An AbortSignal is one. */
export interface Stoppable {
  readonly aborted: boolean;
  readonly reason: unknown;
  readonly addEventListener: (type: "abort", listener: () => void, options?: { once: true }) => void;
  readonly removeEventListener: (type: "abort", listener: () => void) => void;
}

/**
 * Ends one upload, or one call for it. An AbortController for use inside: Node takes 3 µs to make a signal and 5 µs for its
 * first listener, and every upload has several; so the signal is made for the adapters that ask for it.
 */
export class Cancellation implements Stoppable {
  #aborted = false;
  #reason: unknown;
  #listeners: Set<() => void> | undefined;
  #controller: AbortController | undefined;

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    const listeners = this.#listeners;
    this.#listeners = undefined;
    for (const listener of listeners ?? []) listener();
    this.#controller?.abort(reason);
  }

  addEventListener(_type: "abort", listener: () => void, _options?: { once: true }): void {
    this.#listeners ??= new Set();
    this.#listeners.add(listener);
  }

  removeEventListener(_type: "abort", listener: () => void): void {
    this.#listeners?.delete(listener);
  }
}

/**
 * What an adapter is called with: its `signal` is made when it is read. It is a property of the object's own, so that
 * `{ ...options }` has it, too; and one accessor for all of them, because V8 makes a hidden class for every other.
 */
export class WithSignal {
  static readonly #property = {
    enumerable: true,
    get(this: WithSignal): AbortSignal {
      return this.#cancellation.signal;
    },
  };
  readonly #cancellation: Cancellation;
  declare readonly signal: AbortSignal;

  constructor(cancellation: Cancellation) {
    this.#cancellation = cancellation;
    Object.defineProperty(this, "signal", WithSignal.#property);
  }
}
