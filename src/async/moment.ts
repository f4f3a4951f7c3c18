/** A moment by two clocks: `performance.now()` stands still while the machine sleeps, and `Date.now()` can be set back. */
export class Moment {
  constructor(
    private readonly ticks = performance.now(),
    private readonly date = Date.now(),
  ) {}

  /** How long ago it was, in milliseconds, by the clock that says more: after a sleep of the machine, that of the wall. */
  get agoMs(): number {
    return Math.max(performance.now() - this.ticks, Date.now() - this.date);
  }
}

export const LONG_AGO = new Moment(Number.NEGATIVE_INFINITY);
