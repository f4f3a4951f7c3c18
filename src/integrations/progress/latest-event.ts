import type { UploadEvent } from "../../index.js";

/** Progress of one upload or batch: of what comes too fast, the latest is kept. */
interface Track {
  /** Nothing is published before. */
  readonly quietUntil: number;
  /** That it was started, until that is published. */
  started: UploadEvent | undefined;
  /** What came last, until it is published. */
  latest: UploadEvent | undefined;
  publishedAt: number;
  stage: unknown;
}

/** One event a second is as much as people read. */
const INTERVAL_MS = 1000;
const SWEEP_MS = 100;

/**
 * Thins out the events of uploads and batches: at each new stage, and at most one a second besides. One timer for all of them, which
 * stands still when nothing waits, and keeps no process alive.
 */
export class LatestEvents {
  readonly #tracks = new Map<string, Track>();
  readonly #waiting = new Set<Track>();
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly publish: (event: UploadEvent) => void) {}

  /** @param quietMs how long nothing is published, because it may be over by then */
  begin(key: string, quietMs: number, started?: UploadEvent): void {
    this.end(key);
    const quietUntil = performance.now() + quietMs;
    const track = { quietUntil, started, latest: undefined, publishedAt: Number.NEGATIVE_INFINITY, stage: undefined };
    this.#tracks.set(key, track);
    if (started !== undefined) this.#wait(track);
  }

  add(key: string, event: UploadEvent): void {
    const track = this.#tracks.get(key);
    if (track === undefined) return;
    track.latest = event;
    const now = performance.now();
    const isDue = stageOf(event, track) !== track.stage || now - track.publishedAt >= INTERVAL_MS;
    if (isDue && now >= track.quietUntil) this.#publish(track, now);
    else this.#wait(track);
  }

  /** Nothing more of it: its outcome is published by others. */
  end(key: string): void {
    const track = this.#tracks.get(key);
    if (track === undefined) return;
    this.#tracks.delete(key);
    this.#settle(track);
  }

  #wait(track: Track): void {
    this.#waiting.add(track);
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  #sweep(): void {
    const now = performance.now();
    for (const track of this.#waiting) {
      if (now >= track.quietUntil && now - track.publishedAt >= INTERVAL_MS) this.#publish(track, now);
    }
  }

  #publish(track: Track, now: number): void {
    const { started, latest } = track;
    track.started = undefined;
    track.latest = undefined;
    track.publishedAt = now;
    if (latest !== undefined) track.stage = stageOf(latest, track);
    this.#settle(track);
    if (started !== undefined) this.publish(started);
    if (latest !== undefined) this.publish(latest);
  }

  #settle(track: Track): void {
    this.#waiting.delete(track);
    if (this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** A warning may name another stage than the one that is at work: it is no new one. */
function stageOf(event: UploadEvent, { stage }: Track): unknown {
  return event.type === "upload:progress" ? event.stage : stage;
}
