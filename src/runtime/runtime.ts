import { ActiveSet } from "../async/active-set.js";
import { Turn } from "../async/turn.js";
import type { AIAdapter, Usage } from "../contracts/ai.js";
import type { Limit, RuntimeOptions } from "../contracts/runtime.js";
import type { StageName } from "../contracts/upload.js";
import { ConfigurationError, type UploadError } from "../errors.js";
import { number, requireKnown, requireMembers } from "../validate.js";
import type { ActiveUpload } from "./active-upload.js";
import type { Budget } from "./budget.js";
import { DecoderSlots } from "./decoder-slots.js";
import { StageDurations } from "./durations.js";
import { Ledger } from "./ledger.js";
import { Limiter } from "./limiter.js";
import { defaultDecoders, readBreaker, readBudget, readLimits, UNLIMITED } from "./runtime-options.js";
import { Services } from "./services.js";
import { Ticker } from "./ticker.js";
import { UploadMemory } from "./upload-memory.js";
import { VisionAhead } from "./vision-ahead.js";

/** How the work stands. */
export interface RuntimeHealth {
  /** Uploads in work. */
  readonly active: number;
  /** Calls that wait for a slot. */
  readonly waiting: number;
  /** The same by limit: `decode`, `describe`, `embed`, and the names of your own stages, as far as they were in use. */
  readonly waitingByStage: Readonly<Record<string, number>>;
  readonly breaker:
    | { readonly state: "closed" }
    /** `since` and `until` in milliseconds since the epoch. */
    | {
        readonly state: "open" | "probing";
        readonly error: UploadError;
        readonly since: number;
        readonly until: number;
      };
  /** What all calls have used up so far, failed ones too. */
  readonly usage: Usage;
  /** `null` without a budget. */
  readonly budgetLeft: number | null;
}

/**
 * What calls and processors share: slots, breaker, ledger and budget, and the queue of uploads that may take a process down, which
 * go one at a time. Made by `createRuntime`; without one, all users of an AI adapter share one.
 */
export interface Runtime {
  /** How the work stands now. */
  health(): RuntimeHealth;
  /**
   * Lets more be spent, in the currency of `ai.price`. Runs that ended by the budget go on when they are called again.
   *
   * @throws ConfigurationError without a budget, and for what is no finite number of at least 0
   */
  addBudget(amount: number): void;
}

export class SharedRuntime extends Services implements Runtime {
  readonly ledger = new Ledger();
  readonly durations = new StageDurations();
  readonly ticker = new Ticker();
  readonly visionAhead = new VisionAhead();
  readonly decoding = new DecoderSlots(() => this.limiter("decode"));
  readonly active = new ActiveSet<ActiveUpload>();
  /**
   * Uploads that were started before and never settled may have taken a process down. They go one at a time, so that the one
   * that does it again takes no neighbour into quarantine.
   */
  readonly suspects = new Turn();
  /** By adapter: the `Coalescer` that gathers the texts for its calls of many. */
  readonly coalescers = new WeakMap<object, object>();
  readonly budget: Budget | undefined;
  readonly #limits = new Map<string, Limiter>();
  readonly #given: Readonly<Record<string, Limit | undefined>>;
  readonly #memories = new WeakMap<object, UploadMemory>();

  constructor(options: RuntimeOptions) {
    requireMembers("runtime", options, []);
    const { limits = {}, breaker = {}, budget } = options;
    super(breaker !== false && readBreaker(breaker));
    this.#given = readLimits(limits);
    if (budget !== undefined) this.budget = readBudget(budget);
  }

