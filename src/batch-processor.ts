import { quietController } from "./async/time.js";
import { BreakerEvents } from "./batch/breaker-events.js";
import { Gate, neededServices } from "./batch/gate.js";
import { inputOf } from "./batch/input.js";
import { planRerun } from "./batch/plan.js";
import type { UploadSource } from "./batch/puller.js";
import { recoverUploads } from "./batch/recover.js";
import { rerunUploads, scopeOf } from "./batch/rerun.js";
import { type RunBounds, Runs } from "./batch/runs.js";
import { Singles } from "./batch/singles.js";
import { undoRedos } from "./batch/undo.js";
import type { Shared } from "./batch/visits.js";
import type { UploadSelection } from "./contracts/repository.js";
import type { BatchStatus, RerunMode, UploadRecord } from "./contracts/upload.js";
import { ConfigurationError } from "./errors.js";
import { UploadEventEmitter } from "./event-emitter.js";
import type { BatchProcessorOptions, EngineAttempt, ProcessOptions, RunOptions, RunPlan } from "./options.js";
import { requireMode, requireRedo } from "./pipeline/reset.js";
import { requireSignal } from "./pipeline/resolve-settings.js";
import { requireSelection } from "./pipeline/selection.js";
import type { Settings } from "./pipeline/settings.js";
import { attachPlugins } from "./pipeline/sharing.js";
import { lengthOf, readProcessor, readRun } from "./processor-options.js";
import type { BatchResult, UploadResult } from "./result.js";
import { Limiter } from "./runtime/limiter.js";
import type { Runtime, RuntimeHealth } from "./runtime/runtime.js";
import { stageTable } from "./stages/table.js";
import { aName, count, expected, iterable, requireKnown, requireMembers } from "./validate.js";

/**
 * Processes many uploads: pulls them as there is room, shares slots, breaker and budget, and continues where an earlier run, or
 * another process, was interrupted. An emitter of all their events.
 *
 * @example
 * const processor = new BatchProcessor({ storage, ai, repository, concurrency: 8 });
 * processor.on("batch:progress", ({ percentage }) => console.log(percentage));
 * const { completed, failed } = await processor.process(batchId);
 */
export class BatchProcessor<U extends UploadRecord = UploadRecord> extends UploadEventEmitter<U> {
  /** What its uploads share, and other processors and calls that it is handed to. */
  readonly runtime: Runtime;
  readonly #settings: Settings<U>;
  readonly #shared: Shared<U>;
  readonly #gate: Gate;
  readonly #runs: Runs<U>;
  readonly #singles: Singles<U>;
  readonly #undoing = new Set<Promise<unknown>>();
  readonly #detach: () => void;
  readonly #closing = quietController();

