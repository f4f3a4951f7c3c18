import type { Stoppable } from "../async/cancellation.js";
import type { Notifier } from "../async/notifier.js";
import { UploadError } from "../errors.js";
import { FailureRow } from "./failure-row.js";

/** The options of a breaker, complete. */
export interface BreakerSettings {
  readonly threshold: number;
  readonly cooldownMs: number;
  readonly giveUpAfterMs: number;
}

const LONGEST_COOLDOWN_MS = 300_000;
/** While a call finds out whether the service is back, nobody knows how long that takes: so soon it is asked again. */
const PROBING_MS = 1000;

/** One call that was let through. Handed back to the breaker when it ends. */
export interface Ticket {
  readonly uploadId: string;
  /** When it began, by the breaker's count of events. */
  readonly began: number;
  readonly isProbe: boolean;
}

/** Told when the breaker opens and closes. */
export interface BreakerObserver {
  opened(error: UploadError, until: number): void;
  closed(): void;
}

interface Open {
  readonly error: UploadError;
  /** The upload whose call opened it last: when that failure turns out to be the upload's own, it closes again. */
  readonly by: string | null;
  /** The one upload that has failed, where it may be that one's fault: another one finds out at once whether it is. */
  readonly suspect: string | null;
  /** By `performance.now()`: a clock that is set back would keep it open for as long. */
  readonly since: number;
  readonly until: number;
  /** The same for people, in milliseconds since the epoch. */
  readonly told: { readonly since: number; readonly until: number };
  readonly cooldownMs: number;
}

/**
 * Stops the calls of a service that is down or refuses the account: a state machine without a timer of its own.
 *
 * Closed, it counts failures of the service in a row; at the threshold it opens. Open, it lets one call through after each
 * cooldown, which doubles up to five minutes; a success closes it.
 *
 * As long as the service has not answered well, and after each failure, only so many calls run at once as may still fail: a
 * service that is down gets `threshold` calls, whatever the concurrency. A success counts against a row of failures only when
 * its call began after the first of them: what was under way when the service went down proves nothing.
 */
export class Breaker {
  #count = 0;
  #open: Open | undefined;
  #probe: Ticket | undefined;
  readonly #failures = new FailureRow();
  /** Whether a call has succeeded since the breaker was made or opened. */
  #proven = false;
  #running = 0;
  /** The latest beginning of a call that succeeded, and the end of the last one that did. */
  #successBegan = -1;
  #successEnded = -1;
  #scout: object | undefined;

  constructor(
    readonly settings: BreakerSettings | false,
    private readonly observer: BreakerObserver,
    /** Notified of everything that lets somebody through who waits. */
    private readonly changes: Notifier,
    /** The name of the service that it is for. */
    readonly service = "",
  ) {}

  /** What it is open for; `undefined` when it is closed. */
  get open(): Readonly<Open> | undefined {
    return this.#open;
  }

  get isProbing(): boolean {
    return this.#probe !== undefined;
  }

  /** The moment, by the breaker's count of events: for what happened since. */
  now(): number {
    return ++this.#count;
  }

  /** Whether a call that began after `moment` has succeeded: then the service was up. */
  succeededSince(moment: number): boolean {
    return this.#successBegan > moment;
  }

  /** Whether a call, begun at any time, has ended well after `moment`. */
  endedWellSince(moment: number): boolean {
    return this.#successEnded > moment;
  }

