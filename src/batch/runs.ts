import type { BatchStatus, UploadRecord } from "../contracts/upload.js";
import { batchCancelled } from "../pipeline/claim-lost.js";
import type { BatchResult } from "../result.js";
import { BatchRun, type RunScope } from "./batch-run.js";
import type { BreakerEvents } from "./breaker-events.js";
import { processBatch } from "./process-batch.js";
import type { Shared } from "./visits.js";

/** What bounds a run. */
export interface RunBounds extends Pick<RunScope, "budget" | "signal"> {
  /** Of the processor's slots. @default all of them */
  readonly concurrency: number | undefined;
}

/** What a run is over, where it is over anything that has a name or a number. */
type Scope = Partial<Pick<RunScope, "batchId" | "isStored" | "isLabel" | "total">>;

/** The runs of one processor that are in progress. */
export class Runs<U extends UploadRecord> {
  readonly #runs = new Map<BatchRun<U>, Promise<BatchResult>>();

  constructor(
    private readonly shared: Shared<U>,
    private readonly breakerEvents: BreakerEvents<U>,
  ) {}

  /** Processes a batch of the repository, or joins the run that does. */
  async process(batchId: string, bounds: RunBounds, resumeCancelled: boolean): Promise<BatchResult> {
    for (const [run, ended] of this.#runs) if (run.scope.isStored && run.scope.batchId === batchId) return ended;
    const { durationMs } = this.shared.work.settings.lease;
    return this.begin({ batchId, isStored: true }, bounds, (run) =>
      processBatch(run, batchId, resumeCancelled, durationMs),
    );
  }

  /** Runs a story. */
  begin(
    { batchId = null, isStored = false, isLabel = false, total = null }: Scope,
    { concurrency = this.shared.concurrency, budget, signal }: RunBounds,
    story: (run: BatchRun<U>) => Promise<BatchStatus>,
  ): Promise<BatchResult> {
    const run = new BatchRun<U>(this.shared, { batchId, isStored, isLabel, total, concurrency, budget, signal });
    const ended = Promise.resolve()
      .then(() => run.tell(story))
      .finally(() => {
        this.#runs.delete(run);
        this.breakerEvents.end();
      });
    this.#runs.set(run, ended);
    this.breakerEvents.begin();
    return ended;
  }

  /** Cancels a batch, or the runs with this label. @returns whether there was anything to cancel */
  async cancel(batchId: string): Promise<boolean> {
    const { repository } = this.shared.work.settings;
    const runs = [...this.#runs.keys()].filter((run) => run.scope.batchId === batchId);
    const isLabel = runs.length > 0 && runs.every(({ scope }) => scope.isLabel);
    let cancelled = runs.length > 0;
    if (!isLabel && repository.hasBatches)
      cancelled = (await repository.moveBatch(batchId, "cancelled", ["pending", "processing"])) || cancelled;
    for (const { ending } of runs) ending.cancel(batchCancelled(batchId));
    return cancelled;
  }

  /** Nothing further is begun. */
  stop(): void {
    for (const { ending } of this.#runs.keys()) ending.stop();
  }

  abort(reason: unknown): void {
    for (const { ending } of this.#runs.keys()) ending.abort(reason);
  }

  async ended(): Promise<void> {
    await Promise.allSettled(this.#runs.values());
  }
}
