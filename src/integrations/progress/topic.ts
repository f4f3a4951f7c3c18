import type { ReceivedEvent } from "../../index.js";
import type { Snapshot } from "../progress-client.js";
import type { Furthest } from "./furthest.js";
import { Rate } from "./rate.js";
import { MOST_BUFFERED, type Reader } from "./reader.js";
import type { RecentEvent, RecentEvents } from "./recent-events.js";
import { encode, frame } from "./server-sent.js";
import type { Lately } from "./snapshot.js";
import { keyOf, keysOf, type Subject } from "./subject.js";

/** How it stands, and up to which event that is in it at least. */
export interface Reading {
  readonly snapshot: Snapshot | null;
  readonly sequence: number;
}

/** At most one snapshot in this time is sent because something has changed. */
const REFRESH_MS = 1000;
/** Whoever completes a batch does so behind the event of its last upload: so often it is looked at again. */
const LOOKS_FOR_END = 5;
/** To count a large batch takes a while: what takes longer than this is used for so many times as long, and not counted anew. */
const SLOW_READ_MS = 50;
const USED_FOR = 20;
const LONGEST_USE_MS = 5000;

/** More than this is not collected for readers: who has missed so much is better off with a snapshot. */
const MOST_COLLECTED = 200;

/** What is watched, with all who watch it: they share events and snapshots. */
export class Topic implements Lately {
  readonly readers = new Set<Reader>();
  readonly key: string;
  readonly #rate = new Rate();
  #collected: RecentEvent[] = [];
  #reading: Promise<Reading> | undefined;
  #last: Reading | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  #usableUntil = 0;
  #refreshAt = 0;
  /** The last event that changes a snapshot. */
  #changedBy = 0;
  #refreshTimer: NodeJS.Timeout | undefined;
  #looksForEnd = 0;

  constructor(
    subject: Subject,
    private readonly recent: RecentEvents,
    private readonly furthest: Furthest,
    private readonly read: (lately: Lately) => Promise<Snapshot | null>,
  ) {
    this.key = keyOf(subject);
  }

  progressOf(uploadId: string): number {
    return this.furthest.of(uploadId);
  }

  settled(uploadId: string): void {
    this.furthest.forget(uploadId);
  }

  etaMs(settled: number, total: number): number | null {
    return this.#rate.etaMs(settled, total);
  }

