import { Cancellation } from "../async/cancellation.js";
import { forwardAbort, Interrupted, quietController, sleep } from "../async/time.js";
import type { BatchRecord, BatchStatus, UploadRecord } from "../contracts/upload.js";
import { classifyError, isFault, UploadError } from "../errors.js";
import type { ReliableRepository } from "../pipeline/reliable-repository.js";
import type { RunContext } from "../pipeline/settings.js";
import { processUpload, type Work } from "../process-upload.js";
import type { BatchResult, DeferredUpload, UploadResult } from "../result.js";
import type { Budget } from "../runtime/budget.js";
import type { Limiter } from "../runtime/limiter.js";
import { BatchEvents } from "./batch-events.js";
import { endOf } from "./end-of.js";
import type { Gate } from "./gate.js";
import { askOnce } from "./health.js";
import { HeldUploads } from "./held-uploads.js";
import { PauseEvents } from "./pause-events.js";
import { ProgressReporter } from "./progress-reporter.js";
import { Puller, type UploadSource } from "./puller.js";
import { RunEnding } from "./run-ending.js";
import { BatchStats, type UploadCounts } from "./stats.js";

/** So many uploads in a row that could not be stored, and more than are in work at once. */
const LEAST_UNSTORED_IN_A_ROW = 5;

/** What the runs of one processor share. */
export interface Shared<U extends UploadRecord> {
  readonly work: Work<U>;
  readonly concurrency: number;
  /** The processor's slots, over all its runs. */
  readonly slots: Limiter;
  readonly gate: Gate;
}

/** What a run is over. */
export interface RunScope {
  /** For its events and `cancel`: a batch of the repository, or a label. */
  readonly batchId: string | null;
  /** Whether `batchId` is a batch of the repository, whose uploads can be counted. */
  readonly isStored: boolean;
  /** Whether `batchId` is a label, which names no batch. A redo of part of a batch is neither. */
  readonly isLabel: boolean;
  readonly total: number | null;
  readonly concurrency: number;
  readonly budget: Budget | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * One run over many uploads: workers pull from a source, and what somebody else holds, or the service could not do, is visited
 * again. Only the ids of such uploads are remembered, so memory does not depend on how many there are.
 */
export class BatchRun<U extends UploadRecord> {
  readonly events: BatchEvents<U>;
  readonly stats: BatchStats;
  readonly repository: ReliableRepository<U>;
  /** Aborted uploads, which this run does not take up again. */
  readonly excluded = new Set<string>();
  readonly ending = new RunEnding();
  readonly #work: Work<U>;
  readonly #progress: ProgressReporter<U>;
  /** Aborted when nothing more is to be begun. */
  readonly #stopping = quietController();
  /** Aborted when what is in flight is to be released. */
  readonly #aborting = new Cancellation();
  #giveUpBusy = quietController();
  readonly #pauses: PauseEvents<U>;
  #isStarted = false;
  readonly #held: HeldUploads;
  /** Busy uploads that are counted as skipped. A later pass may find them open all the same. */
  readonly #givenUp = new Map<string, number>();
  /** Of sources that were worked through, or are being. */
  #passes = 0;
  /** Visits that no worker waits for: of busy uploads, and of suspects. */
  readonly #visits = new Set<Promise<void>>();
  readonly #began = Date.now();
  #puller: Puller<U> | undefined;
  #inFlight = 0;
  #unstoredInARow = 0;
  readonly #unstoredOnce = new Set<string>();

