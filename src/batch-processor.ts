import { Cancellation } from "./async/cancellation.js";
import { forwardAbort, Interrupted, NEVER, quietController } from "./async/time.js";
import { BatchRun, type RunScope } from "./batch/batch-run.js";
import { Gate } from "./batch/gate.js";
import { planRerun } from "./batch/plan.js";
import { processBatch } from "./batch/process-batch.js";
import type { UploadSource } from "./batch/puller.js";
import { batchesWith, settledWithOpenUploads, withoutBatch } from "./batch/recover.js";
import { rerunUploads } from "./batch/rerun.js";
import { someAtOnce } from "./batch/some-at-once.js";
import { undoRedos } from "./batch/undo.js";
import type { Shared } from "./batch/visits.js";
import type { UploadSelection } from "./contracts/repository.js";
import type { BatchRecord, BatchStatus, RerunMode, UploadRecord } from "./contracts/upload.js";
import { ConfigurationError, isFault } from "./errors.js";
import { UploadEventEmitter } from "./event-emitter.js";
import type { BatchProcessorOptions, EngineAttempt, ProcessOptions, RunOptions, RunPlan } from "./options.js";
import { batchCancelled } from "./pipeline/claim-lost.js";
import { requirePrice } from "./pipeline/require-adapters.js";
import { requireMode, requireRedo } from "./pipeline/reset.js";
import { requireSelection } from "./pipeline/selection.js";
import { requireAttempt, requireSignal, resolveSettings, type Settings, WORK_OPTIONS } from "./pipeline/settings.js";
import { attachPlugins, tellBreaker } from "./pipeline/sharing.js";
import { processReset } from "./process-upload-with-retry.js";
import type { BatchResult, UploadResult } from "./result.js";
import { Budget } from "./runtime/budget.js";
import { Limiter } from "./runtime/limiter.js";
import { type Runtime, type RuntimeHealth, SharedRuntime } from "./runtime/runtime.js";
import { stageTable } from "./stages/table.js";
import { count, expected, iterable, number, optional, requireKnown, requireMembers } from "./validate.js";

const RUN_OPTIONS = ["signal", "concurrency", "budget"] as const;
const RUNTIME_OPTIONS = ["limits", "breaker", "budget"] as const;

/** What a run is told besides its options: what it is over. */
type Scope = Partial<Pick<RunScope, "batchId" | "isStored" | "isLabel" | "total">>;

