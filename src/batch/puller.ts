import type { Stoppable } from "../async/cancellation.js";
import type { UploadRecord } from "../contracts/upload.js";
import { requireUpload } from "../validate.js";

/** Uploads, pulled one at a time as there is room. */
export type UploadSource<U extends UploadRecord> = Iterable<U | string> | AsyncIterable<U | string>;

/**
 * Pulls from a source for several workers: in turn, because a source need not bear two calls at once. Closes it when it is left
 * before its end, and waits for none once stopped.
 */
export class Puller<U extends UploadRecord> {
  readonly #iterator: Iterator<U | string> | AsyncIterator<U | string>;
  readonly #isAsync: boolean;
  #turn: Promise<unknown> = Promise.resolve();
  #done = false;
  /** One listener and one variable: a race against one long-lived promise would keep a reaction for every upload. */
  #leave = () => {};
  readonly #onStop = () => this.#leave();

  constructor(
    source: UploadSource<U>,
    private readonly stopping: Stoppable,
  ) {
    this.#isAsync = Symbol.asyncIterator in source;
    this.#iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    stopping.addEventListener("abort", this.#onStop, { once: true });
  }

  /** Whether the source has come to its end, or was left. */
  get isDone(): boolean {
    return this.#done;
  }

  /** The next upload, `undefined` at the end. @throws what the source throws, and ConfigurationError for what is no upload */
  next(): Promise<U | string | undefined> {
    // A synchronous source cannot be called twice at once; taking turns would cost a tenth of the time of an upload without work.
    if (!this.#isAsync) return this.#next();
    const turn = this.#turn.then(() => this.#next());
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** No more is pulled: a source that is left early may hold resources, and is closed. One that hangs is not waited for. */
  close(): void {
    this.stopping.removeEventListener("abort", this.#onStop);
    if (this.#done) return;
    this.#done = true;
    void (async () => this.#iterator.return?.())().catch(() => {});
  }

  async #next(): Promise<U | string | undefined> {
    if (this.#done) return undefined;
    if (this.stopping.aborted) {
      this.close();
      return undefined;
    }
    let step: IteratorResult<U | string> | undefined;
    try {
      const pulled = this.#iterator.next();
      step = "then" in pulled ? await this.#unlessStopped(pulled) : pulled;
    } catch (error) {
      this.#done = true; // it has closed itself
      this.stopping.removeEventListener("abort", this.#onStop);
      throw error;
    }
    if (step === undefined) {
      this.close();
      return undefined;
    }
    if (step.done) {
      this.#done = true;
      this.stopping.removeEventListener("abort", this.#onStop);
      return undefined;
    }
    try {
      requireUpload("uploads", step.value);
    } catch (error) {
      this.close();
      throw error;
    }
    return step.value;
  }

  #unlessStopped<T>(work: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.#leave = () => resolve(undefined);
      if (this.stopping.aborted) this.#leave(); // by the source itself, while it was asked
      work.then(resolve, reject);
    });
  }
}
