import { forwardAbort, Interrupted } from "../async/time.js";
import type { BatchRecord, BatchStatus, UploadRecord } from "../contracts/upload.js";
import { classifyError, isFault, type UploadError } from "../errors.js";
import type { ReliableRepository } from "../pipeline/reliable-repository.js";
import type { BatchResult } from "../result.js";
import type { Budget } from "../runtime/budget.js";
import { BatchEvents } from "./batch-events.js";
import { Opening } from "./opening.js";
import { Outcomes } from "./outcomes.js";
import { PauseEvents } from "./pause-events.js";
import { ProgressReporter } from "./progress-reporter.js";
import type { UploadSource } from "./puller.js";
import { RunEnding } from "./run-ending.js";
import { BatchStats, type UploadCounts } from "./stats.js";
import { type Shared, Visits } from "./visits.js";

/** What a run is over. */
export interface RunScope {
  /** For `cancel`, and where it is all of that also for its events and result: a batch of the repository, or a label. */
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

/** One run over many uploads, from its start to its result: what its story goes by, and what it tells. */
export class BatchRun<U extends UploadRecord> {
  readonly events: BatchEvents<U>;
  readonly stats: BatchStats;
  readonly repository: ReliableRepository<U>;
  readonly ending: RunEnding;
  readonly opening = new Opening<U>(this);
  readonly #outcomes: Outcomes<U>;
  readonly #visits: Visits<U>;
  readonly #progress: ProgressReporter<U>;
  readonly #pauses: PauseEvents<U>;
  /** What its events and its result are told of. A redo of part of a batch is not told as the batch: its numbers are others. */
  readonly #told: string | null;
  #isStarted = false;
  /** How many calls it does: one that joins may have added uploads before. */
  calls = 1;

  constructor(
    private readonly shared: Shared<U>,
    readonly scope: RunScope,
  ) {
    const { concurrency, gate, work } = shared;
    const { settings } = work;
    this.stats = new BatchStats(scope.total);
    this.#told = scope.isStored || scope.isLabel ? scope.batchId : null;
    this.events = new BatchEvents(settings, this.#told);
    this.ending = new RunEnding(settings.runtime);
    this.repository = settings.repository.withOutage(gate.outageFor(() => this.ending.aborting));
    const count = scope.isStored ? () => this.count() : undefined;
    this.#progress = new ProgressReporter(this.events, this.stats, count);
    this.#pauses = new PauseEvents(this.events, gate);
    this.#outcomes = new Outcomes(this.stats, this.#progress, this.ending, concurrency);
    const books = { ledger: this.stats.ledger, budget: scope.budget };
    const own = { ...settings, repository: this.repository };
    const workers = Math.min(scope.concurrency, concurrency);
    this.#visits = new Visits(shared, own, this.#outcomes, this.ending, books, workers);
  }

  /** Aborted when nothing more is to be begun. */
  get stopping(): AbortSignal {
    return this.ending.stopping;
  }

  /** Aborted uploads, which this run does not take up again. */
  get excluded(): ReadonlySet<string> {
    return this.#outcomes.excluded;
  }

  /** Whether nothing is left but waiting for uploads that somebody else holds. */
  get isOnlyWaiting(): boolean {
    return this.#visits.isOnlyWaiting;
  }

  /** Uploads that somebody else holds, which are waited for. */
  get busy(): ReadonlySet<string> {
    return this.#visits.busy;
  }

  /** Why uploads were aborted by others: their batch is cancelled. */
  get batchCancelled(): UploadError | undefined {
    return this.#outcomes.batchCancelled;
  }

  /** How many uploads of the batch there are by status. */
  count(): Promise<UploadCounts> {
    return this.repository.count({ batchId: this.scope.batchId ?? "" }, this.stopping);
  }

  warn(message: string, error: unknown): void {
    this.shared.work.settings.logger.warn({ batchId: this.scope.batchId, error }, message);
  }

  started(batch: BatchRecord | null, counts: UploadCounts | null): void {
    this.#isStarted = true;
    this.events.emit("batch:started", { batch, counts });
    this.#pauses.tell();
  }

  /** Works through a source. Resolves when everything that was pulled is settled, whatever became of it. */
  drain(source: UploadSource<U>): Promise<void> {
    return this.#visits.drain(source);
  }

  /** Runs a story from its start to its result, which is emitted as the last event. */
  async tell(story: (run: this) => Promise<BatchStatus>): Promise<BatchResult> {
    try {
      return await this.#tell(story);
    } finally {
      this.ending.end();
    }
  }

  async #tell(story: (run: this) => Promise<BatchStatus>): Promise<BatchResult> {
    const { ending, scope } = this;
    const unlink = forwardAbort(scope.signal, ending);
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
      if (!(thrown instanceof Interrupted)) ending.fail(classifyError(thrown, "save", "REPOSITORY_FAILED"));
      status = "processing";
    } finally {
      unlink();
      unlisten();
      ending.stop();
    }
    if (!this.#isStarted) this.started(null, null);
    await this.#progress.last();
    this.#pauses.end();
    const ended = ending.statusAfter(status);
    const error = ending.reasonFor(ended);
    const result: BatchResult = Object.freeze({
      batchId: this.#told,
      status: ended,
      ...this.stats.result(),
      ...(error !== undefined && { error }),
    });
    const { batchId, ...fields } = result;
    this.events.emit("batch:settled", fields);
    return result;
  }
}
