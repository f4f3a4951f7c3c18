import { Notifier } from "../async/notifier.js";
import type { StageName } from "../contracts/upload.js";
import type { UploadError } from "../errors.js";
import { Breaker, type BreakerSettings } from "./breaker.js";
import { RecentMap } from "./recent-map.js";
import { MOST_REMEMBERED, UNLIMITED } from "./runtime-options.js";

/** What is remembered of an upload that a service has failed: how often, and since when. */
export interface Trial {
  failures: number;
  /** How often it was handed back because of them. */
  held: number;
  /** By the breaker's count of events. */
  readonly firstBegan: number;
  readonly firstFailed: number;
}

export interface BreakerListener {
  readonly opened: (error: UploadError, until: number) => void;
  readonly closed: () => void;
}

/** The breakers' names of the models: no stage of the user's can be called so. */
const MODEL = "the model";
export const EMBEDDING_OF_CHAIN = "embedding of a chain";

/** What one service did says nothing of another: their events are counted apart. */
function trialKey(uploadId: string, service: string): string {
  return service === MODEL ? uploadId : `${service}\n${uploadId}`;
}

/** The services that a runtime calls: a breaker for each, and what each has made of the uploads that it failed. */
export class Services {
  /** Notified of everything that lets an upload be begun which waits for that. */
  readonly changes = new Notifier();
  readonly trials = new RecentMap<string, Trial>(MOST_REMEMBERED);
  readonly #breakers = new Map<string, Breaker>();
  readonly #listeners = new Set<BreakerListener>();

  constructor(private readonly breaker: BreakerSettings | false) {}

  /**
   * Describing and embedding are calls of one service; each stage of the user's has its own. In a chain of models each has its
   * own, by its place, and embedding has one as well.
   */
  breakerOf(stage: StageName): Breaker {
    const service = stage === "describe" || stage === "embed" ? MODEL : stage;
    let breaker = this.#breakers.get(service);
    if (breaker === undefined) {
      const observer: BreakerListener = {
        opened: (error, until) => this.#tell((listener) => listener.opened(error, until)),
        closed: () => this.#tell((listener) => listener.closed()),
      };
      breaker = new Breaker(this.breaker, observer, this.changes, service);
      this.#breakers.set(service, breaker);
    }
    return breaker;
  }

  /** The breaker of a chain's model, by its place. */
  breakerOfModel(place: number): Breaker {
    return this.breakerOf(place === 0 ? MODEL : `${MODEL} ${place}`);
  }

  /** The first of its breakers that is open and in the way: of a chain of models those are when all of them are. */
  openBreaker(models?: number): Breaker | undefined {
    // Asked for every upload, and almost always so.
    for (const breaker of this.#breakers.values()) if (breaker.open !== undefined) return this.#inTheWay(models);
    return undefined;
  }

  #inTheWay(models = this.#models()): Breaker | undefined {
    for (const [service, breaker] of this.#breakers) {
      const isOfModels = service === EMBEDDING_OF_CHAIN || service.startsWith(MODEL);
      if (breaker.open !== undefined && !isOfModels) return breaker;
    }
    if (models > 1) {
      const breaker = this.#breakers.get(EMBEDDING_OF_CHAIN);
      if (breaker?.open !== undefined) return breaker;
    }
    let soonest: Breaker | undefined;
    for (let place = 0; place < models; place++) {
      const breaker = this.breakerOfModel(place);
      if (breaker.open === undefined) return undefined;
      if (soonest?.open === undefined || breaker.open.until < soonest.open.until) soonest = breaker;
    }
    return soonest;
  }

  /** Of the longest chain that it is shared by. */
  #models(): number {
    let models = 1;
    while (this.#breakers.has(`${MODEL} ${models}`)) models++;
    return models;
  }

  trialOf(uploadId: string, { service }: Breaker): Trial | undefined {
    return this.trials.get(trialKey(uploadId, service));
  }

  tried(uploadId: string, { service }: Breaker, trial: Trial): void {
    this.trials.set(trialKey(uploadId, service), trial);
  }

  /** Whether a service has failed it since it was settled last. */
  isTried(uploadId: string): boolean {
    for (const breaker of this.#breakers.values()) if (this.trialOf(uploadId, breaker) !== undefined) return true;
    return false;
  }

  forgetTrials(uploadId: string): void {
    if (this.trials.size === 0) return;
    for (const service of this.#breakers.keys()) this.trials.delete(trialKey(uploadId, service));
  }

  get giveUpAfterMs(): number {
    return this.breaker === false ? UNLIMITED : this.breaker.giveUpAfterMs;
  }

  /** @returns what ends the subscription */
  listen(listener: BreakerListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(about: (listener: BreakerListener) => void): void {
    for (const listener of [...this.#listeners]) about(listener);
  }
}
