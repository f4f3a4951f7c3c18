import { Cancellation, type Stoppable } from "../async/cancellation.js";
import { throwIfInterrupted, unlessAborted } from "../async/time.js";
import type { UploadRecord } from "../contracts/upload.js";
import type { BatchRun } from "./batch-run.js";

/** How long a run that is cancelled waits for the write that is under way, in milliseconds: as long as one call may take. */
const PATIENCE_MS = 30_000;

/**
 * The write of a run that makes batches `processing`: a begin, or a reset. A cancel that comes while it is under way may land before
 * it, and would be lost: so it is written again behind it.
 */
export class Opening<U extends UploadRecord> {
  readonly #cancelled = new Set<string>();
  /** The write that is under way, with the cancels behind it. */
  #writing: Promise<unknown> | undefined;
  /** Those of others that this one has to come behind. */
  readonly #earlier: Promise<unknown>[] = [];

  constructor(private readonly run: Pick<BatchRun<U>, "repository" | "ending" | "scope" | "warn">) {}

  /** A batch is being cancelled. That of the run may be so before its write begins; of others only what meets the write counts. */
  cancelling(batchId: string): void {
    if (this.#writing !== undefined || batchId === this.run.scope.batchId) this.#cancelled.add(batchId);
  }

  /** Of a run that is begun now: what others have to cancel again was cancelled before, and must not meet what this one opens. */
  comeBehind(others: Iterable<Opening<U>>): void {
    const { batchId } = this.run.scope;
    for (const other of others) {
      const mayMeet = batchId === null ? other.#cancelled.size > 0 : other.#cancelled.has(batchId);
      if (other.#writing !== undefined && mayMeet) this.#earlier.push(other.#writing);
    }
  }

  /**
   * @param send is told when its answer is not waited for any longer: at once when the run is stopped, but not when it is cancelled
   * @throws Interrupted the run was stopped
   */
  async write<T>(send: (leaving: Stoppable) => Promise<T>): Promise<T> {
    const writing = this.#write(send);
    this.#writing = writing;
    try {
      return await writing;
    } finally {
      this.#writing = undefined;
    }
  }

  async #write<T>(send: (leaving: Stoppable) => Promise<T>): Promise<T> {
    const { ending } = this.run;
    const { stopping } = ending;
    if (this.#earlier.length > 0) await unlessAborted(Promise.allSettled(this.#earlier), stopping);
    throwIfInterrupted(stopping);
    const leaving = new Cancellation();
    const leave = () => leaving.abort(stopping.reason);
    let patience: NodeJS.Timeout | undefined;
    const onStop = () => {
      if (ending.isCancelled) patience = setTimeout(leave, PATIENCE_MS);
      else leave();
    };
    stopping.addEventListener("abort", onStop, { once: true });
    try {
      return await send(leaving);
    } finally {
      stopping.removeEventListener("abort", onStop);
      clearTimeout(patience);
      for (const batchId of this.#cancelled) await this.#cancelAgain(batchId);
    }
  }

  async #cancelAgain(batchId: string): Promise<void> {
    try {
      await this.run.repository.moveBatch(batchId, "cancelled", ["processing"]);
    } catch (error) {
      this.run.warn(`batch ${batchId} could not be cancelled`, error);
    }
  }
}
