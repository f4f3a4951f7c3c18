import type { BatchStatus } from "../contracts/upload.js";
import { UploadError } from "../errors.js";

/** Why a run ends before everything is done, and as what. The first reason counts. */
export class RunEnding {
  /** Why the run cannot go on. */
  error: UploadError | undefined;
  /** Why uploads are left open: their outcome could not be stored, though that of others could. */
  unstored: UploadError | undefined;
  isCancelled = false;
  #isInterrupted = false;

  /** It cannot go on: it is `failed`. */
  fail(error: UploadError): void {
    this.error ??= error;
  }

  /** It cannot go on for now: it stays `processing`. */
  interrupt(error: UploadError): void {
    if (this.error === undefined) this.#isInterrupted = true;
    this.error ??= error;
  }

  /** Whether there is a reason to end before everything is done. */
  get isEarly(): boolean {
    return this.error !== undefined || this.unstored !== undefined;
  }

  /** Whether its error makes it `failed`: not one that it may go on behind. */
  get isFailed(): boolean {
    return this.error === undefined ? this.unstored !== undefined : !this.#isInterrupted;
  }

  statusAfter(told: BatchStatus): BatchStatus {
    if (this.isCancelled) return "cancelled";
    if (this.isFailed) return "failed";
    return this.error === undefined ? told : "processing";
  }

  /** Why it ended so; nothing where it was cancelled, or is done. */
  reasonFor(ended: BatchStatus, abortedBy: unknown): UploadError | undefined {
    if (this.isCancelled) return undefined;
    const reason = this.error ?? this.unstored;
    if (reason !== undefined || ended !== "processing") return reason;
    const message = "The run was closed or aborted before it was done; process and recover go on";
    return new UploadError(message, { code: "NOT_COMPLETED", cause: abortedBy });
  }
}
