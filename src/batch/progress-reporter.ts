import type { UploadRecord } from "../contracts/upload.js";
import type { BatchEvents } from "./batch-events.js";
import type { BatchStats, UploadCounts } from "./stats.js";

const INTERVAL_MS = 100;
/** Counting takes at most a twentieth of the time. */
const COUNTING_SHARE = 20;

/**
 * Emits `batch:progress`. What the repository can count is counted for each event, so that it tells the truth whatever others
 * do to the batch; the less often, the longer counting takes.
 */
export class ProgressReporter<U extends UploadRecord> {
  #nextAt = Number.NEGATIVE_INFINITY;
  #counting: Promise<void> | undefined;
  /** The numbers of the last event. */
  #told: string | undefined;

  constructor(
    private readonly events: BatchEvents<U>,
    private readonly stats: BatchStats,
    private readonly count: (() => Promise<UploadCounts>) | undefined,
  ) {}

  /** An upload has settled. */
  changed(): void {
    const now = performance.now();
    if (now < this.#nextAt || this.#counting !== undefined || !this.events.isHeard("batch:progress")) return;
    this.#nextAt = now + INTERVAL_MS;
    if (this.count === undefined) this.#emit();
    else this.#counting = this.#countAndEmit(this.count);
  }

  /** The run has ended: how it stands now. */
  async last(): Promise<void> {
    await this.#counting;
    if (this.count !== undefined) await this.#recount(this.count);
    if (this.events.isHeard("batch:progress")) this.#emit();
  }

  async #countAndEmit(count: () => Promise<UploadCounts>): Promise<void> {
    const begunAt = performance.now();
    if (await this.#recount(count)) this.#emit();
    const took = performance.now() - begunAt;
    this.#nextAt = begunAt + Math.max(INTERVAL_MS, took * COUNTING_SHARE);
    this.#counting = undefined;
  }

  /** Progress that cannot be told just now is told later: it stops no batch. */
  async #recount(count: () => Promise<UploadCounts>): Promise<boolean> {
    try {
      this.stats.count(await count());
      return true;
    } catch {
      return false;
    }
  }

  /** Nothing new is not told again: so the last event comes once. */
  #emit(): void {
    const progress = this.stats.progress();
    const numbers = numbersOf(progress);
    if (numbers === this.#told) return;
    this.#told = numbers;
    this.events.emit("batch:progress", progress);
  }
}

function numbersOf({ total, completed, failed, processed, usage }: ReturnType<BatchStats["progress"]>): string {
  return JSON.stringify([total, completed, failed, processed, usage]);
}
