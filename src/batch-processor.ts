import { BatchRun, type UploadSource, type Workshop } from "./batch/batch-run.js";
import type { BatchProcessorOptions, ProcessBatchOptions, ProcessUploadsOptions } from "./batch/options.js";
import { processBatch } from "./batch/process-batch.js";
import { PAGE, StoredBatch, stored } from "./batch/stored-batch.js";
import { Tally } from "./batch/tally.js";
import type { BatchRepositoryAdapter } from "./contracts/repository.js";
import type { BatchRecord, BatchStatus, UploadRecord } from "./contracts/upload.js";
import { ConfigurationError, classifyError } from "./errors.js";
import { emitIsolated, UploadEventEmitter, type UploadEventPayloads } from "./events.js";
import { resolveSettings, type Settings, type WorkOptions } from "./options.js";
import { createLimiter } from "./pipeline/limits.js";
import { Roster } from "./pipeline/roster.js";
import { forwardAbort, NEVER } from "./pipeline/time.js";
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
      processBatch({
        ...{ batch, run: active.run, tally, settings: this.#settings, mode: options.mode ?? this.#settings.mode },
        resumeCancelled: options.resumeCancelled ?? false,
        isCancelled: () => active.cancelled,
        onCancelled: () => this.#cancelRun(active),
        onStarted: (record, counts) => this.#emitBatch("batch:started", batchId, { batch: record, counts }),
      }),
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

function lengthOf(uploads: object): number | null {
  if (Array.isArray(uploads)) return uploads.length;
  return uploads instanceof Set ? uploads.size : null;
}
