import type { UploadRecord } from "../contracts/upload.js";
import { UploadError } from "../errors.js";
import type { UploadResult } from "../result.js";
import type { ProgressReporter } from "./progress-reporter.js";
import type { RunEnding } from "./run-ending.js";
import type { BatchStats } from "./stats.js";

/** So many uploads in a row that could not be stored, and more than are in work at once. */
const LEAST_UNSTORED_IN_A_ROW = 5;

/** What became of the uploads of a run: each is counted once, however often it is visited. */
export class Outcomes<U extends UploadRecord> {
  /** Aborted uploads, which this run does not take up again. */
  readonly excluded = new Set<string>();
  /** The first that said that the batch of an upload is cancelled. */
  batchCancelled: UploadError | undefined;
  /** Busy uploads that are counted as skipped. A later pass may find them open all the same. */
  readonly #givenUp = new Map<string, number>();
  /** Of sources that were worked through, or are being. */
  #passes = 0;
  #unstoredInARow = 0;
  readonly #unstoredOnce = new Set<string>();

  constructor(
    private readonly stats: BatchStats,
    private readonly progress: ProgressReporter<U>,
    private readonly ending: RunEnding,
    /** How many uploads may be in work at once. */
    private readonly concurrency: number,
  ) {}

  passBegins(): void {
    this.#passes++;
  }

  settle(result: UploadResult<U>): void {
    const { uploadId, status } = result;
    if (status === "completed" || status === "failed") this.#unstoredInARow = 0;
    if (status === "aborted" || status === "deferred") this.excluded.add(uploadId);
    if (
      result.status === "aborted" &&
      UploadError.isInstance(result.reason) &&
      result.reason.code === "BATCH_CANCELLED"
    )
      this.batchCancelled ??= result.reason;
    // Not of this pass: the same id may be in one source twice, and then is skipped twice.
    const givenUpIn = this.#givenUp.get(uploadId) ?? this.#passes;
    if (givenUpIn < this.#passes) {
      this.#givenUp.delete(uploadId);
      this.stats.takeBackSkipped();
    }
    this.stats.add(result);
    this.progress.changed();
  }

  /** Somebody else holds it, and it is not waited for any longer. */
  giveUp(result: UploadResult<U>): void {
    this.settle(result);
    if (result.status === "skipped") this.#givenUp.set(result.uploadId, this.#passes);
  }

  /**
   * Others could be stored: once the lease has run out, the upload gets one more chance, unless the store refuses every write to
   * its row. When many in a row could not, it is not the uploads that are at fault, and no more is paid for in vain.
   *
   * @returns whether it is to be visited again
   */
  notStored(uploadId: string, error: UploadError): boolean {
    if (++this.#unstoredInARow >= Math.max(LEAST_UNSTORED_IN_A_ROW, this.concurrency + 1)) {
      this.ending.fail(error);
      this.ending.stop();
    } else if (error.code !== "RESULT_REFUSED" && !this.#unstoredOnce.has(uploadId)) {
      this.#unstoredOnce.add(uploadId);
      return true;
    }
    this.ending.unstored ??= error;
    this.stats.failure(uploadId, error);
    return false;
  }
}
