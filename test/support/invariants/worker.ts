import { getEventListeners } from "node:events";
import {
  BatchProcessor,
  type BatchResult,
  type RepositoryAdapter,
  type RerunMode,
  type UploadRecord,
} from "../../../src/index.js";
import { jpeg } from "../image.js";
import { Conduct } from "./conduct.js";
import type { Store } from "./store.js";

/** The library waits so long for a repository's answer: what arrives there later is a late write. */
const ANSWER_LIMIT_MS = 30_000;
export const LEASE_MS = 6000;
/** Of the model: what was made before has none. */
export const VERSION = "v1";

export interface WorkerOptions {
  readonly name: string;
  readonly concurrency: number;
  readonly maxAttempts: number;
  readonly maxStarts?: number;
  readonly claims: boolean;
  /** Whether any of the workers does again what is settled. */
  readonly repeats?: boolean;
  /** 0 to 1: how many calls of an adapter go wrong. */
  readonly faults: number;
  readonly random: () => number;
  readonly resumeCancelled?: boolean;
  /** The upload that takes the worker down when it is described. */
  readonly poison?: { readonly id: string; readonly strikes: () => void };
}

/** A process of its own, as far as the store can tell: a processor over adapters that go wrong, until it is done or dead. */
export class Worker {
  readonly processor: BatchProcessor<UploadRecord>;
  readonly stop = new AbortController();
  readonly ended: Promise<BatchResult | Error>;
  readonly conduct: Conduct;
  /** What it was told to do again. */
  readonly reruns: Promise<unknown>[] = [];
  /** From now on its calls have no effect, and never an answer that anybody acts upon. */
  dead = false;

  constructor(
    private readonly store: Store,
    private readonly options: WorkerOptions,
  ) {
    const { concurrency, maxAttempts, maxStarts = 1000 } = options;
    this.conduct = new Conduct(store, maxAttempts, options.repeats ?? false, (problem) => {
      if (!this.dead) store.problems.push(`${options.name}: ${problem}`);
    });
    this.processor = new BatchProcessor<UploadRecord>({
      storage: {
        open: () => this.#call("storage", async () => ({ bytes: jpeg })),
        write: (key) => this.#call("storage", async () => void store.objects.add(key)),
        delete: (key) => this.#call("storage", async () => void store.objects.delete(key)),
      },
      ai: {
        describe: (media, { signal }) => this.#model("describe", media.upload, signal, "a text"),
        embed: ({ media }, { signal }) => this.#model("embed", media.upload, signal, [1, 2]),
        version: VERSION,
      },
      repository: this.#repository(),
      concurrency,
      breaker: { threshold: 3, cooldownMs: 1000 },
      retry: { maxAttempts, minTimeout: 100, maxTimeout: 1000 },
      timeouts: { thumbnailMs: 2000, describeMs: 3000, embedMs: 2000 },
      lease: { durationMs: LEASE_MS, maxStarts },
    });
    this.conduct.watch(this.processor);
    const { resumeCancelled = false } = options;
    this.ended = this.processor
      .process("b", { signal: this.stop.signal, resumeCancelled })
      .then(async (result) => {
        await this.conduct.check(result);
        const listeners = getEventListeners(this.stop.signal, "abort").length;
        if (listeners > 0) this.conduct.report(`${listeners} listeners are left on the caller's signal`);
        return result;
      })
      .catch((error: Error) => error);
  }

  /** From now on it is as if it had never been, but for what it has written. */
  die(): void {
    this.dead = true;
    // Nobody is left who could wait for it: what it still does has no effect.
    void this.processor.close({ graceMs: 0 });
  }

  rerun(how: RerunMode | "undo", name: string): void {
    const { processor } = this;
    const selection = { batchId: "b" } as const;
    const done = async () => (how === "undo" ? processor.undo(selection) : processor.rerun(selection, how, { name }));
    this.reruns.push(done().catch((error: unknown) => error));
  }

