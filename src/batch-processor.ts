import { BatchRun, type UploadSource, type Workshop } from "./batch/batch-run.js";
import type { BatchProcessorOptions, ProcessBatchOptions, ProcessUploadsOptions } from "./batch/options.js";
import { PAGE, StoredBatch, stored, watchBatch } from "./batch/stored-batch.js";
import { OPEN_STATUSES, sum, Tally } from "./batch/tally.js";
import type { BatchRepositoryAdapter } from "./contracts/repository.js";
import type { BatchRecord, BatchStatus, Mode, UploadRecord, UploadStatus } from "./contracts/upload.js";
import { ConfigurationError, classifyError } from "./errors.js";
import { emitIsolated, UploadEventEmitter, type UploadEventPayloads } from "./events.js";
import { resolveSettings, type Settings, type WorkOptions } from "./options.js";
import { createLimiter } from "./pipeline/limits.js";
import { Roster } from "./pipeline/roster.js";
import { forwardAbort, NEVER, sleep } from "./pipeline/time.js";
import type { BatchResult } from "./result.js";
import { aMode, aSignal, count, expected, iterable, optional, requireMembers } from "./validate.js";

const PROGRESS_INTERVAL_MS = 100;
const BATCH_MEMBERS = ["findBatch", "updateBatch", "listUploads", "countUploads", "listBatches"] as const;

/** One call of `process` or `processUploads` in progress. */
interface ActiveRun<U extends UploadRecord> {
  readonly batchId: string | null;
  /** Whether it works on a batch of the repository; else `batchId` is only a name. */
  readonly stored: boolean;
  readonly run: BatchRun<U>;
  cancelled: boolean;
  readonly ended: Promise<BatchResult>;
}

/**
 * Processes many uploads: pulls them as there is room, shares the stage limits, and continues where an earlier run, or
 * another process, was interrupted. An emitter of all their events.
 *
 * @example
 * const processor = new BatchProcessor({ storage, ai, repository, concurrency: 8 });
 * processor.on("batch:progress", ({ percentage }) => console.log(percentage));
 * const { completed, failed } = await processor.process(batchId);
 */
export class BatchProcessor<U extends UploadRecord = UploadRecord> extends UploadEventEmitter<U> {
  readonly #settings: Settings<U>;
  readonly #workshop: Workshop<U>;
  readonly #runs = new Set<ActiveRun<U>>();
  #closed = false;
  #gate: { readonly open: Promise<void>; readonly resume: () => void } | undefined;

