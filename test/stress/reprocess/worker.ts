import {
  BatchProcessor,
  type BatchRepositoryAdapter,
  type StageContext,
  UploadError,
  type UploadRecord,
} from "../../../src/index.js";
import { jpeg } from "../../support/image.js";
import { count, type Gallery, type ModelStage, type ModelVersion, vectorOf } from "./gallery.js";
import type { History } from "./history.js";

export const LEASE_MS = 6000;

/** A process of its own, as far as the gallery can tell: a processor with the models of its time. */
export class Worker {
  readonly processor: BatchProcessor<UploadRecord>;
  readonly version: ModelVersion;
  /** From now on its calls have no effect, and never an answer that anybody acts upon. */
  isDead = false;
  /** The runs that it was told to make. */
  readonly runs: Promise<unknown>[] = [];
  /** What was paid for and is not stored yet, by stage and upload. */
  readonly #unstored = new Map<string, string>();

  constructor(
    readonly name: string,
    private readonly gallery: Gallery,
    private readonly history: Pick<History, "concurrency" | "maxAttempts" | "keyByVersion" | "faults">,
    private readonly random: () => number,
  ) {
    const { concurrency, maxAttempts, keyByVersion } = history;
    const { version } = gallery;
    this.version = version;
    const { thumbnails } = gallery;
    this.processor = new BatchProcessor<UploadRecord>({
      storage: {
        open: () => this.#call("open", async () => ({ bytes: jpeg })),
        write: (key) => this.#call("write", async () => void thumbnails.add(key)),
        delete: (key) =>
          this.#call("delete", async () => {
            thumbnails.delete(key);
            await gallery.lookAtAll();
          }),
      },
      ai: {
        version,
        describe: ({ upload }, context) =>
          this.#model("describe", upload.id, context, () => gallery.describe(version, upload.id)),
        embed: ({ text, media }, context) =>
          this.#model("embed", media.upload.id, context, () => vectorOf(text, version.embed)),
      },
      repository: this.#repository(),
      concurrency,
      retry: { maxAttempts, minTimeout: 100, maxTimeout: 1000 },
      breaker: { cooldownMs: 2000 },
      lease: { durationMs: LEASE_MS, maxStarts: 1_000_000 },
      ...(keyByVersion && {
        thumbnail: { key: ({ id }: UploadRecord) => `thumbnails/${id}-${version.describe}-${version.embed}.jpg` },
      }),
    });
  }

  /**
   * What it is told to do; a processor that was closed meanwhile says so.
   *
   * @param mayReject whether it may say that the store cannot be reached, instead of waiting for it
   */
  told(run: (processor: BatchProcessor<UploadRecord>) => Promise<unknown>, mayReject = false): void {
    const running = run(this.processor).catch((error: Error) => {
      if (mayReject && error.name === "RepositoryError") return;
      if (!this.isDead && !error.message.includes("is closed"))
        this.gallery.problems.push(`${this.name}: ${error.stack}`);
    });
    this.runs.push(running);
  }

  /** As `kill -9` does it: what it has not stored is lost. */
  kill(): void {
    this.isDead = true;
    this.#lose();
    void this.processor.close({ graceMs: 0 });
  }

  async close(): Promise<void> {
    const before = this.gallery.outages;
    const wasDown = this.gallery.isStoreDown;
    await this.processor.close({ graceMs: 500 });
    // What could not be handed back because the store was down is lost.
    if (wasDown || this.gallery.outages > before) this.#lose();
  }

  /** What is not stored yet, of one upload or of all, may be paid for again. */
  #lose(id?: string): void {
    for (const [name, work] of [...this.#unstored]) {
      if (id !== undefined && !name.endsWith(` ${id}`)) continue;
      count(this.gallery.lost, work);
      this.#unstored.delete(name);
    }
  }

  async #call<T>(what: string, effect: () => Promise<T>): Promise<T> {
    const fails = (how: string) => {
      if (this.isDead) throw new Error(`${what}: this worker is dead`);
      if (this.random() < this.history.faults) throw Object.assign(new Error(`${what}: ${how}`), { status: 503 });
    };
    if (this.random() < 0.5) await later(this.random() * 30);
    fails("failed before the effect");
    const result = await effect();
    fails("the answer was lost");
    return result;
  }

  #stored<T>(what: string, effect: () => Promise<T>): Promise<T> {
    return this.#call(what, () => {
      if (this.gallery.isStoreDown) throw Object.assign(new Error("connection refused"), { code: "ECONNREFUSED" });
      return effect();
    });
  }

  async #model<T>(stage: ModelStage, id: string, context: StageContext, answer: () => T): Promise<T> {
    const { gallery } = this;
    const { signal, idempotencyKey } = context;
    const upload = await gallery.repository.findUpload(id);
    if (upload !== null && !this.isDead && !signal.aborted) gallery.judgeCall(stage, upload, this.version);
    await later(this.random() * 400);
    signal.throwIfAborted();
    if (this.isDead) throw new Error("this worker is dead");
    if (gallery.isModelDown) throw Object.assign(new Error("overloaded"), { status: 503 });
    if (stage === "describe" && gallery.isStubborn(id)) throw new UploadError("declined", { code: "CONTENT_REFUSED" });
    const work = `${idempotencyKey} of ${gallery.workOn(id)}`;
    count(gallery.paid, work);
    this.#unstored.set(`${stage} ${id}`, work);
    return answer();
  }

  #repository(): BatchRepositoryAdapter<UploadRecord> {
    const { gallery } = this;
    const { repository } = gallery;
    return {
      findUpload: (id) => this.#stored("find", () => repository.findUpload(id)),
      claimUpload: (id, request) => this.#stored("claim", () => this.#looking(id, repository.claimUpload(id, request))),
      updateUpload: (id, changes, claim) =>
        this.#stored("update", async () => {
          const outcome = await this.#looking(id, repository.updateUpload(id, changes, claim));
          // The store was down for longer than the lease: another worker was first to come back, and did not know of it.
          if (outcome === "stale" && gallery.outages > 0) this.#lose(id);
          if (outcome !== "saved" && outcome !== "cancelled") return outcome;
          if (changes.description || changes.draft?.description) this.#unstored.delete(`describe ${id}`);
          if (changes.embedding || changes.draft?.embedding) this.#unstored.delete(`embed ${id}`);
          return outcome;
        }),
      resetUploads: (...args) =>
        this.#stored("reset", async () => {
          const reading = repository.listUploads(args[0], { limit: 100 });
          const resetting = repository.resetUploads(...args);
          const after = await gallery.lookAtAll();
          gallery.noteResets(await reading, after);
          return resetting;
        }),
      findBatch: (id) => this.#stored("findBatch", () => repository.findBatch(id)),
      updateBatch: (...args) => this.#stored("updateBatch", () => repository.updateBatch(...args)),
      listUploads: (...args) => this.#stored("list", () => repository.listUploads(...args)),
      countUploads: (...args) => this.#stored("count", () => repository.countUploads(...args)),
      listBatches: (...args) => this.#stored("listBatches", () => repository.listBatches(...args)),
    };
  }

  /** Looks at the row right behind a change of it. */
  async #looking<T>(id: string, changing: Promise<T>): Promise<T> {
    await this.gallery.look(id);
    return changing;
  }
}

export const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
