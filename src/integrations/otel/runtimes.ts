import type { BatchObservableResult, Meter, Observable } from "@opentelemetry/api";
import type { Runtime } from "../../index.js";
import { createObservables } from "./instruments.js";
import { ATTRIBUTES } from "./names.js";

/**
 * By meter, whatever plugins there are: of two observations of the same metric an SDK keeps one. So the runtimes of a process are
 * summed up here, each counted once, however often it is observed.
 */
const byMeter = new WeakMap<Meter, ObservedRuntimes>();

/** Shows the state of a runtime whenever metrics are collected. @returns what ends that */
export function observeRuntime(meter: Meter, runtime: Runtime): () => void {
  let observed = byMeter.get(meter);
  if (observed === undefined) {
    observed = new ObservedRuntimes(meter);
    byMeter.set(meter, observed);
  }
  return observed.add(runtime);
}

class ObservedRuntimes {
  readonly #observables: ReturnType<typeof createObservables>;
  readonly #all: Observable[];
  /** How often each one is observed. */
  readonly #runtimes = new Map<Runtime, number>();
  readonly #stages = new Set<string>();
  #isRegistered = false;

  constructor(private readonly meter: Meter) {
    this.#observables = createObservables(meter);
    this.#all = Object.values(this.#observables);
  }

  add(runtime: Runtime): () => void {
    this.#runtimes.set(runtime, (this.#runtimes.get(runtime) ?? 0) + 1);
    if (!this.#isRegistered) this.meter.addBatchObservableCallback(this.#collect, this.#all);
    this.#isRegistered = true;
    return () => {
      const left = (this.#runtimes.get(runtime) ?? 0) - 1;
      if (left > 0) this.#runtimes.set(runtime, left);
      else this.#runtimes.delete(runtime);
    };
  }

  readonly #collect = (result: BatchObservableResult): void => {
    const { waiting, breakers } = this.#observables;
    const byStage = new Map<string, number>();
    const byState = { closed: 0, open: 0, probing: 0 };
    for (const runtime of this.#runtimes.keys()) {
      const { waitingByStage, breaker } = runtime.health();
      byState[breaker.state]++;
      for (const [stage, calls] of Object.entries(waitingByStage)) {
        byStage.set(stage, (byStage.get(stage) ?? 0) + calls);
        this.#stages.add(stage);
      }
    }
    for (const stage of this.#stages) result.observe(waiting, byStage.get(stage) ?? 0, { [ATTRIBUTES.stage]: stage });
    for (const [state, count] of Object.entries(byState))
      result.observe(breakers, count, { [ATTRIBUTES.breakerState]: state });
    // An SDK goes on to tell the last value that it got, so the last one has to be 0. It is still going through its callbacks.
    if (this.#runtimes.size === 0) queueMicrotask(() => this.#leave());
  };

  #leave(): void {
    if (this.#runtimes.size > 0 || !this.#isRegistered) return;
    this.meter.removeBatchObservableCallback(this.#collect, this.#all);
    this.#isRegistered = false;
  }
}
