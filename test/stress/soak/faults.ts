import { type Fault, injectFaults } from "../../../src/testing/faults.js";

/** How many faults there were, by `kind method`. */
export type FaultCounts = Record<string, number>;

/**
 * An adapter whose faults are drawn anew for every batch: what `injectFaults` keeps for its log would grow with the number
 * of uploads, and be taken for a leak of the library.
 */
export class FaultyAdapter<A extends object> {
  /** The same object for all batches. */
  readonly adapter: A;
  readonly counts: FaultCounts = {};
  #current: { readonly adapter: A; readonly log: readonly Fault[] };

  constructor(
    private readonly sound: A,
    private readonly plan: { readonly seed: number; readonly rate: number; readonly latencyMs: number },
  ) {
    this.#current = injectFaults(sound, plan);
    this.adapter = new Proxy(sound, { get: (_, name) => Reflect.get(this.#current.adapter, name) });
  }

  /** Counts the faults so far, and goes on with those of another seed. */
  renew(seed: number): void {
    for (const { kind, method } of this.#current.log) {
      const name = `${kind} ${method}`;
      this.counts[name] = (this.counts[name] ?? 0) + 1;
    }
    this.#current = injectFaults(this.sound, { ...this.plan, seed });
  }
}
