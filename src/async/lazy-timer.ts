import { ActiveSet, type Listed } from "./active-set.js";

/**
 * A timer that is set when the turn of the event loop is over in which it was made, and not at all if it is cleared before: seven
 * of them an upload cost a tenth of what the library costs, where storage and repository answer from memory.
 */
export class LazyTimer implements Listed {
  place: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param set sets the timer; it is told nothing of the time that has passed, so it has to ask where that matters
   */
  constructor(private readonly set: () => NodeJS.Timeout) {
    waiting.add(this);
    // Another function means another clock: what waited for the other one may never come, as under a test's fake timers.
    if (immediate === undefined || immediateBy !== setImmediate) {
      immediateBy = setImmediate;
      immediate = setImmediate(setAll);
    }
  }

  /** Sets it, unless it was cleared. */
  begin(): void {
    if (waiting.delete(this)) this.#timer = this.set();
  }

  clear(): void {
    clearTimeout(this.#timer);
    if (!waiting.delete(this) || waiting.size > 0) return;
    clearImmediate(immediate);
    immediate = undefined;
  }
}

const waiting = new ActiveSet<LazyTimer>();
let immediate: NodeJS.Immediate | undefined;
let immediateBy: typeof setImmediate | undefined;

function setAll(): void {
  immediate = undefined;
  for (const each of waiting) each.begin();
}
