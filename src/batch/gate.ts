import { Cancellation, type Stoppable } from "../async/cancellation.js";
import { Interrupted, throwIfInterrupted } from "../async/time.js";
import type { UploadRecord } from "../contracts/upload.js";
import { type RepositoryError, UploadError } from "../errors.js";
import type { BatchPausedEvent } from "../events.js";
import type { CallKind, OutageCall, RepositoryOutage } from "../pipeline/repository-outage.js";
import type { Settings } from "../pipeline/settings.js";
import type { Breaker } from "../runtime/breaker.js";
import type { SharedRuntime } from "../runtime/runtime.js";
import type { Needed } from "../runtime/services.js";

/** Why nothing is begun just now. */
export type PauseReason = Pick<BatchPausedEvent, "reason" | "error" | "until">;

interface Outage {
  readonly error: RepositoryError;
  /** What fails: a full disk lets reads pass. */
  readonly kind: CallKind;
  /** By `performance.now()`. */
  readonly since: number;
  /** In milliseconds since the epoch. */
  readonly until: number;
}

/** The services without which no upload can be completed: a stage that is not required is passed over where its own is down. */
export function neededServices<U extends UploadRecord>({
  models,
  stages,
  runtime,
  breakerOfStorage,
}: Settings<U>): Needed {
  const required = stages.filter((stage) => stage.required !== false);
  const others = [breakerOfStorage, ...required.map(({ name }) => runtime.breakerOfStage(name))];
  if (models.list.length > 1) others.push(models.breakerOfEmbed);
  return { models: models.list.length, others };
}

/** In milliseconds: how long a call of a repository that cannot be reached waits before it is made again, at most. */
const LONGEST_DELAY_MS = 5000;
const FIRST_DELAY_MS = 500;

/**
 * Says whether a processor may begin an upload: not while it is paused, its repository cannot be reached, or the service is
 * down. The one place where its runs wait for these.
 */
export class Gate {
  #isPaused = false;
  #outage: Outage | undefined;
  /** Calls that are made again and again until the outage is over. */
  #waiting = 0;
  /** How many calls of the repository were answered. */
  readonly #answered: Record<CallKind, number> = { read: 0, write: 0 };
  readonly #listeners = new Set<() => void>();

  constructor(
    private readonly runtime: SharedRuntime,
    private readonly needed: Needed,
  ) {}

  get isPaused(): boolean {
    return this.#isPaused;
  }

  pause(): void {
    this.#isPaused = true;
    this.changed();
  }

  resume(): void {
    this.#isPaused = false;
    this.changed();
  }

