interface Sample {
  readonly at: number;
  readonly settled: number;
}

/** Further back is not looked at: it was another time of day. */
const WINDOW_MS = 120_000;
const STEP_MS = 1000;

/** How fast the uploads of a batch are settled, whoever works on them: by how many there were at several times. */
export class Rate {
  #samples: Sample[] = [];

  /** @returns how long the rest takes in milliseconds, `null` when that cannot be told */
  etaMs(settled: number, total: number, now = performance.now()): number | null {
    this.#add({ settled, at: now });
    if (settled === total) return 0;
    const [first] = this.#samples;
    if (first === undefined || first.settled === settled) return null;
    return Math.round(((now - first.at) * (total - settled)) / (settled - first.settled));
  }

  #add(sample: Sample): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && sample.settled < last.settled) this.#samples = []; // they are being done again
    this.#samples = this.#samples.filter(({ at }) => sample.at - at <= WINDOW_MS);
    const newest = this.#samples.at(-1);
    if (newest === undefined || sample.at - newest.at >= STEP_MS) this.#samples.push(sample);
  }
}
