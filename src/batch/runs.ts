import { forwardAbort, unlessAborted } from "../async/time.js";
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
  /** Whether any of its calls goes on with a cancelled batch. */
  resumes: boolean;
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
   * Processes a batch of the repository, or joins the run that does: not one that is about to end, which does not look again for
   * what was added.
   *
   * @throws ConfigurationError the run in progress has another concurrency or budget than is asked for
   */
  async process(batchId: string, bounds: RunBounds, resumeCancelled: boolean): Promise<BatchResult> {
    const current = this.#batches.get(batchId);
    if (current?.run.ending.isEnding === false) return join(batchId, current, bounds, resumeCancelled);
    const { durationMs } = this.shared.work.settings.lease;
    const earlier = [...this.#runs].filter(([run]) => run.scope.batchId === batchId && run.ending.isEnding);
    const ends = earlier.map(([, ended]) => ended);
    // Begun at once, though it waits: so it can be cancelled, and is ended by `close`.
    const { run, ended } = this.#begin({ batchId, isStored: true }, bounds, async (each) => {
      if (ends.length > 0) await unlessAborted(Promise.allSettled(ends), each.stopping);
      return processBatch(each, batchId, () => joinable.resumes, durationMs);
    });
    const joinable = { run, ended, asked: bounds.asked, resumes: resumeCancelled };
    this.#batches.set(batchId, joinable);
    try {
      return await ended;
    } finally {
      if (this.#batches.get(batchId)?.run === run) this.#batches.delete(batchId);
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
    run.opening.comeBehind(Array.from(this.#runs.keys(), ({ opening }) => opening));
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
  joinable: Joinable<U>,
  bounds: RunBounds,
  resumeCancelled: boolean,
): Promise<BatchResult> {
  const { run, ended, asked } = joinable;
  for (const name of ["concurrency", "budget"] as const) {
    const value = bounds.asked[name];
    if (value === undefined || value === asked[name]) continue;
    const message = `process: batch ${JSON.stringify(batchId)} is in progress with ${name} ${asked[name] ?? "unset"}, which a call that joins it cannot change to ${value}; leave it out, or wait for the end of the first call`;
    throw new ConfigurationError(message);
  }
  joinable.resumes ||= resumeCancelled;
  run.calls++;
  const unlink = forwardAbort(bounds.signal, run.ending);
  try {
    return await ended;
  } finally {
    unlink();
  }
}
