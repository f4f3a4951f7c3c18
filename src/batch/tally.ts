import type { UploadRecord, UploadStatus } from "../contracts/upload.js";
import type { UploadError } from "../errors.js";
import type { BatchProgressEvent } from "../events.js";
import type { BatchResult, UploadResult } from "../result.js";

/** How many uploads there are by status, as the repository counts them. */
export type UploadCounts = Readonly<Partial<Record<UploadStatus, number>>>;

/** The statuses of uploads that still have to be done. */
export const OPEN_STATUSES = ["pending", "analyzing", "embedding"] as const satisfies readonly UploadStatus[];

/** Adds up the counts of some statuses, by default of all. */
export function sum(counts: UploadCounts, statuses = Object.keys(counts) as readonly UploadStatus[]): number {
  return statuses.reduce((total, status) => total + (counts[status] ?? 0), 0);
}

const FAILURES_KEPT = 100;

type Outcome = UploadResult["status"];

/** What one run did: the numbers of its result and of its progress. */
export class Tally {
  readonly #outcomes: Record<Outcome, number> = {
    ...{ completed: 0, failed: 0, skipped: 0, deleted: 0, aborted: 0, deferred: 0 },
  };
  readonly #failures: { uploadId: string; error: UploadError }[] = [];
  readonly #startedAt = performance.now();
  /** Settled before this run, or meanwhile by somebody else. */
  #elsewhere = { completed: 0, failed: 0 };

  constructor(private total: number | null) {}

  /** How many uploads there are, once that is known. */
  expect(total: number): void {
    this.total = total;
  }

  /** Uploads that were settled when the run began, and are not among the statuses that it takes. */
  passedOver({ completed = 0, failed = 0 }: UploadCounts, taken: readonly UploadStatus[]): void {
    this.#elsewhere = {
      completed: taken.includes("completed") ? 0 : completed,
      failed: taken.includes("failed") ? 0 : failed,
    };
    this.#outcomes.skipped += this.#elsewhere.completed + this.#elsewhere.failed;
  }

  add<U extends UploadRecord>(result: UploadResult<U>): void {
    this.#outcomes[result.status]++;
    if (result.status === "failed") this.failure(result.uploadId, result.error);
    if (result.status === "skipped" && result.reason === "already-completed") this.#elsewhere.completed++;
    if (result.status === "skipped" && result.reason === "already-failed") this.#elsewhere.failed++;
  }

  /** An upload that was counted as skipped is being counted as something else. */
  takeBackSkipped(): void {
    this.#outcomes.skipped--;
  }

  failure(uploadId: string, error: UploadError): void {
    if (this.#failures.length < FAILURES_KEPT) this.#failures.push({ uploadId, error });
  }

  /** The repository knows what other workers did, too. */
  recount(counts: UploadCounts): void {
    const { completed, failed } = this.#outcomes;
    this.#elsewhere = {
      completed: Math.max(this.#elsewhere.completed, (counts.completed ?? 0) - completed),
      failed: Math.max(this.#elsewhere.failed, (counts.failed ?? 0) - failed),
    };
  }

  progress(): Omit<BatchProgressEvent, "batchId" | "at"> {
    const { deleted } = this.#outcomes;
    const completed = this.#elsewhere.completed + this.#outcomes.completed;
    const failed = this.#elsewhere.failed + this.#outcomes.failed;
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const perSecond = seconds > 0 ? (this.#outcomes.completed + this.#outcomes.failed) / seconds : 0;
    const { total } = this;
    const processed = Math.min(total ?? Number.POSITIVE_INFINITY, completed + failed + deleted);
    return {
      ...{ total, processed, completed, failed },
      percentage: total === null ? null : total === 0 ? 100 : Math.floor((1000 * processed) / total) / 10,
      perSecond,
      etaMs: total === null || perSecond === 0 ? null : Math.round((1000 * (total - processed)) / perSecond),
    };
  }

  result(): Omit<BatchResult, "batchId" | "status" | "error"> {
    const reached = Object.values(this.#outcomes).reduce((total, count) => total + count, 0);
    return {
      total: this.total === null ? null : Math.max(this.total, reached),
      ...this.#outcomes,
      durationMs: performance.now() - this.#startedAt,
      failures: this.#failures,
    };
  }
}
