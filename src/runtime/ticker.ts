import { ActiveSet, type Listed } from "../async/active-set.js";

export const TICK_MS = 100;

export interface Ticking extends Listed {
  tick(now: number): void;
}

/** One timer for all uploads of a runtime. It keeps no process alive, and stands still when nothing ticks. */
export class Ticker {
  readonly #members = new ActiveSet<Ticking>();
  #timer: NodeJS.Timeout | undefined;

  add(member: Ticking): void {
    this.#members.add(member);
    this.#timer ??= setInterval(() => {
      const now = performance.now();
      for (const each of this.#members) each.tick(now);
    }, TICK_MS).unref();
  }

  delete(member: Ticking): void {
    if (!this.#members.delete(member) || this.#members.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
