import type { Mode, UploadRecord } from "../contracts/upload.js";
import { classifyError, RepositoryError, type UploadError } from "../errors.js";
import type { Settings } from "../options.js";
import { Cancellation } from "../pipeline/cancellation.js";
import type { Limiter } from "../pipeline/limits.js";
import { answered } from "../pipeline/repository-calls.js";
import type { Listed, Roster } from "../pipeline/roster.js";
import { Interrupted, quietController, sleep } from "../pipeline/time.js";
import { processUpload } from "../process-upload.js";
import type { UploadResult } from "../result.js";
import { requireUpload } from "../validate.js";
import type { Tally } from "./tally.js";

/** One upload that is being worked on. */
export interface InFlight extends Listed {
  readonly uploadId: string;
  readonly run: object;
  readonly cancellation: Cancellation;
}

/** What several runs of one processor share. */
export interface Workshop<U extends UploadRecord> {
  readonly settings: Settings<U>;
  readonly concurrency: number;
  /** The processor's slots, over all its runs. */
  readonly slots: Limiter;
  /** What is being worked on, for `abortUpload`. */
  readonly inFlight: Roster<InFlight>;
  /** Resolves when the processor is not paused. */
  readonly whenRunning: () => Promise<void> | undefined;
}

/** Uploads, pulled one at a time as there is room. */
export type UploadSource<U extends UploadRecord> = Iterable<U | string> | AsyncIterable<U | string>;

/** After a claim that the repository did not answer, in milliseconds. */
const RECLAIM_DELAY_MS = 1000;

/** So many uploads in a row that could not be stored, and more than are in work at once: it is not the uploads that are at fault. */
const LEAST_UNSTORED_IN_A_ROW = 5;

/**
 * One run over many uploads: workers pull from a source, and what somebody else holds is visited again when the lease has
 * run out. Only the ids of busy and aborted uploads are remembered, so memory does not depend on how many there are.
 */
export class BatchRun<U extends UploadRecord> {
  /** Aborted uploads, which this run does not take up again. */
  readonly excluded = new Set<string>();
  /** Why the run cannot go on. */
  error: UploadError | undefined;
  /** Why uploads are left open: their outcome could not be stored. */
  unstored: UploadError | undefined;
  readonly #stopping = quietController();
  readonly #unstoredOnce = new Set<string>();
  #unstoredInARow = 0;
  /** Busy uploads that are counted as skipped. A later pass may find them open all the same. */
  readonly #givenUp = new Set<string>();
  #visits = new Set<Promise<void>>();
  #giveUpBusy = quietController();

  constructor(
    private readonly workshop: Workshop<U>,
    private readonly tally: Tally,
    private readonly onSettled: () => void,
  ) {}

  /** Aborted when nothing more is to be begun. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /** No further upload is begun; those in flight go on. */
  stop(): void {
    this.#stopping.abort();
    this.#giveUpBusy.abort();
  }

  /** Nothing further is begun, and what is in flight is released. */
  abort(reason: unknown): void {
    this.stop();
    for (const { run, cancellation } of this.workshop.inFlight) if (run === this) cancellation.abort(reason);
  }

  /** The run cannot go on; what was pulled is done yet. */
  fail(error: UploadError): void {
    this.error ??= error;
    this.forgetBusy();
  }

  /** Uploads that somebody else holds are not waited for any longer: they are settled. */
  forgetBusy(): void {
    this.#giveUpBusy.abort();
  }

  /** Whether nothing is left but waiting for uploads that somebody else holds. */
  get onlyBusy(): boolean {
    return this.#visits.size > 0 && ![...this.workshop.inFlight].some(({ run }) => run === this);
  }

  /** Works through a source. Resolves when everything that was pulled is settled, whatever became of it. */
  async drain(source: UploadSource<U>, mode: Mode): Promise<void> {
    const settings = { ...this.workshop.settings, mode };
    this.#giveUpBusy = quietController();
    if (this.stopping.aborted) return;
    const pull = this.#puller(source);
    const worker = async () => {
      for (let upload = await pull(); upload !== undefined; upload = await pull()) await this.#visit(upload, settings);
    };
    await Promise.all(Array.from({ length: this.workshop.concurrency }, worker));
    while (this.#visits.size > 0) await Promise.all(this.#visits);
  }

  /** Pulls for all workers in turn, because a source need not bear two calls at once. Once stopped, no source is waited for. */
  #puller(source: UploadSource<U>): () => Promise<U | string | undefined> {
    const inTurn = Symbol.asyncIterator in source;
    const iterator = inTurn ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    const { stopping } = this;
    // One listener and one variable: a race against one long-lived promise would keep a reaction for every upload.
    let leave = () => {};
    stopping.addEventListener("abort", () => leave(), { once: true });
    const unlessStopped = <T>(work: Promise<T>) =>
      new Promise<T | undefined>((resolve, reject) => {
        leave = () => resolve(undefined);
        work.then(resolve, reject);
      });
    let done = false;
    const next = async () => {
      if (done || this.error) return undefined;
      try {
        const paused = this.workshop.whenRunning();
        if (paused) await unlessStopped(paused);
        if (!stopping.aborted) {
          const step = iterator.next();
          const pulled = "then" in step ? await unlessStopped(step) : step;
          if (pulled?.done === false) {
            requireUpload("uploads", pulled.value);
            return pulled.value;
          }
        }
        // A source that is left early may hold resources; one that hangs is not waited for.
        if (stopping.aborted) void Promise.resolve(iterator.return?.()).catch(() => {});
      } catch (thrown) {
        this.fail(classifyError(thrown, "claim", "INPUT_FAILED"));
      }
      done = true;
      return undefined;
    };
    let turn: Promise<U | string | undefined> = Promise.resolve(undefined);
    return () => {
      // What answers at once cannot be called twice at once; turns would take a tenth of the time of an upload that takes none.
      if (!inTurn && this.workshop.whenRunning() === undefined) return next();
      turn = turn.then(next);
      return turn;
    };
  }

