import {
  BatchProcessor,
  ConfigurationError,
  type EngineAttempt,
  type Plugin,
  type ProcessOptions,
  type UploadAdapters,
  UploadError,
  type UploadEventName,
  type UploadListeners,
  type UploadRecord,
} from "../../index.js";
import { Batches, type BatchListener } from "./batches.js";
import type { JobData } from "./job-data.js";
import { type Outcome, outcomeOf } from "./outcome.js";

/** What an engine tells itself is no option. */
export type EngineOptions<U extends UploadRecord> = Omit<ProcessOptions<U>, "signal" | "attempt"> & BatchListener;

/** What the engine says of one delivery of a job. */
export interface Delivery {
  readonly attempt: EngineAttempt;
  readonly signal: AbortSignal | undefined;
  /** The same for every delivery of a job, and another one for the next job of the same upload. */
  readonly name: string;
}

export interface Worked {
  readonly outcome: Outcome;
  readonly status: Awaited<ReturnType<BatchProcessor["processUpload"]>>["status"];
  /** In milliseconds. */
  readonly durationMs: number;
}

/** What the deployment lacks is not there a second later either. In milliseconds. */
const DEPLOYMENT_WAIT_MS = 30_000;

/** Jobs that wait for money to be added would claim their uploads, and let go of them, all the time. In milliseconds. */
const BUDGET_WAIT_MS = 30_000;

/** The work on the uploads of one worker: its options are read once, and its jobs share slots, breaker and budget. */
export class UploadWork<U extends UploadRecord> {
  readonly #processor: BatchProcessor<U>;
  readonly batches: Batches<U>;
  readonly #rerun: ProcessOptions<U>["rerun"];
  /** What was left of the budget when it was told to be used up: until it is added to, that only goes down. */
  #leftWhenTold: number | undefined;

  /**
   * @param report gets what keeps all jobs waiting (a service that is down, a budget that is used up, what the deployment lacks, a
   *   repository that cannot be reached), and what `onBatchSettled` throws
   * @throws ConfigurationError as `processUploadWithRetry` does
   */
  constructor(
    adapters: UploadAdapters<U>,
    options: EngineOptions<U>,
    private readonly report: (thrown: unknown) => void,
  ) {
    if (typeof options !== "object" || options === null)
      throw new ConfigurationError(`options: expected an object, got ${options === null ? "null" : typeof options}`);
    const { events, onProgress, onBatchSettled, rerun, plugins, ...rest } = options;
    requireNoneOfProcessors(rest);
    if (events !== undefined && typeof events.emit !== "function")
      throw new ConfigurationError("options.events: expected an UploadEventEmitter");
    const listening: Plugin<U>[] = [{ on: { "breaker:opened": ({ error }) => report(error) } }];
    if (events !== undefined) listening.push({ on: forwardTo(events) });
    if (onProgress !== undefined) listening.push({ on: { "upload:progress": onProgress } });
    this.#rerun = rerun;
    this.#processor = new BatchProcessor<U>({
      ...rest,
      storage: adapters.storage,
      ai: adapters.ai,
      repository: adapters.repository,
      plugins: Array.isArray(plugins ?? []) ? [...(plugins ?? []), ...listening] : plugins,
      concurrency: Number.MAX_SAFE_INTEGER, // the engine decides how many jobs it hands out
    });
    this.batches = new Batches(adapters.repository, onBatchSettled, report);
  }

  /**
   * One delivery of a job: one attempt at its upload. What is not the upload's fault, also that the deployment lacks something or
   * that the repository cannot be reached, comes out as `delayed`, with no attempt used.
   */
  async run({ uploadId, batchId }: JobData, { attempt, signal, name }: Delivery): Promise<Worked> {
    const startedAt = performance.now();
    this.#lookAtBudget();
    try {
      const rerun = typeof this.#rerun === "string" ? { mode: this.#rerun, name } : this.#rerun;
      const result = await this.#processor.processUpload(uploadId, { attempt, signal, rerun });
      const outcome = this.#awaitingBudget(await outcomeOf(result, (id) => this.batches.repository.findUpload(id)));
      // A result that tells the record saves looking up whether it belongs to a batch.
      if (result.status === "completed") await this.batches.settle(result.upload.batchId);
      else if (outcome.kind === "done" || outcome.kind === "failed") await this.batches.settleOf(uploadId, batchId);
      return { outcome, status: result.status, durationMs: Math.round(result.durationMs) };
    } catch (error) {
      if (!UploadError.isInstance(error) || error.fault === "upload") throw error;
      this.report(error);
      const retryAfterMs = error.fault === "deployment" ? DEPLOYMENT_WAIT_MS : error.retryAfterMs;
      const outcome = { kind: "delayed", error, retryAfterMs, counts: false } as const;
      return { outcome, status: "deferred", durationMs: Math.round(performance.now() - startedAt) };
    }
  }

  /** Told once, and again when it was added to and is used up again. */
  #awaitingBudget(outcome: Outcome): Outcome {
    if (outcome.kind !== "delayed" || outcome.error.code !== "BUDGET_EXHAUSTED") return outcome;
    this.#lookAtBudget();
    if (this.#leftWhenTold === undefined) this.report(outcome.error);
    this.#leftWhenTold ??= this.#budgetLeft;
    return { ...outcome, retryAfterMs: BUDGET_WAIT_MS };
  }

  #lookAtBudget(): void {
    if (this.#leftWhenTold !== undefined && this.#budgetLeft > this.#leftWhenTold) this.#leftWhenTold = undefined;
  }

  get #budgetLeft(): number {
    return this.#processor.runtime.health().budgetLeft ?? 0;
  }

  /** Detaches the plugins; what is in work is handed back. */
  close(): Promise<void> {
    return this.#processor.close({ graceMs: 0 });
  }
}

