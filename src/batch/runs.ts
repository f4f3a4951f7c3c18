import { forwardAbort } from "../async/time.js";
import type { BatchStatus, UploadRecord } from "../contracts/upload.js";
import { ConfigurationError } from "../errors.js";
import type { RunOptions } from "../options.js";
import { batchCancelled } from "../pipeline/claim-lost.js";
import type { BatchResult } from "../result.js";
import { aName, expected } from "../validate.js";
import { BatchRun, type RunScope } from "./batch-run.js";
import type { BreakerEvents } from "./breaker-events.js";
import { processBatch } from "./process-batch.js";
import type { Shared } from "./visits.js";

/** What bounds a run. */
export interface RunBounds extends Pick<RunScope, "budget" | "signal"> {
  /** Of the processor's slots. @default all of them */
  readonly concurrency: number | undefined;
  /** What was asked for, which a run that is joined has to have, too. */
  readonly asked: Pick<RunOptions, "concurrency" | "budget">;
}

/** A run over a batch, which others may join. */
interface Joinable<U extends UploadRecord> {
  readonly run: BatchRun<U>;
  readonly ended: Promise<BatchResult>;
  readonly asked: RunBounds["asked"];
}

/** What a run is over, where it is over anything that has a name or a number. */
type Scope = Partial<Pick<RunScope, "batchId" | "isStored" | "isLabel" | "total">>;

/** The runs of one processor that are in progress. */
export class Runs<U extends UploadRecord> {
  readonly #runs = new Map<BatchRun<U>, Promise<BatchResult>>();
  /** Those of `process`: a redo does not do all that is open of its batch, so it is not joined. */
  readonly #batches = new Map<string, Joinable<U>>();

  constructor(
    private readonly shared: Shared<U>,
    private readonly breakerEvents: BreakerEvents<U>,
  ) {}

  /**
   * Processes a batch of the repository, or joins the run that does.
   *
   * @throws ConfigurationError the run in progress has another concurrency or budget than is asked for
   */
  async process(batchId: string, bounds: RunBounds, resumeCancelled: boolean): Promise<BatchResult> {
    let current = this.#batches.get(batchId);
    // What was cancelled just now is gone on with behind its end.
    while (resumeCancelled && current?.run.ending.isCancelled === true) {
      await current.ended.catch(() => {});
      current = this.#batches.get(batchId);
    }
    if (current !== undefined) return join(batchId, current, bounds);
    const { durationMs } = this.shared.work.settings.lease;
    const { run, ended } = this.#begin({ batchId, isStored: true }, bounds, (each) =>
      processBatch(each, batchId, resumeCancelled, durationMs),
    );
    this.#batches.set(batchId, { run, ended, asked: bounds.asked });
    try {
      return await ended;
    } finally {
      this.#batches.delete(batchId);
    }
  }

  /** Runs a story. */
  begin(scope: Scope, bounds: RunBounds, story: (run: BatchRun<U>) => Promise<BatchStatus>): Promise<BatchResult> {
    return this.#begin(scope, bounds, story).ended;
  }

  #begin(
    { batchId = null, isStored = false, isLabel = false, total = null }: Scope,
    { concurrency = this.shared.concurrency, budget, signal }: RunBounds,
    story: (run: BatchRun<U>) => Promise<BatchStatus>,
  ): Pick<Joinable<U>, "run" | "ended"> {
    const run = new BatchRun<U>(this.shared, { batchId, isStored, isLabel, total, concurrency, budget, signal });
    const ended = Promise.resolve()
      .then(() => run.tell(story))
      .finally(() => {
        this.#runs.delete(run);
        this.breakerEvents.end();
      });
    this.#runs.set(run, ended);
    this.breakerEvents.begin();
    return { run, ended };
  }

  /** Cancels a batch, or the runs with this label. @returns whether there was anything to cancel */
  async cancel(batchId: string): Promise<boolean> {
    if (!aName(batchId)) throw expected("cancel", "the id of a batch, or a label", batchId);
    const { repository } = this.shared.work.settings;
    const runs = [...this.#runs.keys()].filter((run) => run.scope.batchId === batchId);
    const isLabel = runs.length > 0 && runs.every(({ scope }) => scope.isLabel);
    let cancelled = runs.length > 0;
    if (!isLabel && repository.hasBatches) {
      for (const { opening } of runs) opening.cancelling(batchId);
      if (await repository.moveBatch(batchId, "cancelled", ["pending", "processing"])) {
        cancelled = true;
        // A redo over many batches may be about to open this one, too.
        for (const { opening } of this.#runs.keys()) opening.cancelling(batchId);
      }
    }
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

/** The signal of who joins ends the run, as that of who began it does. */
async function join<U extends UploadRecord>(
  batchId: string,
  { run, ended, asked }: Joinable<U>,
  bounds: RunBounds,
): Promise<BatchResult> {
  for (const name of ["concurrency", "budget"] as const) {
    const value = bounds.asked[name];
    if (value === undefined || value === asked[name]) continue;
    const message = `process: batch ${JSON.stringify(batchId)} is in progress with ${name} ${asked[name] ?? "unset"}, which a call that joins it cannot change to ${value}; leave it out, or wait for the end of the first call`;
    throw new ConfigurationError(message);
  }
  const unlink = forwardAbort(bounds.signal, run.ending);
  try {
    return await ended;
  } finally {
    unlink();
  }
}