  /**
   * Lets a call through: at once, or when few enough are under way.
   *
   * @param canWait `false`: nobody comes back for this upload, so it is let through in any case
   * @throws UploadError `CIRCUIT_OPEN`, Interrupted
   */
  enter(uploadId: string, signal: Stoppable, canWait: boolean): Ticket | Promise<Ticket> {
    if (!canWait || this.settings === false) return this.#begin(uploadId, false);
    if (this.#open !== undefined) return this.#enterOpen(uploadId, this.#open);
    if (this.#hasRoom()) return this.#begin(uploadId, false);
    return this.#enterLater(uploadId, signal);
  }

  /** Why no call is made just now, for who may do something else instead; `undefined` when one may be made. */
  refusal(): UploadError | undefined {
    return this.#open !== undefined && this.isRefusing ? this.#circuitOpen(this.#open) : undefined;
  }

  /** Whether no call is made just now. */
  get isRefusing(): boolean {
    return this.#open !== undefined && (performance.now() < this.#open.until || this.#probe !== undefined);
  }

  /** In milliseconds: when to ask again whether a call may be made; `undefined` when it is closed. */
  get retryAfterMs(): number | undefined {
    if (this.#open === undefined) return undefined;
    const leftMs = this.#open.until - performance.now();
    if (leftMs > 0) return Math.ceil(leftMs);
    return this.#probe === undefined ? 1 : PROBING_MS;
  }

  /** The call ended well, or by the upload's own fault: the service has answered. */
  succeeded(ticket: Ticket): void {
    this.#end(ticket);
    this.#proven = true;
    this.#successBegan = Math.max(this.#successBegan, ticket.began);
    this.#successEnded = ++this.#count;
    this.#failures.succeeded(ticket.began);
    if (ticket.isProbe) this.#close();
    else this.changes.notify();
  }

  /** The service answered, but with a refusal of this upload. */
  answered(ticket: Ticket): void {
    this.#end(ticket);
    if (ticket.isProbe) this.#close();
    else this.changes.notify();
  }

  /** The call ended without telling anything of the service: aborted, deleted, claim lost. */
  released(ticket: Ticket): void {
    this.#end(ticket);
    this.changes.notify();
  }

  /**
   * The service failed.
   *
   * @param atOnce one is enough, as of a refused account, or of a hint that is too long to be waited for
   * @param isOnlyAttempt whether another call for this upload is another visit, between which others could have come
   */
  failed(ticket: Ticket, error: UploadError, atOnce: boolean, isOnlyAttempt = false): void {
    this.#end(ticket);
    this.#count++;
    if (this.settings === false) return;
    if (this.#open !== undefined) {
      if (ticket.isProbe) this.#reopen(error, ticket.uploadId, this.#open);
      else this.changes.notify();
      return;
    }
    this.#failures.add(this.#count, ticket.uploadId, isOnlyAttempt);
    const isFull = this.#failures.length >= this.settings.threshold;
    const suspect = isFull && !atOnce ? this.#failures.suspect : null;
    if (atOnce || isFull) this.trip(error, ticket.uploadId, suspect);
    else this.changes.notify();
  }

  /** Opens it: also for what is found out without a call, as by `checkHealth`. */
  trip(error: UploadError, uploadId: string | null = null, suspect: string | null = null): void {
    if (this.settings === false || this.#open !== undefined) return;
    this.#openFor(this.settings.cooldownMs, error, uploadId, suspect);
  }

  /** The failures of this upload were its own: they say nothing of the service. */
  blame(uploadId: string): void {
    this.#failures.clear();
    if (this.#open?.by === uploadId) this.#close();
    else this.changes.notify();
  }

  /** In milliseconds: when an upload may be begun that will need a call. `Infinity`: when another one has found out whether that helps. */
  get beginsInMs(): number {
    if (this.#open === undefined) return 0;
    const leftMs = this.#open.until - performance.now();
    if (leftMs > 0) return leftMs;
    return this.#scout === undefined && this.#probe === undefined ? 0 : Number.POSITIVE_INFINITY;
  }

  /**
   * Begins the upload that finds out whether the service is back: where it is open, and one may.
   *
   * @param scout handed to `scoutLeft` in the end
   */
  sendScout(scout: object): boolean {
    if (this.#open === undefined || this.beginsInMs > 0) return false;
    this.#scout = scout;
    return true;
  }

  scoutLeft(scout: object): void {
    if (this.#scout !== scout) return;
    this.#scout = undefined;
    this.changes.notify();
  }

  #hasRoom(): boolean {
    const { threshold } = this.settings as BreakerSettings;
    const { length } = this.#failures;
    return (this.#proven && length === 0) || this.#running < Math.max(1, threshold - length);
  }

  #enterOpen(uploadId: string, open: Open): Ticket {
    const isAnother = open.suspect !== null && open.suspect !== uploadId && this.#probe === undefined;
    if (!isAnother && this.isRefusing) throw this.#circuitOpen(open);
    this.#probe = this.#begin(uploadId, true);
    return this.#probe;
  }

  async #enterLater(uploadId: string, signal: Stoppable): Promise<Ticket> {
    while (this.#open === undefined && !this.#hasRoom()) await this.changes.wait(signal);
    return this.#open === undefined ? this.#begin(uploadId, false) : this.#enterOpen(uploadId, this.#open);
  }

  #begin(uploadId: string, isProbe: boolean): Ticket {
    this.#running++;
    return { uploadId, began: ++this.#count, isProbe };
  }

  #end(ticket: Ticket): void {
    this.#running--;
    if (this.#probe === ticket) this.#probe = undefined;
  }

  #reopen(error: UploadError, by: string, before: Open): void {
    const { cooldownMs, suspect } = before;
    const doubled = Math.max(cooldownMs, Math.min(LONGEST_COOLDOWN_MS, cooldownMs * 2));
    this.#openFor(doubled, error, by, suspect === by ? by : null, before);
  }

  #openFor(cooldownMs: number, error: UploadError, by: string | null, suspect: string | null, before?: Open): void {
    // The service's own hint wins where it is longer.
    const pauseMs = Math.max(cooldownMs, error.retryAfterMs ?? 0);
    const [now, date] = [performance.now(), Date.now()];
    const told = { since: before?.told.since ?? date, until: date + pauseMs };
    this.#open = { error, by, suspect, since: before?.since ?? now, until: now + pauseMs, told, cooldownMs };
    this.#proven = false;
    this.observer.opened(error, told.until);
    this.changes.notify();
  }

  #close(): void {
    if (this.#open === undefined) return;
    this.#open = undefined;
    this.#failures.clear();
    this.#proven = true;
    this.observer.closed();
    this.changes.notify();
  }

  #circuitOpen({ error }: Open): UploadError {
    const message = `No call is made until the service is back: ${error.message}`;
    const { retryAfterMs } = this;
    return new UploadError(message, { code: "CIRCUIT_OPEN", fault: error.fault, retryAfterMs, cause: error });
  }
}