  /** Calls back at every change. @returns what ends that */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    const unlisten = this.runtime.listen({ opened: listener, closed: listener });
    return () => {
      this.#listeners.delete(listener);
      unlisten();
    };
  }

  changed(): void {
    for (const listener of [...this.#listeners]) listener();
    this.runtime.changes.notify();
  }

  /** `null` when it is open. */
  get reason(): PauseReason | null {
    if (this.#isPaused) return { reason: "pause", error: null, until: null };
    if (this.#outage !== undefined) {
      const { error, until } = this.#outage;
      return { reason: "repository", error, until };
    }
    const open = this.runtime.openBreaker(this.needed)?.open;
    if (open === undefined) return null;
    return {
      reason: open.error.fault === "account" ? "account" : "service",
      error: open.error,
      until: open.told.until,
    };
  }

  /**
   * Waits until an upload may be begun, by whoever has a slot for it then.
   *
   * @param runBegan by `performance.now()`: a run's patience begins with it, so that one which comes after a run that
   *   gave up tries the service again
   * @returns `undefined` where it may be now: almost always, and no promise for every upload
   * @throws Interrupted when the signal is aborted
   * @throws UploadError `CIRCUIT_OPEN` when the service was down for longer than a run waits
   */
  opens(signal: Stoppable, runBegan: number): undefined | Promise<void> {
    throwIfInterrupted(signal);
    return this.isOpen ? undefined : this.#opens(signal, runBegan);
  }

  /** Whether an upload may be begun now, looked at in its slot: so that no slot is held by what waits for the gate. */
  get isOpen(): boolean {
    return !this.#isPaused && this.#outage === undefined && this.runtime.openBreaker(this.needed) === undefined;
  }

  /**
   * Where a service is down: makes an upload the one that finds out whether it is back. In its slot, too, or all would wait for that.
   *
   * @returns called when the work on the upload has ended; `undefined` when it may not be begun
   */
  sendScout(): (() => void) | undefined {
    if (this.#isPaused || this.#outage !== undefined) return undefined;
    const scout = {};
    const breaker = this.runtime.openBreaker(this.needed);
    return breaker?.sendScout(scout) === true ? () => breaker.scoutLeft(scout) : undefined;
  }

  async #opens(signal: Stoppable, runBegan: number): Promise<void> {
    for (;;) {
      throwIfInterrupted(signal);
      // Whoever tried has given up, or was stopped: this one finds out whether it is over.
      if (!this.#isPaused && this.#outage !== undefined && this.#waiting === 0) {
        this.#outage = undefined;
        this.changed();
      }
      if (this.#isPaused || this.#outage !== undefined) {
        await this.runtime.changes.wait(signal);
        continue;
      }
      const breaker = this.runtime.openBreaker(this.needed);
      if (breaker?.open === undefined) return;
      const patienceMs = this.patienceFor(breaker.open, runBegan);
      const { beginsInMs } = breaker;
      if (beginsInMs === 0) return;
      await this.runtime.changes.wait(signal, Math.min(beginsInMs, patienceMs));
    }
  }

  /**
   * How long a run still waits for a service, in milliseconds.
   *
   * @throws UploadError `CIRCUIT_OPEN` when it was down for longer than a run waits
   */
  patienceFor({ error, since }: NonNullable<Breaker["open"]>, runBegan: number): number {
    const patienceMs = Math.max(since, runBegan) + this.runtime.giveUpAfterMs - performance.now();
    if (patienceMs > 0) return patienceMs;
    const message = `The service was down for longer than breaker.giveUpAfterMs: ${error.message}`;
    throw new UploadError(message, { code: "CIRCUIT_OPEN", fault: error.fault, cause: error });
  }

  /**
   * What is done when the repository cannot be reached: a call waits for it, until who has made it is aborted.
   *
   * @param callerOf who has made a call; `null` when that call does not wait
   */
  outageFor(callerOf: (call: OutageCall) => Stoppable | null): RepositoryOutage {
    const runBegan = performance.now();
    return {
      answered: (kind) => this.#answered[kind],
      joined: () => {
        this.#waiting++;
      },
      left: () => {
        if (--this.#waiting === 0 && this.#outage !== undefined) this.changed();
      },
      over: (kind) => {
        this.#answered[kind]++;
        if (this.#outage?.kind !== kind) return;
        this.#outage = undefined;
        this.changed();
      },
      wait: async (error, rounds, call) => {
        const caller = callerOf(call);
        if (caller === null || caller.aborted || this.#isGivenUp(runBegan)) return false;
        return this.#waitFor(call, error, FIRST_DELAY_MS * 2 ** (rounds - 1), caller);
      },
    };
  }

  #isGivenUp(runBegan: number): boolean {
    const since = Math.max(this.#outage?.since ?? runBegan, runBegan);
    return this.#outage !== undefined && performance.now() - since >= this.runtime.giveUpAfterMs;
  }

  async #waitFor(
    { where: { kind }, signal }: OutageCall,
    error: RepositoryError,
    ms: number,
    caller: Stoppable,
  ): Promise<boolean> {
    const delayMs = Math.min(LONGEST_DELAY_MS, ms);
    const outage = this.#outage;
    const since = outage?.since ?? performance.now();
    this.#outage = { error: outage?.error ?? error, kind, since, until: Date.now() + delayMs };
    if (outage === undefined) this.changed();
    const either = eitherOf(caller, signal);
    try {
      await this.runtime.changes.wait(either.signal, delayMs);
      return true;
    } catch {
      if (signal.aborted) throw new Interrupted();
      return false;
    } finally {
      either.unlink();
    }
  }
}

/** Aborted with the first of the two. */
function eitherOf(a: Stoppable, b: Stoppable): { readonly signal: Stoppable; readonly unlink: () => void } {
  const signal = new Cancellation();
  const listenTo = (one: Stoppable) => {
    const abort = () => signal.abort(one.reason);
    if (one.aborted) abort();
    one.addEventListener("abort", abort, { once: true });
    return () => one.removeEventListener("abort", abort);
  };
  const unlinks = [listenTo(a), listenTo(b)];
  return {
    signal,
    unlink: () => {
      for (const unlink of unlinks) unlink();
    },
  };
}
