import { Cancellation } from "../async/cancellation.js";
import type { Limiter } from "./limiter.js";

/** How texts, or whatever else waits, are sent together. */
export interface CoalescerOptions<Item> {
  /** In one call at most. */
  readonly maxSize: number;
  /** How long the first one that waits waits for others, in milliseconds. */
  readonly maxWaitMs: number;
  /** The slots of the calls. */
  readonly slot: Limiter;
  /** In a call with this one at most. */
  readonly mostWith: (item: Item) => number;
  /** Whether two may be in one call. */
  readonly belongTogether: (first: Item, item: Item) => boolean;
  /** Makes the call, in a slot. It does not reject. */
  readonly call: (items: readonly Item[]) => Promise<void>;
}

/**
 * Gathers what waits into calls of many, each of which takes one slot. A call is filled when its slot is won, so while the
 * slots are taken the calls get larger.
 */
export class Coalescer<Item> {
  #waiting: Item[] = [];
  /** Calls that wait for their slot. Each takes up to `maxSize` of those who wait. */
  readonly #calls = new Set<Cancellation>();
  #timer: NodeJS.Timeout | undefined;
  #isArranging = false;

  constructor(private readonly options: CoalescerOptions<Item>) {}

  add(item: Item): void {
    this.#waiting.push(item);
    this.#arrange();
  }

  /** It does not want to be called for any more. @returns whether it was still waiting */
  remove(item: Item): boolean {
    const place = this.#waiting.indexOf(item);
    if (place === -1) return false;
    this.#waiting.splice(place, 1);
    this.#arrange();
    return true;
  }

  /** As many calls as there are full ones; the rest waits for others, but not for long. */
  #arrange(): void {
    // A call that begins at once comes back here: the loop goes on with what it has left.
    if (this.#isArranging) return;
    const { maxSize, maxWaitMs } = this.options;
    this.#isArranging = true;
    while (this.#uncovered >= maxSize) this.#begin();
    this.#isArranging = false;
    if (this.#uncovered > 0) this.#timer ??= setTimeout(() => this.#onTimeout(), maxWaitMs);
    else {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    // For somebody who has left since.
    for (const call of this.#calls) {
      if (this.#waiting.length > (this.#calls.size - 1) * maxSize) break;
      this.#calls.delete(call);
      call.abort(undefined);
    }
  }

  /** How many wait that no call will take. */
  get #uncovered(): number {
    return this.#waiting.length - this.#calls.size * this.options.maxSize;
  }

  #onTimeout(): void {
    this.#timer = undefined;
    if (this.#uncovered > 0) this.#begin();
  }

  #begin(): void {
    const { slot, call } = this.options;
    const withdrawn = new Cancellation();
    this.#calls.add(withdrawn);
    const begin = () => {
      this.#calls.delete(withdrawn);
      const items = this.#take();
      this.#arrange();
      return items.length === 0 ? Promise.resolve() : call(items);
    };
    slot.run(withdrawn, begin).catch(() => {}); // it was withdrawn
  }

  #take(): Item[] {
    const { maxSize, mostWith, belongTogether } = this.options;
    const taken: Item[] = [];
    const left: Item[] = [];
    let most = maxSize;
    for (const item of this.#waiting) {
      const [first] = taken;
      const mostNow = Math.min(most, mostWith(item));
      if (taken.length < mostNow && (first === undefined || belongTogether(first, item))) {
        taken.push(item);
        most = mostNow;
      } else left.push(item);
    }
    this.#waiting = left;
    return taken;
  }
}