  /** A call of an adapter under faults. */
  async #call<T>(what: string, effect: () => Promise<T>): Promise<T> {
    const { faults, claims } = this.options;
    const dead = () => new Error(`${what}: this worker is dead`);
    if (this.dead) throw dead();
    if (this.#chance(0.5)) await later(this.#between(0, 30));
    // Nothing keeps a write without a claim, a cancel or a reset from landing after it was given up; `recover` takes up a late reset.
    const mayBeLate = claims && what !== "updateBatch" && what !== "reset";
    if (this.#chance(faults / 10)) await later(this.#between(1000, mayBeLate ? 40_000 : ANSWER_LIMIT_MS - 5000));
    if (this.dead) throw dead();
    if (this.#chance(faults)) throw new Error(`${what}: failed before the effect`);
    const result = await effect();
    if (this.#chance(faults)) throw new Error(`${what}: the answer was lost`);
    if (this.#chance(0.3)) await later(this.#between(0, 30));
    if (this.dead) throw dead();
    return result;
  }

  async #model<T>(stage: "describe" | "embed", upload: UploadRecord, signal: AbortSignal, answer: T): Promise<T> {
    const { faults, poison } = this.options;
    this.conduct.calls(stage, upload.id);
    const ignoresSignal = this.#chance(faults / 4);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, this.#chance(faults) ? this.#between(2000, 20_000) : this.#between(0, 400));
      if (ignoresSignal) return;
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
    });
    if (poison?.id === upload.id && stage === "describe" && !this.dead) {
      this.die();
      poison.strikes();
    }
    if (this.#chance(faults)) throw Object.assign(new Error("overloaded"), { status: 503 });
    if (this.#chance(faults / 4)) throw Object.assign(new Error("refused"), { status: 400 });
    return answer;
  }

  #repository() {
    const { store, conduct } = this;
    const { repository } = store;
    const claimUpload: NonNullable<RepositoryAdapter<UploadRecord>["claimUpload"]> = async (id, request) => {
      const sentAt = performance.now();
      const answer = await this.#call("claim", () => store.claimUpload(id, request));
      // Nobody acts upon an answer that comes later.
      if (answer.outcome === "claimed" && performance.now() - sentAt < ANSWER_LIMIT_MS)
        conduct.claimed(answer.upload, answer.fence);
      return answer;
    };
    const updateUpload: RepositoryAdapter<UploadRecord>["updateUpload"] = async (id, changes, claim) => {
      if (this.options.claims && claim === undefined) conduct.report(`${id}: written without a fence`);
      const sentAt = performance.now();
      const outcome = await this.#call("update", () => store.updateUpload(id, changes, claim));
      // Nobody waits longer for an answer: to the worker this write has failed.
      if (performance.now() - sentAt >= ANSWER_LIMIT_MS) return outcome;
      const begins = claim === undefined && changes.status === "analyzing" && changes.starts !== undefined;
      const upload = begins ? await repository.findUpload(id) : null;
      if (upload) conduct.claimed(upload, undefined);
      else conduct.acknowledged(id, changes, claim?.fence, outcome);
      return outcome;
    };
    return {
      ...(this.options.claims && {
        claimUpload,
        resetUploads: (...args: Parameters<typeof repository.resetUploads>) =>
          this.#call("reset", () => store.resetUploads(...args)),
      }),
      updateUpload,
      findUpload: (id: string) => this.#call("find", () => repository.findUpload(id)),
      findBatch: (id: string) => this.#call("findBatch", () => repository.findBatch(id)),
      updateBatch: (...args: Parameters<typeof repository.updateBatch>) =>
        this.#call("updateBatch", () => store.updateBatch(this.#resumesCancelled, ...args)),
      listUploads: (...args: Parameters<typeof repository.listUploads>) =>
        this.#call("listUploads", () => repository.listUploads(...args)),
      countUploads: (...args: Parameters<typeof repository.countUploads>) =>
        this.#call("countUploads", () => repository.countUploads(...args)),
      listBatches: (...args: Parameters<typeof repository.listBatches>) =>
        this.#call("listBatches", () => repository.listBatches(...args)),
    };
  }

  /** Told to, or where it resets uploads one by one, and their batch in a write of its own. */
  get #resumesCancelled(): boolean {
    return (this.options.resumeCancelled ?? false) || (!this.options.claims && this.reruns.length > 0);
  }

  #chance(rate: number): boolean {
    return this.options.random() < rate;
  }

  #between(min: number, max: number): number {
    return min + this.options.random() * (max - min);
  }
}

export const later = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