  constructor(
    private readonly shared: Shared<U>,
    readonly scope: RunScope,
  ) {
    const { settings, table } = shared.work;
    this.stats = new BatchStats(scope.total);
    this.#held = new HeldUploads(settings.runtime.changes);
    this.events = new BatchEvents(settings, scope.batchId);
    this.#pauses = new PauseEvents(this.events, shared.gate);
    this.repository = settings.repository.withOutage(shared.gate.outageFor(this.#aborting));
    const missing = new Set<number>();
    const context: RunContext = {
      ledger: this.stats.ledger,
      budget: scope.budget,
      unpriced: undefined,
      ready: askOnce(settings, { missing }),
      missing,
      refusedBy: this.#held.refusedBy,
      isLastOne: () => this.#isLastOne(),
    };
    this.#work = { settings: { ...settings, repository: this.repository, comesBack: true, run: context }, table };
    const count = scope.isStored ? () => this.count() : undefined;
    this.#progress = new ProgressReporter(this.events, this.stats, count);
  }

  /** Aborted when nothing more is to be begun. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /** How many uploads of the batch there are by status. */
  count(): Promise<UploadCounts> {
    return this.repository.count({ batchId: this.scope.batchId ?? "" }, this.#stopping.signal);
  }

  /** No further upload is begun; those in flight go on. */
  stop(): void {
    this.#stopping.abort();
    this.#giveUpBusy.abort();
  }

  /** Nothing further is begun, and what is in flight is released. */
  abort(reason: unknown): void {
    this.stop();
    this.#aborting.abort(reason);
    for (const { run, cancellation } of this.#work.settings.runtime.active)
      if (run === this) cancellation.abort(reason);
  }

  cancel(reason: unknown): void {
    this.ending.isCancelled = true;
    this.abort(reason);
  }

  /** The run cannot go on: it is `failed`. Uploads that were pulled are finished. */
  fail(error: UploadError): void {
    this.ending.fail(error);
    this.forgetBusy();
    this.#work.settings.runtime.changes.notify(); // nor for a model that is down
  }

  /** The run cannot go on for now: it stays `processing`. Uploads that were begun are finished. */
  interrupt(error: UploadError): void {
    this.ending.interrupt(error);
    this.stop();
  }

  /** Uploads that somebody else holds are not waited for any longer: they are settled. */
  forgetBusy(): void {
    this.#giveUpBusy.abort();
  }

  /** Whether nothing is left but waiting for uploads that somebody else holds. */
  get isOnlyWaiting(): boolean {
    return this.#visits.size > 0 && this.#inFlight === 0;
  }

  warn(message: string, error: unknown): void {
    this.#work.settings.logger.warn({ batchId: this.scope.batchId, error }, message);
  }

  started(batch: BatchRecord | null, counts: UploadCounts | null): void {
    this.#isStarted = true;
    this.events.emit("batch:started", { batch, counts });
    this.#pauses.tell();
  }

  /** Runs a story from its start to its result, which is emitted as the last event. */
  async tell(story: (run: this) => Promise<BatchStatus>): Promise<BatchResult> {
    const { signal } = this.scope;
    const unlink = forwardAbort(signal, { abort: (reason) => this.abort(reason) });
    const unlisten = this.shared.gate.listen(() => this.#pauses.tell());
    let status: BatchStatus;
    try {
      status = await story(this);
    } catch (thrown) {
      // Misuse: there was no run.
      if (!this.#isStarted && isFault(thrown, "deployment")) {
        this.#pauses.end();
        throw thrown;
      }
      if (!(thrown instanceof Interrupted)) this.fail(classifyError(thrown, "save", "REPOSITORY_FAILED"));
      status = "processing";
    } finally {
      unlink();
      unlisten();
      this.stop();
    }
    await this.#progress.last();
    this.#pauses.end();
    const ended = this.ending.statusAfter(status);
    const error = this.ending.reasonFor(ended, this.#aborting.reason);
    const result: BatchResult = Object.freeze({
      batchId: this.scope.batchId,
      status: ended,
      ...this.stats.result(),
      ...(error !== undefined && { error }),
    });
    const { batchId, ...fields } = result;
    this.events.emit("batch:settled", fields);
    return result;
  }

  /** Works through a source. Resolves when everything that was pulled is settled, whatever became of it. */
  async drain(source: UploadSource<U>): Promise<void> {
    if (this.stopping.aborted) return;
    this.#passes++;
    this.#giveUpBusy = quietController();
    const puller = new Puller(source, this.stopping);
    this.#puller = puller;
    const workers = Math.min(this.scope.concurrency, this.shared.concurrency);
    try {
      do {
        await Promise.all(Array.from({ length: workers }, () => this.#pullAll(puller)));
        while (this.#visits.size > 0) await Promise.all(this.#visits);
      } while (this.#held.size > 0 && this.ending.error === undefined && !this.stopping.aborted);
    } finally {
      puller.close();
    }
    // A run that ends before the service is back leaves them to the next one.
    for (const result of this.#held.results()) this.#settle(result);
    this.#held.clear();
  }

  async #pullAll(puller: Puller<U>): Promise<void> {
    for (let upload = await this.#next(puller); upload !== undefined; upload = await this.#next(puller))
      await this.#visit(upload);
  }

  /** Pulled from the source, and when that has ended, from what was held: so another one probes the service each time. */
  async #next(puller: Puller<U>): Promise<U | string | undefined> {
    if (this.ending.error !== undefined) return undefined;
    try {
      const passing = this.shared.gate.pass(this.stopping, this.#began);
      if (passing !== undefined) (await passing).leave();
      return await this.#pulledOrHeld(puller);
    } catch (thrown) {
      if (thrown instanceof Interrupted) return undefined;
      if (UploadError.isInstance(thrown) && thrown.code === "CIRCUIT_OPEN") this.interrupt(thrown);
      else this.fail(classifyError(thrown, "claim", "INPUT_FAILED"));
      return undefined;
    }
  }

  async #pulledOrHeld(puller: Puller<U>): Promise<U | string | undefined> {
    while (this.ending.error === undefined) {
      const pulled = this.#held.isFull ? undefined : await puller.next();
      if (pulled !== undefined || this.stopping.aborted) return pulled;
      const id = this.#held.take();
      if (id !== undefined || this.#held.size === 0) return id;
      await this.#held.change(this.stopping);
    }
    return undefined;
  }

  async #visit(upload: U | string, otherwise?: UploadResult<U>, alone = false): Promise<void> {
    const uploadId = typeof upload === "string" ? upload : upload.id;
    try {
      const result = await this.#untilBegun(upload, alone);
      if (result === "suspect") this.#visitAlone(uploadId);
      else if (result.status === "skipped" && result.reason === "claimed-elsewhere") this.#visitAgain(uploadId, result);
      else if (result.status === "deferred") this.#hold(result);
      else this.#settle(result);
    } catch (thrown) {
      if (thrown instanceof Interrupted) {
        if (otherwise !== undefined) this.#settle(otherwise); // it was still waiting: not reached
      } else this.#stoppedBy(uploadId, thrown);
    }
  }

  /** Begins it when the gate is open and a slot is free, both at once: no slot is held by what waits for the gate. */
  async #untilBegun(upload: U | string, alone: boolean): Promise<UploadResult<U> | "suspect"> {
    const { gate, slots } = this.shared;
    for (;;) {
      const passing = gate.pass(this.stopping, this.#began);
      const pass = passing === undefined ? undefined : await passing;
      try {
        const result = await slots.run(this.stopping, async () =>
          gate.lets(pass) ? this.#process(upload, alone) : "closed",
        );
        if (result !== "closed") return result;
      } finally {
        pass?.leave();
      }
    }
  }

  async #process(upload: U | string, alone: boolean): Promise<UploadResult<U> | "suspect"> {
    if (this.#aborting.aborted) throw new Interrupted();
    this.#inFlight++;
    try {
      return await processUpload(upload, this.#work, new Cancellation(), this, alone);
    } finally {
      this.#inFlight--;
    }
  }

  /** Not the upload's fault: it is done after what is not begun yet. */
  #hold(result: DeferredUpload): void {
    if (result.error.code === "BUDGET_EXHAUSTED") this.interrupt(result.error);
    this.#held.hold(result);
  }

  /** Whether nothing is left in the run that could still show whether the service is up. */
  #isLastOne(): boolean {
    if (this.#inFlight > 1 || this.#puller?.isDone !== true) return false;
    const { runtime } = this.#work.settings;
    for (const { uploadId } of this.#held.results()) if (!runtime.isTried(uploadId)) return false;
    return true;
  }

  #settle(result: UploadResult<U>): void {
    const { uploadId, status } = result;
    if (status === "completed" || status === "failed") this.#unstoredInARow = 0;
    if (status === "aborted" || status === "deferred") this.excluded.add(uploadId);
    // Not of this pass: the same id may be in one source twice, and then is skipped twice.
    const givenUpIn = this.#givenUp.get(uploadId) ?? this.#passes;
    if (givenUpIn < this.#passes) {
      this.#givenUp.delete(uploadId);
      this.stats.takeBackSkipped();
    }
    this.stats.add(result);
    this.#progress.changed();
  }

  /** Suspects go one at a time: it waits for its turn before it takes a slot. */
  #visitAlone(uploadId: string): void {
    const { suspects } = this.#work.settings.runtime;
    this.#later(async () => {
      try {
        await suspects.run(this.stopping, () => this.#visit(uploadId, undefined, true));
      } catch (thrown) {
        if (!(thrown instanceof Interrupted)) throw thrown;
      }
    });
  }

  /** Comes back when its holder is done: at once where that is this process, else when the lease has run out. */
  #visitAgain(uploadId: string, otherwise: UploadResult<U> & { readonly retryAfterMs?: number | undefined }): void {
    const { lease, runtime, repository } = this.#work.settings;
    const giveUp = this.#giveUpBusy.signal;
    this.#later(async () => {
      try {
        const holder = [...runtime.active].find(
          (each) => each.uploadId === uploadId && each.repository === repository.adapter,
        );
        const delayMs = otherwise.retryAfterMs ?? lease.durationMs;
        if (holder === undefined) await sleep(delayMs, giveUp);
        else await endOf(holder, delayMs, giveUp);
      } catch (thrown) {
        if (!(thrown instanceof Interrupted)) throw thrown;
        this.#settle(otherwise);
        if (otherwise.status === "skipped") this.#givenUp.set(uploadId, this.#passes);
        return;
      }
      await this.#visit(await this.#recordOf(uploadId), otherwise);
    });
  }

  /**
   * Reads the record before a claim is made. If the holder died of this upload meanwhile, `starts` tells that it is a suspect. A
   * claim would tell that, too, but would count as a start if this process died as well, of another upload.
   */
  #recordOf(uploadId: string): Promise<U | string> {
    return this.repository.find(uploadId, this.stopping).then(
      (upload) => upload ?? uploadId,
      () => uploadId,
    );
  }

  #later(visit: () => Promise<void>): void {
    const visiting = visit().finally(() => this.#visits.delete(visiting));
    this.#visits.add(visiting);
  }

  /** The deployment is at fault, or the outcome could not be stored: the upload is open, and the run may have to end. */
  #stoppedBy(uploadId: string, thrown: unknown): void {
    const error = classifyError(thrown, "save", "REPOSITORY_FAILED");
    if (error.code === "CIRCUIT_OPEN") {
      this.interrupt(error); // the gate was not passed: nothing was begun
      return;
    }
    const work = { attempts: 0, durationMs: 0, warnings: [], stages: [], usage: {} };
    const aborted: UploadResult<U> = { status: "aborted", reason: error, uploadId, ...work };
    if (isFault(error, "deployment")) {
      this.fail(error);
      this.stop();
    } else if (this.shared.gate.reason?.reason === "repository") this.interrupt(error);
    else if (!this.#aborting.aborted && this.#notStored(uploadId, error)) {
      this.#visitAgain(uploadId, aborted);
      return;
    }
    this.#settle(aborted);
  }

  /**
   * Others could be stored: once the lease has run out, the upload gets one more chance. When many in a row could not, it is not
   * the uploads that are at fault, and no more is paid for in vain.
   *
   * @returns whether it is to be visited again
   */
  #notStored(uploadId: string, error: UploadError): boolean {
    if (++this.#unstoredInARow >= Math.max(LEAST_UNSTORED_IN_A_ROW, this.shared.concurrency + 1)) {
      this.fail(error);
      this.stop();
    } else if (!this.#unstoredOnce.has(uploadId)) {
      this.#unstoredOnce.add(uploadId);
      return true;
    }
    this.ending.unstored ??= error;
    this.stats.failure(uploadId, error);
    return false;
  }
}
