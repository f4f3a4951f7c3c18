import { cleanText } from "../clean-text.js";
import type { Usage } from "../contracts/ai.js";

/** One call, or a sum of calls. Every field is there from the start: V8 is slow with objects that get their fields one by one. */
export class UsageSum {
  inputTokens: number | undefined = undefined;
  outputTokens: number | undefined = undefined;
  totalTokens: number | undefined = undefined;
  requests: number | undefined = undefined;
  images: number | undefined = undefined;
  durationMs: number | undefined = undefined;
  cost: number | undefined = undefined;
  model: string | undefined = undefined;

  /** Takes over what an adapter told: numbers, and the model's name. Less than nothing would give a budget back. */
  read(told: unknown): this {
    if (typeof told !== "object" || told === null) return this;
    const values = told as Readonly<Record<string, unknown>>;
    for (const key of NUMBERS) {
      const value = values[key];
      if (typeof value === "number" && Number.isFinite(value) && value >= 0) this[key] = value;
    }
    if (typeof values.model === "string") this.model = cleanText(values.model);
    return this;
  }

  add(usage: UsageSum): void {
    this.inputTokens = sum(this.inputTokens, usage.inputTokens);
    this.outputTokens = sum(this.outputTokens, usage.outputTokens);
    this.totalTokens = sum(this.totalTokens, usage.totalTokens);
    this.requests = sum(this.requests, usage.requests);
    this.images = sum(this.images, usage.images);
    this.durationMs = sum(this.durationMs, usage.durationMs);
    this.cost = sum(this.cost, usage.cost);
    if (usage.model !== undefined) this.model = usage.model;
  }

  /** Whether the adapter told anything, besides what the library counts itself. */
  get isTold(): boolean {
    const { inputTokens, outputTokens, totalTokens, images, cost, model } = this;
    return (inputTokens ?? outputTokens ?? totalTokens ?? images ?? cost ?? model) !== undefined;
  }

  /** With the fields alone that are known. Frozen: results and events share it. */
  toUsage(): Usage {
    const { requests, durationMs } = this;
    // Most adapters tell nothing. V8 is slow with objects whose keys it does not know beforehand.
    if (requests !== undefined && durationMs !== undefined && !this.isTold)
      return Object.freeze({ requests, durationMs });
    const usage: Record<string, number | string> = {};
    for (const key of KEYS) {
      const value = this[key];
      if (value !== undefined) usage[key] = value;
    }
    return Object.freeze(usage);
  }
}

export const NUMBERS = [
  "inputTokens",
  "outputTokens",
  "totalTokens",
  "requests",
  "images",
  "durationMs",
  "cost",
] as const;
const KEYS = [...NUMBERS, "model"] as const;

function sum(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : a + b;
}

/** A sum of usages, over all stages and by stage. */
export class Ledger {
  readonly #total = new UsageSum();
  readonly #byStage = new Map<string, UsageSum>();
  readonly #bookings = new Map<string, number>();

  book(stage: string, usage: UsageSum): void {
    this.#total.add(usage);
    let ofStage = this.#byStage.get(stage);
    if (ofStage === undefined) {
      ofStage = new UsageSum();
      this.#byStage.set(stage, ofStage);
    }
    ofStage.add(usage);
    this.#bookings.set(stage, (this.#bookings.get(stage) ?? 0) + 1);
  }

  /** How often a call of this stage was booked for an upload: a call of many once for each of them. */
  bookings(stage: string): number {
    return this.#bookings.get(stage) ?? 0;
  }

  get usage(): Usage {
    return this.#total.toUsage();
  }

  get usageByStage(): Readonly<Record<string, Usage>> {
    return Object.freeze(Object.fromEntries([...this.#byStage].map(([stage, usage]) => [stage, usage.toUsage()])));
  }

  of(stage: string): Readonly<UsageSum> | undefined {
    return this.#byStage.get(stage);
  }
}