  /**
   * The slots of a stage: as many as `limits` say, for all; else as many as the adapter or the stage asks for, for those who ask for as
   * many.
   */
  limiter(stage: StageName, wish?: number): Limiter {
    const given = this.#given[stage];
    const name = given === undefined && wish !== undefined ? `${stage} of ${wish}` : stage;
    let limiter = this.#limits.get(name);
    if (limiter === undefined) {
      const { concurrency, perMinute } =
        typeof given === "object" && given !== null ? given : { concurrency: given, perMinute: undefined };
      const slots = concurrency ?? wish ?? (stage === "decode" ? defaultDecoders() : UNLIMITED);
      limiter = new Limiter(slots, perMinute ?? UNLIMITED);
      this.#limits.set(name, limiter);
    }
    return limiter;
  }

  /** What is remembered of the uploads of a repository. */
  memoryOf(repository: object): UploadMemory {
    let memory = this.#memories.get(repository);
    if (memory === undefined) {
      memory = new UploadMemory();
      this.#memories.set(repository, memory);
    }
    return memory;
  }

  /** @returns whether another entry holds the claim of the upload */
  begin(upload: ActiveUpload): boolean {
    let isHeld = false;
    this.active.forEach((other) => {
      if (!other.isSame(upload)) return;
      isHeld ||= other.claim?.isHeld === true;
      for (const [one, another] of [
        [upload, other],
        [other, upload],
      ] as const) {
        one.whenEnded(() => {
          if (one.claim !== undefined) another.isFree = true;
        });
      }
    });
    this.active.add(upload);
    return isHeld;
  }

  end(upload: ActiveUpload): void {
    this.active.delete(upload);
    upload.end();
  }

  health(): RuntimeHealth {
    let { waiting } = this.decoding;
    const waitingByStage: Record<string, number> = waiting === 0 ? {} : { decode: waiting };
    for (const [name, limiter] of this.#limits) {
      const [stage = name] = name.split(" ", 1); // the models of a chain have limits of their own
      waitingByStage[stage] = (waitingByStage[stage] ?? 0) + limiter.waiting;
      waiting += limiter.waiting;
    }
    const breaker = this.openBreaker();
    const open = breaker?.open;
    return {
      active: this.active.size,
      waiting,
      waitingByStage,
      breaker:
        open === undefined
          ? { state: "closed" }
          : {
              state: breaker?.isProbing ? "probing" : "open",
              error: open.error,
              since: open.told.since,
              until: open.told.until,
            },
      usage: this.ledger.usage,
      budgetLeft: this.budget?.left ?? null,
    };
  }

  addBudget(amount: number): void {
    const added = number("addBudget", amount, Number.NaN, 0);
    if (this.budget === undefined)
      throw new ConfigurationError(
        "addBudget: this runtime has no budget; make it with createRuntime({ budget: { limit } })",
      );
    this.budget.add(added);
  }
}

/**
 * Makes a runtime to share: between calls of `processUploadWithRetry`, between processors, between AI adapters that use one
 * account. Handing one in says that somebody comes back: an upload that the service could not do is `deferred`, not `failed`.
 *
 * @throws ConfigurationError an option that is unknown or out of range
 * @example
 * const runtime = createRuntime({ limits: { describe: 2, embed: { perMinute: 600 } }, budget: { limit: 25 } });
 * await processUploadWithRetry(upload, adapters, { runtime });
 */
export function createRuntime(options: RuntimeOptions = {}): Runtime {
  requireMembers("runtime", options, []);
  requireKnown("runtime", options, ["limits", "breaker", "budget"]);
  return new SharedRuntime(options);
}

const byAdapter = new WeakMap<object, SharedRuntime>();

/**
 * The service behind an adapter takes so much at once, whoever calls it, so the default runtime belongs to the adapter: to
 * its `concurrency` object where it has one, so that copies and wrappers of one adapter share it.
 */
export function runtimeOf(ai: Pick<AIAdapter, "concurrency">): SharedRuntime {
  const identity = ai.concurrency ?? ai;
  let runtime = byAdapter.get(identity);
  if (runtime === undefined) {
    runtime = new SharedRuntime({});
    byAdapter.set(identity, runtime);
  }
  return runtime;
}