  async #visit(upload: U | string, settings: Settings<U>): Promise<void> {
    const uploadId = typeof upload === "string" ? upload : upload.id;
    try {
      const result = await this.workshop.slots(this.stopping, () => this.#process(upload, uploadId, settings));
      if (result.status === "skipped" && result.reason === "claimed-elsewhere")
        this.#visitAgain(uploadId, result.retryAfterMs ?? settings.lease.durationMs, result);
      else {
        this.#unstoredInARow = 0;
        this.#settle(result);
      }
    } catch (thrown) {
      if (thrown instanceof Interrupted) return; // it was still waiting for its slot: not reached
      this.#unstored(uploadId, classifyError(thrown, "save", "REPOSITORY_FAILED"), settings);
    }
  }

  async #process(upload: U | string, uploadId: string, settings: Settings<U>): Promise<UploadResult<U>> {
    const { inFlight } = this.workshop;
    const entry: InFlight = { uploadId, run: this, cancellation: new Cancellation(), place: undefined };
    inFlight.add(entry);
    try {
      return await processUpload(upload, settings, entry.cancellation);
    } finally {
      inFlight.delete(entry);
    }
  }

  #settle(result: UploadResult<U>): void {
    const { uploadId, status } = result;
    if (status === "aborted" || status === "deferred") this.excluded.add(uploadId);
    if (this.#givenUp.delete(uploadId)) this.tally.takeBackSkipped();
    this.tally.add(result);
    this.onSettled();
  }

  /** Comes back when the holder's lease has run out, without keeping a worker waiting. */
  #visitAgain(uploadId: string, delayMs: number, otherwise: UploadResult<U>): void {
    const giveUp = this.#giveUpBusy.signal;
    const visit = async () => {
      try {
        await sleep(delayMs, giveUp);
        await this.workshop.whenRunning();
      } catch (thrown) {
        if (!(thrown instanceof Interrupted)) throw thrown;
        this.#settle(otherwise);
        if (otherwise.status === "skipped") this.#givenUp.add(uploadId);
        return;
      }
      // What the first pass would have done again is done when its holder has done it.
      await this.#visit(await this.#recordOf(uploadId), { ...this.workshop.settings, mode: "continue" });
    };
    const visiting = visit().finally(() => this.#visits.delete(visiting));
    this.#visits.add(visiting);
  }

  /**
   * By now its holder may have died of it. Only the record tells that before a claim does, which would count as a start of
   * its own if this process died as well: of another upload, whose lease runs out at the same time.
   */
  #recordOf(uploadId: string): Promise<U | string> {
    const { repository } = this.workshop.settings;
    return answered(repository.findUpload(uploadId)).then(
      (upload) => upload ?? uploadId,
      () => uploadId,
    );
  }

  /** The repository did not take the outcome: once the lease has run out, the upload gets one more chance. */
  #unstored(uploadId: string, error: UploadError, settings: Settings<U>): void {
    const { attempts, durationMs, warnings, stages } = { attempts: 0, durationMs: 0, warnings: [], stages: [] };
    const aborted: UploadResult<U> = {
      ...{ status: "aborted", reason: error, uploadId, attempts, durationMs, warnings, stages },
    };
    if (++this.#unstoredInARow >= Math.max(LEAST_UNSTORED_IN_A_ROW, this.workshop.concurrency + 1)) {
      this.fail(error);
      this.stop();
    }
    if (error instanceof RepositoryError && !this.error && !this.#unstoredOnce.has(uploadId)) {
      this.#unstoredOnce.add(uploadId);
      this.#visitAgain(uploadId, error.stage === "claim" ? RECLAIM_DELAY_MS : settings.lease.durationMs, aborted);
      return;
    }
    this.unstored ??= error;
    this.tally.failure(uploadId, error);
    this.#settle(aborted);
  }
}
