import type { UploadRecord, UploadStatus } from "../contracts/upload.js";
import type { UploadError } from "../errors.js";
import type { BatchProgressEvent } from "../events.js";
import type { BatchResult, UploadResult } from "../result.js";
import { Ledger } from "../runtime/ledger.js";

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
export class BatchStats {
  readonly ledger = new Ledger();
  readonly #outcomes: Record<Outcome, number> = {
    completed: 0,
    failed: 0,
    skipped: 0,
    deleted: 0,
    aborted: 0,
    deferred: 0,
  };
  readonly #failures: { uploadId: string; error: UploadError }[] = [];
  readonly #startedAt = performance.now();
  #failuresOmitted = 0;
  #kept = 0;
  /** Uploads that were found settled by a run that goes by its own outcomes. */
  #foundSettled = { completed: 0, failed: 0 };
  /** As the repository counted last, for a run over what it can count: the truth, also of what others do. */
  #counts: UploadCounts | undefined;

  constructor(private total: number | null) {}

  /** The repository has counted. */
  count(counts: UploadCounts): void {
    this.#counts = counts;
    this.total = sum(counts);
  }

  /** How many uploads there are, once that is known. */
  expect(total: number): void {
    this.total = total;
  }

  /** Uploads that were settled when the run began. */
  passedOver(uploads: number): void {
    this.#outcomes.skipped += uploads;
  }

  add<U extends UploadRecord>(result: UploadResult<U>): void {
    this.#outcomes[result.status]++;
    if (result.status === "failed") {
      if (result.kept) this.#kept++;
      this.failure(result.uploadId, result.error);
    }
    if (result.status === "skipped" && result.reason === "already-completed") this.#foundSettled.completed++;
    if (result.status === "skipped" && result.reason === "already-failed") this.#foundSettled.failed++;
  }

  /** An upload that was counted as skipped is being counted as something else. */
  takeBackSkipped(): void {
    this.#outcomes.skipped--;
  }

  failure(uploadId: string, error: UploadError): void {
    if (this.#failures.length < FAILURES_KEPT) this.#failures.push({ uploadId, error });
    else this.#failuresOmitted++;
  }

  progress(): Omit<BatchProgressEvent, "type" | "batchId" | "at"> {
    const { completed, failed, processed } = this.#settled();
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const perSecond = seconds > 0 ? (this.#outcomes.completed + this.#outcomes.failed) / seconds : 0;
    const total = this.total === null ? null : Math.max(this.total, processed);
    return {
      total,
      processed,
      completed,
      failed,
      percentage: total === null ? null : total === 0 ? 100 : Math.floor((1000 * processed) / total) / 10,
      perSecond,
      etaMs: total === null || perSecond === 0 ? null : Math.round((1000 * (total - processed)) / perSecond),
      usage: this.ledger.usage,
    };
  }

  #settled(): { completed: number; failed: number; processed: number } {
    if (this.#counts !== undefined) {
      const { completed = 0, failed = 0 } = this.#counts;
      return { completed, failed, processed: completed + failed };
    }
    const completed = this.#foundSettled.completed + this.#outcomes.completed;
    const failed = this.#foundSettled.failed + this.#outcomes.failed;
    return { completed, failed, processed: completed + failed + this.#outcomes.deleted };
  }

  result(): Omit<BatchResult, "batchId" | "status" | "error"> {
    const reached = Object.values(this.#outcomes).reduce((total, count) => total + count, 0);
    return {
      total: this.total === null ? null : Math.max(this.total, reached),
      ...this.#outcomes,
      kept: this.#kept,
      durationMs: performance.now() - this.#startedAt,
      failures: Object.freeze(this.#failures.slice()),
      failuresOmitted: this.#failuresOmitted,
      usage: this.ledger.usage,
      usageByStage: this.ledger.usageByStage,
    };
  }
}