  /** @throws ConfigurationError an option out of range, or an adapter that lacks a member */
  constructor(options: BatchProcessorOptions<U>) {
    super();
    requireMembers("options", options, []);
    const { storage, ai, repository } = options;
    const settings = resolveSettings<U>({ storage, ai, repository }, options as WorkOptions<U>);
    this.#settings = { ...settings, events: [this, ...settings.events] };
    const concurrency = count("concurrency", options.concurrency, 4);
    this.#workshop = {
      settings: this.#settings,
      concurrency,
      slots: createLimiter(concurrency),
      inFlight: new Roster(),
      whenRunning: () => this.#gate?.open,
    };
  }

  /**
   * Processes a whole batch of the repository: settled uploads are passed over, interrupted ones continue, and those that
   * other workers hold are waited for. A second call for a batch in progress joins the first.
   *
   * @throws ConfigurationError an unknown batch, or a repository without the members for batches
   */
  async process(batchId: string, options: ProcessBatchOptions = {}): Promise<BatchResult> {
    const batch = new StoredBatch(batchId, this.#batchRepository());
    this.#requireOpen(options);
    for (const active of this.#runs) if (active.stored && active.batchId === batchId) return active.ended;
    return this.#begin({ batchId, stored: true }, options.signal, null, (active, tally) =>
      this.#processBatch(batch, options, active, tally),
    );
  }

  /**
   * Processes uploads from any iterable, pulled as there is room: from a cursor, a queue, a generator. Without batches in
   * the repository this is also the way to recover.
   */
  async processUploads(uploads: UploadSource<NoInfer<U>>, options: ProcessUploadsOptions = {}): Promise<BatchResult> {
    this.#requireOpen(options);
    if (!iterable(uploads)) throw expected("uploads", "an iterable or async iterable of uploads or ids", uploads);
    const total = options.total === undefined ? lengthOf(uploads) : count("total", options.total, 0, 0);
    const batchId = options.batchId ?? null;
    return this.#begin({ batchId, stored: false }, options.signal, total, async ({ run }) => {
      this.#emitBatch("batch:started", batchId, { batch: null, counts: null });
      await run.drain(uploads, options.mode ?? this.#settings.mode);
      return "completed";
    });
  }

  /** Continues every batch that is `processing`, also those that live workers share; some at once. */
  async recover(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<readonly BatchResult[]> {
    const repository = this.#batchRepository();
    const { signal = NEVER } = options;
    const results: BatchResult[] = [];
    const atOnce = createLimiter(this.#workshop.concurrency);
    let after: BatchRecord | undefined;
    for (;;) {
      const page = { status: "processing", limit: PAGE, ...(after && { after }) } as const;
      const batches = await stored("The batches could not be listed", () => repository.listBatches(page));
      after = batches.at(-1);
      if (after === undefined || signal.aborted || this.#closed) return results;
      const continuing = batches.map(({ id }) => atOnce(signal, () => this.process(id, options)));
      for (const settled of await Promise.allSettled(continuing)) {
        if (settled.status === "fulfilled") results.push(settled.value);
        else if (!signal.aborted && !this.#closed) throw settled.reason;
      }
    }
  }

  /**
   * Cancels a batch, for all its workers: uploads in flight are released, the rest stays pending.
   *
   * @returns whether there was anything to cancel
   */
  async cancel(batchId: string): Promise<boolean> {
    const { repository } = this.#settings as { repository: Partial<BatchRepositoryAdapter<U>> };
    const changes = { status: "cancelled" } as const;
    const written = await stored(
      `Batch ${batchId} could not be cancelled`,
      async () => repository.updateBatch?.(batchId, changes, ["pending", "processing"]) ?? "deleted",
    );
    let cancelled = written === "saved";
    for (const active of this.#runs) {
      if (active.batchId !== batchId) continue;
      this.#cancelRun(active);
      cancelled = true;
    }
    return cancelled;
  }

  /**
   * Stops the work on one upload at once, the paid call too: for an endpoint that deletes uploads. Delete the row first;
   * the outcome is then `deleted`, else `aborted`.
   *
   * @returns whether this processor was working on it
   */
  abortUpload(uploadId: string, reason: unknown = new Error(`Upload ${uploadId} was aborted`)): boolean {
    const found = [...this.#workshop.inFlight].filter((each) => each.uploadId === uploadId);
    for (const { cancellation } of found) cancellation.abort(reason);
    return found.length > 0;
  }

  /** Begins no further upload; those in flight go on. */
  pause(): void {
    if (this.#gate !== undefined || this.#closed) return;
    let resume = () => {};
    const open = new Promise<void>((resolve) => {
      resume = resolve;
    });
    this.#gate = { open, resume };
    for (const { batchId } of this.#runs) this.#emitBatch("batch:paused", batchId, { reason: "pause() was called" });
  }

  resume(): void {
    if (this.#gate === undefined) return;
    this.#gate.resume();
    this.#gate = undefined;
    for (const { batchId } of this.#runs) this.#emitBatch("batch:resumed", batchId, { reason: "resume() was called" });
  }

  get isPaused(): boolean {
    return this.#gate !== undefined;
  }

  /** How many uploads are in work now. */
  get activeCount(): number {
    return this.#workshop.inFlight.size;
  }

  /**
   * Stops pulling, lets what is in flight end, and releases what has not ended after the grace. Batches stay `processing`.
   *
   * @param options.graceMs in milliseconds, by default 30000
   */
  async close(options: { readonly graceMs?: number | undefined } = {}): Promise<void> {
    const graceMs = count("graceMs", options.graceMs, 30_000, 0, 2 ** 31 - 1);
    this.#closed = true;
    const runs = [...this.#runs];
    for (const { run } of runs) run.stop();
    this.resume();
    const grace = setTimeout(() => {
      for (const { run } of runs) run.abort(new Error("The processor was closed"));
    }, graceMs);
    try {
      await Promise.allSettled(runs.map(({ ended }) => ended));
    } finally {
      clearTimeout(grace);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Runs `work` as one run: its signal, its place among the runs, its progress and its result. */
  #begin(
    name: Pick<ActiveRun<U>, "batchId" | "stored">,
    signal: AbortSignal | undefined,
    total: number | null,
    work: (active: ActiveRun<U>, tally: Tally) => Promise<BatchStatus>,
  ): Promise<BatchResult> {
    const { batchId } = name;
    const tally = new Tally(total);
    let emittedAt = Number.NEGATIVE_INFINITY;
    const emitProgress = (now: number) => {
      emittedAt = now;
      if (this.#listening("batch:progress")) this.#emitBatch("batch:progress", batchId, tally.progress());
    };
    const run = new BatchRun<U>(this.#workshop, tally, () => {
      const now = performance.now();
      if (now - emittedAt >= PROGRESS_INTERVAL_MS) emitProgress(now);
    });
    const controller = new AbortController();
    controller.signal.addEventListener("abort", () => run.abort(controller.signal.reason), { once: true });
    const unlink = forwardAbort(signal, controller);

    const untilEnded = async (): Promise<BatchResult> => {
      let status: BatchStatus;
      try {
        status = await work(active, tally);
      } catch (thrown) {
        if (thrown instanceof ConfigurationError) throw thrown;
        run.fail(classifyError(thrown, "save", "REPOSITORY_FAILED"));
        status = "failed";
      } finally {
        unlink();
        this.#runs.delete(active);
      }
      const error = run.error ?? run.unstored;
      if (active.cancelled) status = "cancelled";
      else if (error !== undefined) status = "failed";
      else if (run.stopping.aborted && status === "completed") status = "processing";
      emitProgress(performance.now());
      const failure = status === "failed" && error !== undefined ? { error } : {};
      const result: BatchResult = Object.freeze({ batchId, status, ...tally.result(), ...failure });
      this.#emitBatch("batch:settled", batchId, { ...result, result });
      return result;
    };
    const active: ActiveRun<U> = { ...name, run, cancelled: false, ended: Promise.resolve().then(untilEnded) };
    this.#runs.add(active);
    return active.ended;
  }

  /** The story of a batch: mark it as processing, pass over it until nothing is open, mark it as completed. */
  async #processBatch(
    batch: StoredBatch<U>,
    options: ProcessBatchOptions,
    active: ActiveRun<U>,
    tally: Tally,
  ): Promise<BatchStatus> {
    const mode = options.mode ?? this.#settings.mode;
    const { run } = active;
    const record = await batch.find();
    if (record === null) throw expected("process", "the id of a batch", batch.id);
    const counts = await batch.count();
    tally.expect(sum(counts));
    const taken = statusesTaken(mode);
    const open = sum(counts, taken);
    tally.passedOver(counts, taken);
    if (run.stopping.aborted || (record.status === "completed" && open === 0)) return record.status;

    const cancelled = options.resumeCancelled ? (["cancelled"] as const) : [];
    if (!(await batch.move("processing", ["pending", "processing", "completed", "failed", ...cancelled])))
      return "cancelled";
    this.#emitBatch("batch:started", batch.id, { batch: { ...record, status: "processing" }, counts });

    const cancel = () => this.#cancelRun(active);
    const watch = watchBatch(batch, run, tally, cancel, this.#settings);
    try {
      await this.#passes(batch, mode, taken, run, tally, cancel);
    } finally {
      clearInterval(watch);
    }
    const error = run.error ?? run.unstored;
    if (active.cancelled || (error === undefined && run.stopping.aborted)) return "processing";
    const status = error === undefined ? "completed" : "failed";
    return (await batch.move(status, ["processing"])) ? status : "cancelled";
  }

  /** A batch never ends at an empty page: it ends when no upload is open but those that this run has aborted. */
  async #passes(
    batch: StoredBatch<U>,
    mode: Mode,
    taken: readonly UploadStatus[],
    run: BatchRun<U>,
    tally: Tally,
    cancel: () => void,
  ): Promise<void> {
    const { durationMs } = this.#settings.lease;
    for (let pass = 1; ; pass++) {
      let candidates = 0;
      const admit = (upload: U) => !run.excluded.has(upload.id) && ++candidates > 0;
      const first = pass === 1;
      await run.drain(batch.uploads(first ? taken : OPEN_STATUSES, admit, cancel), first ? mode : "continue");
      if (run.stopping.aborted || run.error) return;
      const counts = await batch.count();
      tally.recount(counts);
      if (sum(counts, OPEN_STATUSES) === 0 || (!first && candidates === 0)) return;
      // What is open now was added or handed back meanwhile; what nobody can take does not make this a busy loop.
      if (!first) await sleep(Math.min(durationMs, 50 * 2 ** pass), run.stopping).catch(() => {});
    }
  }

  #cancelRun(active: ActiveRun<U>): void {
    active.cancelled = true;
    active.run.abort(new Error(`Batch ${active.batchId} was cancelled`));
  }

  #batchRepository(): BatchRepositoryAdapter<U> {
    requireMembers("adapters.repository", this.#settings.repository, BATCH_MEMBERS);
    return this.#settings.repository as BatchRepositoryAdapter<U>;
  }

  #requireOpen({ mode, signal }: ProcessUploadsOptions | ProcessBatchOptions): void {
    optional("mode", mode, aMode, '"continue", "retry-failed" or "reprocess"');
    optional("signal", signal, aSignal, "an AbortSignal");
    if (this.#closed) throw new ConfigurationError("The processor is closed: make a new BatchProcessor");
  }

  #listening(event: keyof UploadEventPayloads): boolean {
    return this.#settings.events.some((emitter) => emitter.listenerCount(event) > 0);
  }

  #emitBatch<Name extends "batch:started" | "batch:progress" | "batch:paused" | "batch:resumed" | "batch:settled">(
    event: Name,
    batchId: string | null,
    fields: Omit<UploadEventPayloads<U>[Name], "batchId" | "at">,
  ): void {
    const payload = { batchId, at: Date.now(), ...fields } as UploadEventPayloads<U>[Name];
    for (const emitter of this.#settings.events)
      emitIsolated(emitter, event, payload, (error) =>
        this.#settings.logger.warn({ batchId, error }, `a listener of ${event} failed`),
      );
  }
}

/** Which uploads the first pass over a batch takes. */
function statusesTaken(mode: Mode): readonly UploadStatus[] {
  if (mode === "continue") return OPEN_STATUSES;
  return mode === "retry-failed" ? [...OPEN_STATUSES, "failed"] : [...OPEN_STATUSES, "failed", "completed"];
}

function lengthOf(uploads: object): number | null {
  if (Array.isArray(uploads)) return uploads.length;
  return uploads instanceof Set ? uploads.size : null;
}
