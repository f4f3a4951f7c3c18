import { Cancellation } from "../async/cancellation.js";
import { Interrupted, quietController } from "../async/time.js";
import type { BatchStatus } from "../contracts/upload.js";
import { UploadError } from "../errors.js";
import type { SharedRuntime } from "../runtime/runtime.js";

/** How a run is ended before everything is done, why, and as what. The first reason counts. Its uploads are marked with it. */
export class RunEnding {
  /** Why the run cannot go on. */
  error: UploadError | undefined;
  /** Why uploads are left open: their outcome could not be stored, though that of others could. */
  unstored: UploadError | undefined;
  isCancelled = false;
  /** Aborted when what is in flight is to be released, and when the run is over. */
  readonly aborting = new Cancellation();
  #isDone = false;
  #isInterrupted = false;
  readonly #stopping = quietController();
  #givingUpBusy = quietController();

  constructor(private readonly runtime: SharedRuntime) {}

  /** Aborted when nothing more is to be begun. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Aborted when uploads that somebody else holds are not waited for any longer. */
  get givingUpBusy(): AbortSignal {
    return this.#givingUpBusy.signal;
  }

  /** Whether it begins nothing more and looks for nothing more: who comes now is not served by it. */
  get isEnding(): boolean {
    return this.#isDone || this.error !== undefined || this.stopping.aborted;
  }

  /** Nothing is left to be done. */
  done(): void {
    this.#isDone = true;
  }

  /** Another source is worked through: those in it are waited for. */
  waitForBusy(): void {
    this.#givingUpBusy = quietController();
  }

  /** Uploads that somebody else holds are settled: those that are waited for now. Where nothing more is begun, no other is either. */
  giveUpBusy(): void {
    const waiting = this.#givingUpBusy;
    if (!this.stopping.aborted && this.error === undefined) this.waitForBusy();
    waiting.abort();
  }

  /** No further upload is begun; those in flight go on. */
  stop(): void {
    this.#stopping.abort();
    this.giveUpBusy();
  }

  /** Nothing further is begun, and what is in flight is released. */
  abort(reason: unknown): void {
    this.stop();
    this.aborting.abort(reason);
    for (const { run, cancellation } of this.runtime.active) if (run === this) cancellation.abort(reason);
  }

  cancel(reason: unknown): void {
    this.isCancelled = true;
    this.abort(reason);
  }

  /** The run is over: what still cleans up behind it waits for no repository any more. */
  end(): void {
    this.aborting.abort(new Interrupted());
  }

  /** It cannot go on: it is `failed`. Uploads that were pulled are finished, those that wait for others are not waited for. */
  fail(error: UploadError): void {
    this.error ??= error;
    this.giveUpBusy();
    this.runtime.changes.notify();
  }

  /** It cannot go on for now: it stays `processing`. Uploads that were begun are finished. */
  interrupt(error: UploadError): void {
    if (this.error === undefined) this.#isInterrupted = true;
    this.error ??= error;
    this.stop();
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
  reasonFor(ended: BatchStatus): UploadError | undefined {
    if (this.isCancelled) return undefined;
    const reason = this.error ?? this.unstored;
    if (reason !== undefined || ended !== "processing") return reason;
    const message = "The run was closed or aborted before it was done; process and recover go on";
    return new UploadError(message, { code: "NOT_COMPLETED", cause: this.aborting.reason });
  }
}