/** One call of `processUpload` in progress. */
interface Single {
  readonly cancellation: Cancellation;
  readonly ended: Promise<unknown>;
}

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
  readonly #runs = new Map<BatchRun<U>, Promise<BatchResult>>();
  readonly #singles = new Set<Single>();
  readonly #undoing = new Set<Promise<unknown>>();
  readonly #detach: () => void;
  #untell: (() => void) | undefined;
  readonly #closing = quietController();

  /** @throws ConfigurationError an option that is unknown or out of range, or an adapter that lacks a member */
  constructor(options: BatchProcessorOptions<U>) {
    super();
    requireMembers("options", options, []);
    const { storage, ai, repository, concurrency, limits, breaker, budget, ...rest } = options;
    requireOwnOptions(options);
    const own = limits !== undefined || breaker !== undefined || budget !== undefined;
    if (own && options.runtime !== undefined)
      throw expected("runtime", "either a runtime, or limits, breaker and budget to make one", options.runtime);
    const runtime = own ? new SharedRuntime({ limits, breaker, budget }) : options.runtime;
    const settings = resolveSettings<U>({ storage, ai, repository }, { ...(rest as ProcessOptions<U>), runtime });
    const comesBack = options.runtime !== undefined;
    this.#settings = { ...settings, comesBack, events: [this, ...settings.events] };
    this.runtime = settings.runtime;
    this.#gate = new Gate(settings.runtime, settings.models.list.length);
    const atOnce = count("concurrency", concurrency, 4);
    this.#shared = {
      work: { settings: this.#settings, table: stageTable(this.#settings) },
      concurrency: atOnce,
      slots: new Limiter(atOnce),
      gate: this.#gate,
    };
    this.#detach = attachPlugins(this.#settings);
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
    const { work } = this.#shared;
    const cancellation = new Cancellation();
    const settings = options.attempt === undefined ? work.settings : this.#attempting(options.attempt);
    const unlink = forwardAbort(options.signal, cancellation);
    const inSlot = <T>(task: () => Promise<T>) => this.#inSlot(cancellation, task);
    const working = processReset<U>(upload, { settings, table: work.table }, cancellation, options.rerun, inSlot);
    const single: Single = { cancellation, ended: working };
    this.#singles.add(single);
    this.#tellBreaker();
    try {
      return await working;
    } finally {
      unlink();
      this.#singles.delete(single);
      this.#tellBreaker();
    }
  }

  /**
   * Processes a whole batch of the repository: settled uploads are passed over, interrupted ones continue, and those that
   * other workers hold are waited for. A second call for a batch in progress joins the first.
   *
   * @throws ConfigurationError an unknown batch, or a repository without the members for batches
   */
  async process(
    batchId: string,
    options: RunOptions & { readonly resumeCancelled?: boolean | undefined } = {},
  ): Promise<BatchResult> {
    this.#requireBatches();
    const budget = this.#readRun(options, ["resumeCancelled"]);
    if (typeof batchId !== "string" || batchId === "") throw expected("process", "the id of a batch", batchId);
    return this.#process(batchId, options, budget, options.resumeCancelled ?? false);
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
    const budget = this.#readRun(options, ["label", "total"]);
    if (!iterable(uploads)) throw expected("uploads", "an iterable or async iterable of uploads or ids", uploads);
    optional("label", options.label, (value) => typeof value === "string" && value !== "", "a text");
    const total = options.total === undefined ? lengthOf(uploads) : count("total", options.total, 0, 0);
    const scope = { batchId: options.label ?? null, isLabel: true, total };
    return this.#begin(scope, options, budget, async (run) => {
      run.started(null, null);
      await run.drain(uploads);
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
    this.#requireBatches();
    const budget = this.#readRun(options, ["statuses", "withoutBatch"]);
    const stop = new Cancellation();
    const unlinks = [forwardAbort(options.signal, stop), forwardAbort(this.#closing.signal, stop)];
    const repository = this.#settings.repository.withOutage(this.#gate.outageFor(stop));
    const results: BatchResult[] = [];
    const continueAll = (batches: AsyncGenerator<BatchRecord, void, undefined>) =>
      someAtOnce(batches, this.#shared.concurrency, stop, async ({ id, status }) => {
        try {
          results.push(await this.#process(id, options, budget, status === "cancelled"));
        } catch (error) {
          if (error instanceof Interrupted || this.#closing.signal.aborted) return;
          // Deleted meanwhile: there is nothing to be done.
          if (!isFault(error, "deployment") || (await repository.findBatch(id, NEVER)) !== null) throw error;
        }
      });
    try {
      for (const status of options.statuses ?? (["processing"] as const))
        await continueAll(batchesWith(repository, status, stop));
      if (options.statuses === undefined) await continueAll(settledWithOpenUploads(repository, stop));
      if (options.withoutBatch === true && !stop.aborted) {
        const run = await this.#begin({}, options, budget, async (each) => {
          each.started(null, null);
          await each.drain(withoutBatch(each.repository, each.stopping));
          return each.stopping.aborted ? "processing" : "completed";
        });
        results.push(run);
      }
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
    } finally {
      for (const unlink of unlinks) unlink();
    }
    return results;
  }

  /**
   * What `rerun` with the same arguments would do, found by reading all of the selection; nothing is written or paid.
   *
   * @throws ConfigurationError as `rerun` does
   */
  async plan(selection: UploadSelection, mode: RerunMode): Promise<RunPlan> {
    this.#requireBatches();
    requireMode("mode", mode);
    return planRerun(this.#settings, requireSelection(selection), mode, this.#shared.concurrency);
  }

  /**
   * Does settled uploads again. Each keeps its old result, visible and searchable, until the new one is complete: filter what
   * people see by `hasResult`, not by the status. Interrupted, it is continued by `recover`, or by the same call with the
   * same name; what is up to date is not paid for again.
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
    this.#requireBatches();
    const budget = this.#readRun(options, ["name"]);
    requireMode("mode", mode);
    const redo = requireRedo("name", options.name);
    const selected = requireSelection(selection);
    const batchId = "batchId" in selected ? (selected.batchId ?? null) : null;
    const isStored = batchId !== null && Object.keys(selected).length === 1;
    return this.#begin({ batchId, isStored }, options, budget, (run) =>
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
    this.#requireBatches();
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
    const { repository } = this.#settings;
    const runs = [...this.#runs.keys()].filter((run) => run.scope.batchId === batchId);
    const isLabel = runs.length > 0 && runs.every(({ scope }) => scope.isLabel);
    let cancelled = runs.length > 0;
    if (!isLabel && repository.hasBatches)
      cancelled = (await repository.moveBatch(batchId, "cancelled", ["pending", "processing"])) || cancelled;
    for (const run of runs) run.ending.cancel(batchCancelled(batchId));
    return cancelled;
  }

  /**
   * Stops the work on one upload at once, the paid call too: for an endpoint that deletes uploads. Delete the row first;
   * the outcome is then `deleted`, else `aborted`.
   *
   * @returns whether this processor was working on it
   */
  abortUpload(uploadId: string, reason: unknown = new Error(`Upload ${uploadId} was aborted`)): boolean {
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
   * Begins nothing more, lets the uploads in work end, and hands back those that have not ended after the grace. Batches stay
   * `processing`, for `recover`. A closed processor takes no more calls.
   *
   * @param options.graceMs in milliseconds, by default 30000
   */
  async close(options: { readonly graceMs?: number | undefined } = {}): Promise<void> {
    requireKnown("options", options, ["graceMs"]);
    const graceMs = count("graceMs", options.graceMs, 30_000, 0, 2 ** 31 - 1);
    this.#closing.abort();
    for (const run of this.#runs.keys()) run.ending.stop();
    this.resume();
    const grace = setTimeout(() => {
      const reason = new Error("The processor was closed");
      for (const run of this.#runs.keys()) run.ending.abort(reason);
      for (const { cancellation } of this.#singles) cancellation.abort(reason);
    }, graceMs);
    try {
      // What still undoes may take an upload that the next process is at work on, where the repository knows no claims.
      await Promise.allSettled([
        ...this.#runs.values(),
        ...[...this.#singles].map(({ ended }) => ended),
        ...this.#undoing,
      ]);
    } finally {
      clearTimeout(grace);
      this.#detach();
    }
  }

  /** `close()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Begins when a slot is free and the processor is not paused, both at once. @throws Interrupted */
  async #inSlot<T>(cancellation: Cancellation, task: () => Promise<T>): Promise<T> {
    for (;;) {
      while (this.#gate.isPaused) await this.#settings.runtime.changes.wait(cancellation);
      const done = await this.#shared.slots.run(cancellation, async () =>
        this.#gate.isPaused ? undefined : { result: await task() },
      );
      if (done !== undefined) return done.result;
    }
  }

  async #process(
    batchId: string,
    options: RunOptions,
    budget: Budget | undefined,
    resumeCancelled: boolean,
  ): Promise<BatchResult> {
    for (const [run, ended] of this.#runs) if (run.scope.isStored && run.scope.batchId === batchId) return ended;
    return this.#begin({ batchId, isStored: true }, options, budget, (run) =>
      processBatch(run, batchId, resumeCancelled, this.#settings.lease.durationMs),
    );
  }

  /** Runs a story as one run of this processor. */
  #begin(
    { batchId = null, isStored = false, isLabel = false, total = null }: Scope,
    { concurrency = this.#shared.concurrency, signal }: RunOptions,
    budget: Budget | undefined,
    story: (run: BatchRun<U>) => Promise<BatchStatus>,
  ): Promise<BatchResult> {
    const run = new BatchRun<U>(this.#shared, { batchId, isStored, isLabel, total, concurrency, budget, signal });
    const ended = Promise.resolve()
      .then(() => run.tell(story))
      .finally(() => {
        this.#runs.delete(run);
        this.#tellBreaker();
      });
    this.#runs.set(run, ended);
    this.#tellBreaker();
    return ended;
  }

  /** Emits the events of the breaker while anything is at work: not for ever, because the runtime may live longer. */
  #tellBreaker(): void {
    const isAtWork = this.#runs.size > 0 || this.#singles.size > 0;
    if (isAtWork) this.#untell ??= tellBreaker(this.#settings);
    else {
      this.#untell?.();
      this.#untell = undefined;
    }
  }

  #attempting(attempt: EngineAttempt): Settings<U> {
    requireAttempt(attempt);
    const { retry } = this.#settings;
    return { ...this.#settings, attempt, comesBack: true, retry: { ...retry, maxAttempts: 1 } };
  }

  #readRun(options: RunOptions, more: readonly string[]): Budget | undefined {
    requireMembers("options", options, []);
    requireKnown("options", options, [...RUN_OPTIONS, ...more]);
    this.#requireOpen(options.signal);
    if (options.concurrency !== undefined) count("concurrency", options.concurrency, 1);
    if (options.budget === undefined) return undefined;
    requirePrice("budget", this.#settings.ai);
    return new Budget(number("budget", options.budget, 0, 0), 0);
  }

  #requireBatches(): void {
    this.#settings.repository.requireBatches();
  }

  #requireOpen(signal: unknown): void {
    requireSignal(signal);
    if (this.#closing.signal.aborted)
      throw new ConfigurationError("The processor is closed: make a new BatchProcessor");
  }
}

function requireOwnOptions<U extends UploadRecord>(options: BatchProcessorOptions<U>): void {
  for (const name of ["events", "onProgress"]) {
    if ((options as unknown as Record<string, unknown>)[name] !== undefined)
      throw new ConfigurationError(
        `options.${name}: a BatchProcessor is an emitter itself; listen with processor.on(…)`,
      );
  }
  requireKnown("options", options, ["storage", "ai", "repository", "concurrency", ...RUNTIME_OPTIONS, ...WORK_OPTIONS]);
}

function lengthOf(uploads: object): number | null {
  if (Array.isArray(uploads)) return uploads.length;
  return uploads instanceof Set ? uploads.size : null;
}