const OF_AN_ENGINE = {
  retry: true,
  thumbnail: true,
  renditions: true,
  placeholder: true,
  facts: true,
  vision: true,
  input: true,
  timeouts: true,
  decoders: true,
  runtime: true,
  stages: true,
  plugins: true,
  lease: true,
  audit: true,
  logger: true,
  events: true,
  onProgress: true,
  rerun: true,
  onBatchSettled: true,
} as const satisfies { readonly [Name in keyof EngineOptions<UploadRecord>]-?: true };

const OWN_RUNTIME = "make a runtime of it, with createRuntime, and give that as runtime";

/** What a `BatchProcessor` takes and jobs do not: it would be taken silently here, and documented nowhere. */
const OF_A_PROCESSOR: Readonly<Record<string, string>> = {
  concurrency: "how many uploads are in work at once is an option of the engine's worker",
  limits: OWN_RUNTIME,
  breaker: OWN_RUNTIME,
  budget: OWN_RUNTIME,
  storage: "adapters are an argument of their own",
  ai: "adapters are an argument of their own",
  repository: "adapters are an argument of their own",
};

function requireNoneOfProcessors(options: object): void {
  for (const [name, given] of Object.entries(options)) {
    if (given === undefined || !Object.hasOwn(OF_A_PROCESSOR, name)) continue;
    const known = Object.keys(OF_AN_ENGINE).join(", ");
    throw new ConfigurationError(`options.${name}: unknown; ${OF_A_PROCESSOR[name]}. Known are ${known}`);
  }
}

/** What can happen to single uploads. */
const EVENTS = [
  "upload:started",
  "upload:progress",
  "upload:retry",
  "upload:warning",
  "upload:settled",
  "breaker:opened",
  "breaker:closed",
] as const satisfies readonly UploadEventName[];

function forwardTo<U extends UploadRecord>(events: NonNullable<ProcessOptions<U>["events"]>): UploadListeners<U> {
  const emit = events.emit.bind(events) as (name: UploadEventName, payload: unknown) => boolean;
  return Object.fromEntries(EVENTS.map((name) => [name, (payload: unknown) => emit(name, payload)]));
}