  /** @throws ConfigurationError an option that is unknown or out of range, or an adapter that lacks a member */
  constructor(options: BatchProcessorOptions<U>) {
    super();
    const { settings, concurrency } = readProcessor(options, this);
    this.#settings = settings;
    this.runtime = settings.runtime;
    this.#gate = new Gate(settings.runtime, neededServices(settings));
    this.#shared = {
      work: { settings, table: stageTable(settings) },
      concurrency,
      slots: new Limiter(concurrency),
      gate: this.#gate,
    };
    const breakerEvents = new BreakerEvents(settings);
    this.#runs = new Runs(this.#shared, breakerEvents);
    this.#singles = new Singles(this.#shared, breakerEvents);
    this.#detach = attachPlugins(settings);
  }

  /**
   * One upload, with the processor's slots, events, `abortUpload` and `close`: for live uploads beside batches, and for job
   * runners. Somebody comes back for it only with `attempt`, or where the processor was given a `runtime`.
   *
   * @throws ConfigurationError, RepositoryError as `processUploadWithRetry` does
   */
  async processUpload(
    upload: NoInfer<U> | string,
    options: {
      readonly signal?: AbortSignal | undefined;
      readonly attempt?: EngineAttempt | undefined;
      readonly rerun?: ProcessOptions<U>["rerun"];
    } = {},
  ): Promise<UploadResult<U>> {
    requireMembers("options", options, []);
    requireKnown("options", options, ["signal", "attempt", "rerun"]);
    this.#requireOpen(options.signal);
    return this.#singles.process(upload, options);
  }

  /**
   * Processes a whole batch of the repository: settled uploads are passed over, interrupted ones continue, and those that other
   * workers hold are waited for. A second call for a batch in progress joins the first: the signal of each ends it.
   *
   * @throws ConfigurationError an unknown batch, no members for batches, a `budget` or `concurrency` that the joined call has not
   */
  async process(
    batchId: string,
    options: RunOptions & { readonly resumeCancelled?: boolean | undefined } = {},
  ): Promise<BatchResult> {
    this.#requireBatches("process");
    const bounds = this.#readRun(options, "process");
    if (!aName(batchId)) throw expected("process", "the id of a batch", batchId);
    return this.#runs.process(batchId, bounds, options.resumeCancelled ?? false);
  }

  /**
   * Processes uploads from any iterable, pulled as there is room: from a cursor, a queue, a generator. Without batches in
   * the repository this is also the way to recover.
   *
   * @param options.label a name for the run's events and for `cancel`; no batch is read or written
   * @param options.total how many uploads there are, for progress; by default the length of an array, the size of a set
   */
  async processUploads(
    uploads: UploadSource<NoInfer<U>>,
    options: RunOptions & { readonly label?: string | undefined; readonly total?: number | undefined } = {},
  ): Promise<BatchResult> {
    const bounds = this.#readRun(options, "processUploads");
    if (!iterable(uploads)) throw expected("uploads", "an iterable or async iterable of uploads or ids", uploads);
    const total = options.total === undefined ? lengthOf(uploads) : count("total", options.total, 0, 0);
    const scope = { batchId: options.label ?? null, isLabel: true, total };
    return this.#runs.begin(scope, bounds, async (run) => {
      run.started(null, null);
      await run.drain(inputOf(uploads));
      return run.stopping.aborted ? "processing" : "completed";
    });
  }

  /**
   * Continues what earlier processes left: batches that are `processing`, also those that live workers share, and settled ones
   * that have open uploads; some at once.
   *
   * @param options.statuses of batches, instead
   * @param options.withoutBatch also open uploads that belong to no batch
   */
  async recover(
    options: RunOptions & {
      readonly statuses?: readonly BatchStatus[] | undefined;
      readonly withoutBatch?: boolean | undefined;
    } = {},
  ): Promise<readonly BatchResult[]> {
    this.#requireBatches("recover");
    const bounds = this.#readRun(options, "recover");
    return recoverUploads(this.#runs, this.#shared, bounds, options, this.#closing.signal);
  }

  /**
   * What `rerun` with the same arguments would do, found by reading all of the selection; nothing is written or paid. Not counted
   * is what a rerun with a name goes on with.
   *
   * @throws ConfigurationError as `rerun` does
   */
  async plan(selection: UploadSelection, mode: RerunMode): Promise<RunPlan> {
    this.#requireBatches("plan");
    requireMode("mode", mode);
    return planRerun(this.#settings, requireSelection(selection), mode, this.#shared.concurrency);
  }

  /**
   * Does settled uploads again. Each keeps its old result, visible and searchable, until the new one is complete: filter what
   * people see by `hasResult`, not by the status. Interrupted, it is continued by `recover`, or by the same call with the
   * same name; what is up to date is not paid for again. What other redos have left open is left to them.
   *
   * @param options.name of the redo: with the same name each upload is reset once, however often this is called
   * @throws ConfigurationError an empty selection, `"reprocess"` without `ai.version`, a repository that stores no drafts
   * @example
   * await processor.rerun({ all: true }, "reprocess");   // after a new model was deployed
   * await processor.rerun({ batchId, errorCodes: ["DESCRIBE_FAILED"] }, "retry");
   */
  async rerun(
    selection: UploadSelection,
    mode: RerunMode,
    options: RunOptions & { readonly name?: string | undefined } = {},
  ): Promise<BatchResult> {
    this.#requireBatches("rerun");
    const bounds = this.#readRun(options, "rerun");
    requireMode("mode", mode);
    const redo = requireRedo("name", options.name);
    const selected = requireSelection(selection);
    return this.#runs.begin(scopeOf(selected), bounds, (run) =>
      rerunUploads(run, selected, mode, redo, this.#settings),
    );
  }

  /**
   * Undoes redos that were cancelled or are not wanted any more: uploads with a draft, which nobody works on, become what they were
   * before, and what was made for the draft is removed. `close` ends it behind the page of uploads that it is at.
   *
   * @returns how many uploads were changed
   */
  async undo(selection: UploadSelection): Promise<number> {
    this.#requireBatches("undo");
    this.#requireOpen(undefined);
    const undoing = undoRedos(requireSelection(selection), this.#settings, this.#closing.signal);
    this.#undoing.add(undoing);
    try {
      return await undoing;
    } finally {
      this.#undoing.delete(undoing);
    }
  }

  /** How the work stands: of all that share this runtime. */
  health(): RuntimeHealth {
    return this.runtime.health();
  }

  /**
   * Cancels a batch, for all its workers: uploads in work are handed back, the rest stays pending. A label, as of `processUploads`,
   * cancels the runs of this processor that have it.
   *
   * @returns whether there was anything to cancel
   */
  async cancel(batchId: string): Promise<boolean> {
    return this.#runs.cancel(batchId);
  }

  /**
   * Stops the work on one upload at once, the paid call too: for an endpoint that deletes uploads. Delete the row first;
   * the outcome is then `deleted`, else `aborted`.
   *
   * @returns whether this processor was working on it
   */
  abortUpload(uploadId: string, reason: unknown = new Error(`Upload ${uploadId} was aborted`)): boolean {
    if (!aName(uploadId)) throw expected("abortUpload", "the id of an upload", uploadId);
    const { runtime, repository } = this.#settings;
    const found = [...runtime.active].filter(
      (each) => each.uploadId === uploadId && each.repository === repository.adapter,
    );
    for (const { cancellation } of found) cancellation.abort(reason);
    return found.length > 0;
  }

  /** Begins no further upload; those in work go on. */
  pause(): void {
    if (!this.#gate.isPaused && !this.#closing.signal.aborted) this.#gate.pause();
  }

  /** Begins uploads again, after `pause`. */
  resume(): void {
    if (this.#gate.isPaused) this.#gate.resume();
  }

  /** Whether `pause` was called, and not `resume`. */
  get isPaused(): boolean {
    return this.#gate.isPaused;
  }

  /** How many uploads are in work now, of all that share this runtime. */
  get activeCount(): number {
    return this.#settings.runtime.active.size;
  }

  /**
   * Begins nothing more (what waits for a slot is `aborted`), lets the uploads in work end, and hands back those that have not ended
   * after the grace. Batches stay `processing`, for `recover`. A closed processor takes no more calls.
   *
   * @param options.graceMs in milliseconds, by default 30000
   */
  async close(options: { readonly graceMs?: number | undefined } = {}): Promise<void> {
    requireKnown("options", options, ["graceMs"]);
    const graceMs = count("graceMs", options.graceMs, 30_000, 0, 2 ** 31 - 1);
    this.#closing.abort();
    const reason = new Error("The processor was closed");
    this.#runs.stop();
    this.#singles.stop(reason);
    this.resume();
    const grace = setTimeout(() => {
      this.#runs.abort(reason);
      this.#singles.abort(reason);
    }, graceMs);
    try {
      // What still undoes may take an upload that the next process is at work on, where the repository knows no claims.
      await Promise.all([this.#runs.ended(), this.#singles.ended(), Promise.allSettled(this.#undoing)]);
    } finally {
      clearTimeout(grace);
      this.#detach();
    }
  }

  /** `close()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #readRun(options: RunOptions, method: Parameters<typeof readRun>[1]): RunBounds {
    const bounds = readRun(options, method, this.#settings.ai);
    this.#requireOpen(bounds.signal);
    return bounds;
  }

  #requireBatches(method: string): void {
    this.#settings.repository.requireBatches(method);
  }

  #requireOpen(signal: unknown): void {
    requireSignal(signal);
    if (this.#closing.signal.aborted)
      throw new ConfigurationError("The processor is closed: make a new BatchProcessor");
  }
}
