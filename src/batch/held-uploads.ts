import type { Stoppable } from "../async/cancellation.js";
import type { Notifier } from "../async/notifier.js";
import type { DeferredUpload } from "../result.js";
import type { Breaker } from "../runtime/breaker.js";
import { RecentMap } from "../runtime/recent-map.js";

/** Those that may be visited when one of these breakers lets a call through; without any, at once. */
interface Group {
  readonly refusedBy: readonly Breaker[];
  readonly results: Map<string, DeferredUpload>;
}

/** Of so many the ids are remembered. Nothing further is begun then that would only be added to them. */
const MOST_HELD = 1000;
/** Without a breaker, in milliseconds: the wait of an upload that is held, which doubles each time. */
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 300_000;

/**
 * Uploads of a run that the service could not do, to be visited again, oldest first. Where models of a chain have refused one, and
 * others may not be asked for it, it is not visited before one of these can be asked.
 */
export class HeldUploads {
  /** Whose breakers have refused an upload that is about to be held. */
  readonly refusedBy = new Map<string, readonly Breaker[]>();
  /** By the names of the services, so that it does not matter how many uploads wait for one. */
  readonly #groups = new Map<string, Group>();
  /** Those that are not visited before a time, by `performance.now()`. */
  readonly #later = new Map<string, { readonly result: DeferredUpload; readonly from: number }>();
  /** How often those were held that no breaker holds up. */
  readonly #times = new RecentMap<string, number>(MOST_HELD);
  #size = 0;

  /**
   * @param changes notified of everything that lets a call through
   * @param hasBreaker without one nothing else keeps a service that is down from being called again and again
   */
  constructor(
    private readonly changes: Notifier,
    private readonly hasBreaker: boolean,
  ) {}

  get size(): number {
    return this.#size;
  }

  get isFull(): boolean {
    return this.#size >= MOST_HELD;
  }

  hold(result: DeferredUpload): void {
    const { uploadId } = result;
    const waitMs = this.#waitOf(result);
    if (waitMs === 0) {
      this.#hold(result);
      return;
    }
    // The input may name an upload twice: it waits once.
    if (!this.#later.has(uploadId)) this.#size++;
    this.#later.set(uploadId, { result, from: performance.now() + waitMs });
    this.changes.notify();
  }

  /** In milliseconds. What the breaker waits for, it tells when that is over. */
  #waitOf({ uploadId, error }: DeferredUpload): number {
    if (error.code === "CIRCUIT_OPEN") return 0;
    if (error.retryAfterMs !== undefined || this.hasBreaker) return error.retryAfterMs ?? 0;
    const times = this.#times.get(uploadId) ?? 0;
    this.#times.set(uploadId, times + 1);
    return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** times);
  }

  #hold(result: DeferredUpload): void {
    const { uploadId } = result;
    const refusedBy = this.refusedBy.get(uploadId) ?? [];
    this.refusedBy.delete(uploadId);
    const name = refusedBy.map(({ service }) => service).join("\n");
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = { refusedBy, results: new Map() };
      this.#groups.set(name, group);
    }
    if (!group.results.has(uploadId)) this.#size++;
    group.results.set(uploadId, result);
    this.changes.notify();
  }

  /** The next one that may be visited. */
  take(): string | undefined {
    const now = performance.now();
    for (const [id, { result, from }] of this.#later) {
      if (from > now) continue;
      this.#later.delete(id);
      this.#size--;
      this.#hold(result);
    }
    for (const [name, { refusedBy, results }] of this.#groups) {
      if (refusedBy.length > 0 && refusedBy.every(({ isRefusing }) => isRefusing)) continue;
      const [id] = results.keys();
      if (id === undefined) continue;
      results.delete(id);
      this.#size--;
      if (results.size === 0) this.#groups.delete(name);
      return id;
    }
    return undefined;
  }

  /** Of the services that are waited for the one that went down last; `undefined` where any may be visited. */
  get latestOutage(): Breaker["open"] {
    let latest: Breaker["open"];
    for (const { refusedBy } of this.#groups.values()) {
      const outages = refusedBy.map(({ open }) => open);
      if (outages.length === 0 || outages.includes(undefined)) return undefined;
      for (const open of outages) if (open !== undefined && open.since >= (latest?.since ?? 0)) latest = open;
    }
    return latest;
  }

  /**
   * Resolves when there may be one that may be visited, or after a time at the latest.
   *
   * @throws Interrupted when the signal is aborted
   */
  change(signal: Stoppable, latestMs: number): Promise<void> {
    let soonest = latestMs;
    for (const { refusedBy } of this.#groups.values())
      for (const { open } of refusedBy) {
        const left = (open?.until ?? 0) - performance.now();
        if (left > 0) soonest = Math.min(soonest, left); // else somebody finds out just now
      }
    for (const { from } of this.#later.values()) soonest = Math.min(soonest, Math.max(1, from - performance.now()));
    return this.changes.wait(signal, soonest);
  }

  *results(): Generator<DeferredUpload, void, undefined> {
    for (const { results } of this.#groups.values()) yield* results.values();
    for (const { result } of this.#later.values()) yield result;
  }

  clear(): void {
    this.#groups.clear();
    this.#later.clear();
    this.#size = 0;
  }
}