  /** How it stands: read once for all who ask meanwhile. @throws whatever the repository does */
  snapshot(): Promise<Reading> {
    if (this.#last !== undefined && performance.now() < this.#usableUntil) return Promise.resolve(this.#last);
    this.#reading ??= this.#readNow().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** How it stood within the last second: enough for those who come back, which are many at once. @throws likewise */
  lately(): Promise<Reading> {
    if (this.#last !== undefined && performance.now() - this.#readAt < REFRESH_MS) return Promise.resolve(this.#last);
    return this.snapshot();
  }

  async #readNow(): Promise<Reading> {
    const begunAt = performance.now();
    const { last: sequence } = this.recent;
    const reading = { snapshot: await this.read(this), sequence };
    const now = performance.now();
    const tookMs = now - begunAt;
    this.#last = reading;
    this.#readAt = now;
    this.#usableUntil = tookMs < SLOW_READ_MS ? 0 : now + Math.min(LONGEST_USE_MS, tookMs * USED_FOR);
    return reading;
  }

  /** An event of it has come: kept until it is time to send, by {@link flush}. */
  add(recent: RecentEvent): void {
    if (this.readers.size === 0) return;
    this.#collected.push(recent);
    if (!changesCounts(recent.event)) return;
    this.#changedBy = recent.sequence;
    this.#looksForEnd = LOOKS_FOR_END;
    this.#refreshSoon();
  }

  /** Sends what has been collected: made to bytes once, whatever the number of readers. */
  flush(): void {
    const collected = this.#collected;
    this.#collected = [];
    if (collected.length > MOST_COLLECTED) {
      this.startAnew();
      return;
    }
    const bytes = framesOf(collected);
    for (const reader of this.readers) if (!reader.isBehind) reader.write(bytes);
  }

  /** Goes on behind an event that the reader has seen. @returns whether all that came since is known, and not too much */
  resume(reader: Reader, sequence: number): boolean {
    const missed = this.#since(sequence);
    if (missed === undefined || missed.length > MOST_COLLECTED) return false;
    const bytes = framesOf(missed);
    if (bytes.length > MOST_BUFFERED) return false;
    reader.isBehind = false;
    if (missed.length > 0) reader.write(bytes);
    // Its counts may be old: snapshots are no events.
    this.#refreshSoon();
    return true;
  }

  /** Gives a reader its first snapshot when it is read. Where there is none, its stream ends: the client asks again, and is told why. */
  async begin(reader: Reader): Promise<void> {
    const reading = await this.#tryToRead();
    if (!this.readers.has(reader) || !reader.isBehind) return;
    if (reading === undefined || reading.snapshot === null) reader.end();
    else this.catchUp(reader, reading);
  }

  /** Gives a reader a snapshot, and what has come since that was read. */
  catchUp(reader: Reader, { snapshot, sequence }: Reading): void {
    const since = this.#since(sequence);
    if (since === undefined) {
      this.#refreshSoon(); // too much has come meanwhile
      return;
    }
    reader.isBehind = false;
    reader.shown = JSON.stringify(snapshot);
    reader.write(encode(frame("snapshot", snapshot, this.recent.idOf(sequence))));
    const bytes = framesOf(since);
    // More than is kept for a stream is in the next snapshot.
    if (since.length > MOST_COLLECTED || bytes.length > MOST_BUFFERED) this.#refreshSoon();
    else if (since.length > 0) reader.write(bytes);
  }

  /** A reader that was behind has room again. */
  async onRoom(reader: Reader): Promise<void> {
    const reading = await this.#tryToRead();
    if (reading === undefined || !this.readers.has(reader) || !reader.isBehind) return;
    if (reading.snapshot === null) this.#end();
    else this.catchUp(reader, reading);
  }

  /** Events were lost: everybody gets a snapshot. */
  startAnew(): void {
    this.#collected = [];
    this.#usableUntil = 0;
    for (const reader of this.readers) reader.isBehind = true;
    this.#refreshSoon();
  }

  /** Tells those who see something else how it stands now; when it is gone, their streams end. */
  async refresh(): Promise<void> {
    if (this.readers.size === 0) return;
    const reading = await this.#tryToRead();
    if (reading === undefined) return;
    if (reading.snapshot === null) return this.#end();
    this.flush(); // it is in the snapshot, and would come late
    const text = JSON.stringify(reading.snapshot);
    const bytes = encode(frame("snapshot", reading.snapshot));
    for (const reader of this.readers) {
      if (reader.isBehind) {
        if (reader.hasRoom) this.catchUp(reader, reading);
      } else if (reader.shown !== text) {
        reader.shown = text;
        reader.write(bytes);
      }
    }
    const wasBeingRead = reading.sequence < this.#changedBy;
    if (wasBeingRead || (isBeingCompleted(reading.snapshot) && this.#looksForEnd-- > 0)) this.#refreshSoon();
  }

  leave(reader: Reader): void {
    this.readers.delete(reader);
    if (this.readers.size === 0) this.close();
  }

  close(): void {
    clearTimeout(this.#refreshTimer);
    this.#refreshTimer = undefined;
    this.#collected = [];
  }

  /** What the repository throws is logged, and tried again at the next occasion. */
  async #tryToRead(): Promise<Reading | undefined> {
    return this.snapshot().catch(() => undefined);
  }

  #end(): void {
    this.flush();
    for (const reader of this.readers) reader.end();
  }

  #since(sequence: number): RecentEvent[] | undefined {
    const collected = new Set(this.#collected);
    return this.recent.since(sequence)?.filter((one) => keysOf(one.event).includes(this.key) && !collected.has(one));
  }

  /** Not at once: of what changes quickly, how it stands in the end is told. */
  #refreshSoon(): void {
    if (this.#refreshTimer !== undefined || this.readers.size === 0) return;
    const waitMs = Math.max(0, Math.max(this.#refreshAt, this.#usableUntil) - performance.now());
    this.#refreshTimer = setTimeout(() => {
      this.#refreshTimer = undefined;
      this.#refreshAt = performance.now() + REFRESH_MS;
      void this.refresh();
    }, waitMs).unref();
  }
}

function framesOf(events: readonly RecentEvent[]): Uint8Array {
  return encode(events.map((recent) => recent.frame).join(""));
}

/** All its uploads are settled, but it does not say so yet. */
function isBeingCompleted({ status, percentage }: Snapshot): boolean {
  return percentage === 100 && (status === "pending" || status === "processing");
}

function changesCounts({ type }: ReceivedEvent): boolean {
  return type !== "upload:progress" && type !== "upload:retry" && type !== "upload:warning";
}
