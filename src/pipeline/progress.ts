import type { StageName, UploadStatus } from "../contracts/upload.js";
import type { StageDurations } from "../runtime/durations.js";
import { TICK_MS, type Ticker, type Ticking } from "../runtime/ticker.js";

/** What a stage moves the progress of an upload from and to, in percent. */
type Band = readonly [from: number, to: number];

const REPORTED = { estimated: false } as const;

/** What opening the original and storing the outcome weigh beside the stages. */
const OPEN_WEIGHT = 5;
const SAVE_WEIGHT = 10;

/** The bands of the progress, summed from the weights of the stages in their order. */
export function bandsOf(
  stages: readonly { readonly name: StageName; readonly weight: number }[],
): ReadonlyMap<StageName, Band> {
  const steps = [{ name: "open", weight: OPEN_WEIGHT }, ...stages, { name: "save", weight: SAVE_WEIGHT }];
  const total = steps.reduce((sum, { weight }) => sum + weight, 0);
  const bands = new Map<StageName, Band>([["claim", [0, 0]]]);
  let sum = 0;
  for (const { name, weight } of steps) {
    const from = (100 * sum) / total;
    sum += weight;
    bands.set(name, [from, (100 * sum) / total]);
  }
  return bands;
}

/** The part of a progress event that is not the same for all events of one upload. */
export interface ProgressStep {
  readonly progress: number;
  readonly stage: StageName;
  readonly status: UploadStatus;
  readonly attempt: number;
  readonly estimated: boolean;
  readonly message?: string;
}

/** What is told with a step. */
export type ProgressReport = Pick<ProgressStep, "estimated" | "message">;

/**
 * The progress of one upload: an integer that never decreases. Within a stage the adapter's reports move it; where it
 * reports nothing, a timer moves it by what the stage took lately, never to the end of the stage's band.
 */
export class Progress implements Ticking {
  #value = 0;
  #stage: StageName = "claim";
  #status: UploadStatus = "analyzing";
  #attempt = 0;
  #stageBegan = 0;
  #emittedAt = Number.NEGATIVE_INFINITY;
  #reported = false;
  #due: ProgressReport | undefined;
  /** Among those that tick. */
  place: number | undefined;

  constructor(
    /** Asks for the step, where somebody listens. */
    private readonly emit: (report: ProgressReport) => void,
    private readonly bands: ReadonlyMap<StageName, Band>,
    private readonly durations: StageDurations,
    private readonly ticker: Ticker,
  ) {}

  /** The upload was taken: 0. */
  start(): void {
    this.#emitNow(REPORTED);
  }

  begin(stage: StageName, status: UploadStatus, attempt: number, now = performance.now()): void {
    this.#stage = stage;
    this.#status = status;
    this.#attempt = attempt;
    this.#reported = false;
    this.#stageBegan = now;
    this.#moveTo(Math.floor(this.#band(stage)[0]));
    this.#emitNow(REPORTED, now);
    if (stage !== "save") this.ticker.add(this);
  }

  /** What an adapter reports of its stage: 0 to 1. */
  report(fraction: number, message?: string): void {
    if (!Number.isFinite(fraction)) return;
    this.#reported = true;
    const moved = this.#moveTo(this.#within(Math.min(1, Math.max(0, fraction))));
    if (moved || message !== undefined) this.#emitSoon({ estimated: false, ...(message !== undefined && { message }) });
  }

  /** The stage succeeded: the end of its band. */
  end(stage: StageName): void {
    this.ticker.delete(this);
    const now = performance.now();
    this.durations.add(stage, now - this.#stageBegan);
    if (this.#moveTo(Math.floor(this.#band(stage)[1]))) this.#emitNow(REPORTED, now);
  }

  /** The stage failed, or the work stops: nothing moves any more until a stage begins. */
  halt(): void {
    this.ticker.delete(this);
    this.#due = undefined;
  }

  /** The upload is stored as completed: 100. */
  complete(): void {
    this.halt();
    this.#status = "completed";
    this.#moveTo(100);
    this.#emitNow(REPORTED);
  }

  tick(now: number): void {
    if (!this.#reported) {
      const elapsed = (now - this.#stageBegan) / this.durations.expected(this.#stage);
      const beforeTheEnd = Math.floor(this.#band(this.#stage)[1]) - 1;
      // Most of the band in the expected time, then ever slower.
      const estimate = Math.min(beforeTheEnd, this.#within(1 - Math.exp(-1.5 * elapsed)));
      if (this.#moveTo(estimate)) this.#due = { estimated: true };
    }
    if (this.#due) this.#emitSoon(this.#due);
  }

  /** As it stands now. */
  step(report: ProgressReport): ProgressStep {
    return {
      progress: this.#value,
      stage: this.#stage,
      status: this.#status,
      attempt: this.#attempt,
      ...report,
    };
  }

  #within(fraction: number): number {
    const [from, to] = this.#band(this.#stage);
    return Math.floor(from + fraction * (to - from));
  }

  #band(stage: StageName): Band {
    return this.bands.get(stage) ?? [0, 0];
  }

  #moveTo(value: number): boolean {
    if (value <= this.#value) return false;
    this.#value = value;
    return true;
  }

  /** At most one event per upload in this time, besides those that begin or end a stage. */
  #emitSoon(report: ProgressReport): void {
    const now = performance.now();
    if (now - this.#emittedAt < TICK_MS) this.#due = report;
    else this.#emitNow(report, now);
  }

  #emitNow(report: ProgressReport, now = this.#emittedAt): void {
    this.#due = undefined;
    this.#emittedAt = now;
    this.emit(report);
  }
}
