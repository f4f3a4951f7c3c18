import type { Stoppable } from "../async/cancellation.js";
import { Notifier } from "../async/notifier.js";
import { UploadError } from "../errors.js";

/**
 * How much may be spent. Calls under way are reserved at the price of the dearest so far; until a price is known, one call is
 * made at a time. So it is overrun by at most what the calls under way cost above the dearest before them.
 */
export class Budget {
  #spent: number;
  #dearest: number | undefined;
  #running = 0;
  readonly #changes = new Notifier();

  constructor(
    private limit: number,
    spent: number,
  ) {
    this.#spent = spent;
  }

  get left(): number {
    return this.limit - this.#spent;
  }

  /** Why no call is made just now, for who has not begun yet; `undefined` when there is room, or may be when what is under way ends. */
  refusal(): UploadError | undefined {
    return this.#running === 0 && this.#isUsedUp ? this.#exhausted() : undefined;
  }

  /** @throws UploadError `BUDGET_EXHAUSTED` @throws Interrupted */
  enter(signal: Stoppable): Promise<void> | undefined {
    if (this.#running === 0 || this.#fits(this.#running + 1)) return this.#begin();
    return this.#enterLater(signal);
  }

  /** A call has ended; `cost` is 0 where it used nothing up that is known. */
  leave(cost: number): void {
    this.#running--;
    this.#spent += cost;
    if (cost > (this.#dearest ?? 0)) this.#dearest = cost;
    this.#changes.notify();
  }

  /** More may be spent than before. */
  add(amount: number): void {
    this.limit += amount;
    this.#changes.notify();
  }

  async #enterLater(signal: Stoppable): Promise<void> {
    // What is under way may turn out cheaper than it is reserved for.
    while (this.#running > 0 && !this.#fits(this.#running + 1)) await this.#changes.wait(signal);
    this.#begin();
  }

  #begin(): undefined {
    if (this.#isUsedUp) throw this.#exhausted();
    this.#running++;
  }

  get #isUsedUp(): boolean {
    return this.left <= 0 || !this.#fits(1);
  }

  #exhausted(): UploadError {
    const spent = Number(this.#spent.toPrecision(6));
    const message = `The budget of ${this.limit} is used up: ${spent} is spent, and the next call may cost ${this.#dearest ?? "more"}; add to it, and call again`;
    return new UploadError(message, { code: "BUDGET_EXHAUSTED" });
  }

  #fits(calls: number): boolean {
    if (this.#dearest === undefined) return calls <= 1;
    // A sum of many prices is off in its last digits.
    return this.#spent + calls * this.#dearest <= this.limit * (1 + 1e-9);
  }
}
