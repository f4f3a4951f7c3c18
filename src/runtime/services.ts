import { Notifier } from "../async/notifier.js";
import type { StageName } from "../contracts/upload.js";
import type { UploadError } from "../errors.js";
import { Breaker, type BreakerSettings } from "./breaker.js";
import { UNLIMITED } from "./runtime-options.js";

export interface BreakerListener {
  readonly opened: (error: UploadError, until: number) => void;
  readonly closed: () => void;
}

/** The services without which no upload of a processor can be completed. */
export interface Needed {
  /** How many models can describe: it takes only one of them. */
  readonly models: number;
  readonly others: readonly Breaker[];
}

/** The name of its breaker: no stage of the user's can be called so. */
const EMBEDDING_OF_CHAIN = "embedding of a chain";

/** The services that a runtime calls, with a breaker for each. */
export class Services {
  /** Notified of everything that lets an upload be begun which waits for that. */
  readonly changes = new Notifier();
  readonly #models: Breaker[] = [];
  readonly #named = new Map<string, Breaker>();
  readonly #storages = new WeakMap<object, Breaker>();
  readonly #open = new Set<Breaker>();
  readonly #listeners = new Set<BreakerListener>();

  constructor(private readonly breaker: BreakerSettings | false) {}

  get hasBreaker(): boolean {
    return this.breaker !== false;
  }

  /** The breaker of a model that describes, by its place in a chain. A model alone is one service with its embedding. */
  breakerOfModel(place = 0): Breaker {
    for (let next = this.#models.length; next <= place; next++) this.#models.push(this.#create(`model ${next}`));
    return this.#models[place] as Breaker;
  }

  /** In a chain, embedding has one of its own. */
  breakerOfEmbedding(models: number): Breaker {
    return models > 1 ? this.#namedBreaker(EMBEDDING_OF_CHAIN) : this.breakerOfModel();
  }

  /** The breaker of a stage of the user's: those of one name are taken for one service. */
  breakerOfStage(name: StageName): Breaker {
    return this.#namedBreaker(name);
  }

  /** A storage that is down says nothing of another one, whoever shares the runtime. */
  breakerOfStorage(storage: object): Breaker {
    let breaker = this.#storages.get(storage);
    if (breaker === undefined) {
      breaker = this.#create("storage");
      this.#storages.set(storage, breaker);
    }
    return breaker;
  }

  /**
   * The first breaker that is open and in the way.
   *
   * @param needed of all who share the runtime, where it is not said
   */
  openBreaker(needed?: Needed): Breaker | undefined {
    // Asked for every upload, and almost always so.
    if (this.#open.size === 0) return undefined;
    const { models, others } = needed ?? this.#ofAll();
    for (const breaker of others) if (breaker.open !== undefined) return breaker;
    let soonest: Breaker | undefined;
    for (let place = 0; place < models; place++) {
      const breaker = this.breakerOfModel(place);
      if (breaker.open === undefined) return undefined;
      if (soonest?.open === undefined || breaker.open.until < soonest.open.until) soonest = breaker;
    }
    return soonest;
  }

  #ofAll(): Needed {
    return {
      models: Math.max(1, this.#models.length),
      others: [...this.#open].filter((breaker) => !this.#models.includes(breaker)),
    };
  }

  get giveUpAfterMs(): number {
    return this.breaker === false ? UNLIMITED : this.breaker.giveUpAfterMs;
  }

  /** @returns what ends the subscription */
  listen(listener: BreakerListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #namedBreaker(name: string): Breaker {
    let breaker = this.#named.get(name);
    if (breaker === undefined) {
      breaker = this.#create(name);
      this.#named.set(name, breaker);
    }
    return breaker;
  }

  #create(service: string): Breaker {
    const breaker: Breaker = new Breaker(
      this.breaker,
      {
        opened: (error, until) => {
          this.#open.add(breaker);
          this.#tell((listener) => listener.opened(error, until));
        },
        closed: () => {
          this.#open.delete(breaker);
          this.#tell((listener) => listener.closed());
        },
      },
      this.changes,
      service,
    );
    return breaker;
  }

  #tell(about: (listener: BreakerListener) => void): void {
    for (const listener of [...this.#listeners]) about(listener);
  }
}
