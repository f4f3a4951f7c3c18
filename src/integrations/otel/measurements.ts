import { type Attributes, createNoopMeter, type Meter, metrics } from "@opentelemetry/api";
import type { Runtime, UploadError, UploadEventPayloads, Usage, WorkOutcome, WorkScope } from "../../index.js";
import { createInstruments, type Instruments } from "./instruments.js";
import { ATTRIBUTES, SCOPE } from "./names.js";
import { observeRuntime } from "./runtimes.js";

/** Ends the measurement of one piece of work; `undefined`: nobody knows what came of it. */
export type Measure = (outcome: WorkOutcome | undefined) => void;

/** Metrics of uploads, of calls, and of the runtimes that the plugin is attached to. */
export class Measurements {
  /** `undefined` as long as nobody collects metrics. */
  #instruments: Instruments | undefined;
  #provider: unknown;
  #meter: Meter | undefined;
  /** For each runtime that it is attached to: what ends the observation. */
  readonly #observed = new Map<{ readonly runtime: Runtime }, () => void>();

  constructor(private readonly given: Meter | undefined) {}

  /** Whether anybody collects metrics. */
  get areTaken(): boolean {
    return this.#current() !== undefined;
  }

  /** @returns `undefined` where nobody collects metrics */
  begin(scope: WorkScope): Measure | undefined {
    // The same to the end, so that what is counted up is counted down.
    const instruments = this.#current();
    if (instruments === undefined) return undefined;
    const begunAt = performance.now();
    if (scope.kind === "upload") instruments.active.add(1);
    return (outcome) => {
      if (scope.kind === "upload") instruments.active.add(-1);
      if (outcome === undefined) return;
      const seconds = (performance.now() - begunAt) / 1000;
      const attributes: Attributes = { [ATTRIBUTES.outcome]: outcome.outcome };
      if (outcome.error !== undefined) attributes[ATTRIBUTES.errorType] = outcome.error.code;
      if (scope.kind === "upload") {
        instruments.uploadDuration.record(seconds, attributes);
        if (outcome.countsAsAttempt && outcome.error !== undefined) addRetry(instruments, outcome.error);
        return;
      }
      attributes[ATTRIBUTES.stage] = scope.stage;
      instruments.stageDuration.record(seconds, attributes);
      if (outcome.usage !== undefined) addUsage(instruments, scope.stage, outcome.usage);
    };
  }

  retried({ error }: UploadEventPayloads["upload:retry"]): void {
    const instruments = this.#current();
    if (instruments !== undefined) addRetry(instruments, error);
  }

  /** Shows the state of a runtime whenever metrics are collected. @returns what ends that */
  observe(runtime: Runtime): () => void {
    this.#current();
    const key = { runtime };
    this.#observed.set(key, this.#observe(runtime));
    return () => {
      this.#observed.get(key)?.();
      this.#observed.delete(key);
    };
  }

  /** The API hands out meters that do nothing before an SDK is registered, and these never change: so they are asked for anew. */
  #current(): Instruments | undefined {
    const provider = this.given ?? metrics.getMeterProvider();
    if (provider === this.#provider) return this.#instruments;
    this.#provider = provider;
    const meter = this.given ?? metrics.getMeter(SCOPE);
    this.#meter = meter === createNoopMeter() ? undefined : meter;
    this.#instruments = this.#meter && createInstruments(this.#meter);
    for (const [key, end] of this.#observed) {
      end();
      this.#observed.set(key, this.#observe(key.runtime));
    }
    return this.#instruments;
  }

  #observe(runtime: Runtime): () => void {
    return this.#meter === undefined ? () => {} : observeRuntime(this.#meter, runtime);
  }
}

/** An attempt failed, and another one follows: here, or when its engine delivers it again. */
function addRetry({ retries }: Instruments, { code, stage }: UploadError): void {
  const attributes: Attributes = { [ATTRIBUTES.errorType]: code };
  if (stage !== null) attributes[ATTRIBUTES.stage] = stage;
  retries.add(1, attributes);
}

function addUsage({ requests, tokens, cost }: Instruments, stage: string, usage: Usage): void {
  const attributes: Attributes = { [ATTRIBUTES.stage]: stage };
  if (usage.model !== undefined) attributes[ATTRIBUTES.model] = usage.model;
  if (usage.requests !== undefined) requests.add(usage.requests, attributes);
  if (usage.cost !== undefined) cost.add(usage.cost, attributes);
  const { inputTokens, outputTokens, totalTokens } = usage;
  const isSplit = inputTokens !== undefined || outputTokens !== undefined;
  const byType = { input: inputTokens, output: outputTokens, total: isSplit ? undefined : totalTokens };
  for (const [type, count] of Object.entries(byType))
    if (count !== undefined) tokens.add(count, { ...attributes, [ATTRIBUTES.tokenType]: type });
}
