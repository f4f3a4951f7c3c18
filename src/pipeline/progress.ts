import type { UploadStage, UploadStatus } from "../contracts/upload.js";
import { Roster } from "./roster.js";

/** What a stage moves the progress of an upload from and to, in percent. */
const BANDS: Readonly<Record<UploadStage, readonly [from: number, to: number]>> = {
  claim: [0, 0],
  open: [0, 5],
  thumbnail: [5, 10],
  describe: [10, 75],
  embed: [75, 90],
  save: [90, 100],
};

/** At most one event per upload in this time, besides those that begin or end a stage. */
const INTERVAL_MS = 100;

const REPORTED = { estimated: false } as const;

/** What a stage is taken to last before one of its kind has ended, in milliseconds. */
const FIRST_GUESS_MS: Readonly<Partial<Record<UploadStage, number>>> = {
  thumbnail: 300,
  describe: 10_000,
  embed: 1000,
};

/** The part of a progress event that is not the same for all events of one upload. */
export interface ProgressStep {
  readonly progress: number;
  readonly stage: UploadStage;
  readonly status: UploadStatus;
  readonly attempt: number;
  readonly estimated: boolean;
  readonly message?: string;
}

/** How long the stages took lately, in milliseconds: a moving average that forgets half in about two calls. */
export class StageDurations {
  readonly #lately = new Map<UploadStage, number>();

  add(stage: UploadStage, ms: number): void {
    const before = this.#lately.get(stage);
    this.#lately.set(stage, before === undefined ? ms : before + (ms - before) * 0.3);
  }

  expected(stage: UploadStage): number {
    return Math.max(1, this.#lately.get(stage) ?? FIRST_GUESS_MS[stage] ?? 1000);
  }
}

const durationsByAdapter = new WeakMap<object, StageDurations>();

/** Models differ in speed, so the durations belong to the adapter. */
export function durationsOf(ai: object): StageDurations {
  const durations = durationsByAdapter.get(ai) ?? new StageDurations();
  durationsByAdapter.set(ai, durations);
  return durations;
}

/**
 * The progress of one upload: an integer that never decreases. Within a stage the adapter's reports move it; where it
 * reports nothing, a timer moves it by what the stage took lately, never to the end of the stage's band.
 */
export class Progress {
  #value = 0;
  #stage: UploadStage = "claim";
  #status: UploadStatus = "analyzing";
  #attempt = 0;
  #stageBegan = 0;
  #emittedAt = Number.NEGATIVE_INFINITY;
  #reported = false;
  #due: { estimated: boolean; message?: string } | undefined;
  /** Among those that tick. */
  place: number | undefined;

  constructor(
    /** Told how to make the step, for somebody who listens. */
    private readonly emit: (step: () => ProgressStep) => void,
    private readonly durations: StageDurations,
  ) {}

  /** The upload was taken: 0. */
  start(): void {
    this.#emitNow(REPORTED, performance.now());
  }

  begin(stage: UploadStage, status: UploadStatus, attempt: number): void {
    this.#stage = stage;
    this.#status = status;
    this.#attempt = attempt;
    this.#reported = false;
    const now = performance.now();
    this.#stageBegan = now;
    this.#moveTo(BANDS[stage][0]);
    this.#emitNow(REPORTED, now);
    if (FIRST_GUESS_MS[stage] !== undefined) tickFor(this);
  }

  /** What an adapter reports of its stage: 0 to 1. */
  report(fraction: number, message?: string): void {
    if (!Number.isFinite(fraction)) return;
    this.#reported = true;
    const moved = this.#moveTo(this.#within(Math.min(1, Math.max(0, fraction))));
    if (moved || message !== undefined) this.#emitSoon({ estimated: false, ...(message !== undefined && { message }) });
  }

  /** The stage succeeded: the end of its band. */
  end(stage: UploadStage): void {
    stopTicking(this);
    const now = performance.now();
    this.durations.add(stage, now - this.#stageBegan);
    if (this.#moveTo(BANDS[stage][1])) this.#emitNow(REPORTED, now);
  }

  /** The stage failed, or the work stops: nothing moves any more until a stage begins. */
  halt(): void {
    stopTicking(this);
    this.#due = undefined;
  }

  /** The upload is stored as completed: 100. */
  complete(): void {
    this.halt();
    this.#status = "completed";
    this.#moveTo(BANDS.save[1]);
    this.#emitNow(REPORTED, performance.now());
  }

  tick(now: number): void {
    if (!this.#reported) {
      const elapsed = (now - this.#stageBegan) / this.durations.expected(this.#stage);
      const beforeTheEnd = BANDS[this.#stage][1] - 1;
      // Most of the band in the expected time, then ever slower.
      const estimate = Math.min(beforeTheEnd, this.#within(1 - Math.exp(-1.5 * elapsed)));
      if (this.#moveTo(estimate)) this.#due = { estimated: true };
    }
    if (this.#due) this.#emitSoon(this.#due);
  }

  #within(fraction: number): number {
    const [from, to] = BANDS[this.#stage];
    return Math.floor(from + fraction * (to - from));
  }

  #moveTo(value: number): boolean {
    if (value <= this.#value) return false;
    this.#value = value;
    return true;
  }

  #emitSoon(what: { estimated: boolean; message?: string }): void {
    const now = performance.now();
    if (now - this.#emittedAt < INTERVAL_MS) this.#due = what;
    else this.#emitNow(what, now);
  }

  #emitNow(what: { estimated: boolean; message?: string }, now: number): void {
    this.#due = undefined;
    this.#emittedAt = now;
    this.emit(() => ({
      progress: this.#value,
      stage: this.#stage,
      status: this.#status,
      attempt: this.#attempt,
      ...what,
    }));
  }
}

const ticking = new Roster<Progress>();
let ticker: NodeJS.Timeout | undefined;

/** One timer for all uploads of the process; it keeps no process alive, and stands still when no stage runs. */
function tickFor(progress: Progress): void {
  ticking.add(progress);
  ticker ??= setInterval(() => {
    const now = performance.now();
    for (const each of ticking) each.tick(now);
  }, INTERVAL_MS).unref();
}

function stopTicking(progress: Progress): void {
  if (!ticking.delete(progress) || ticking.size > 0) return;
  clearInterval(ticker);
  ticker = undefined;
}
