import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { memoryRepository } from "../../src/adapters/memory.js";
import { BatchProcessor, type BatchResult, type RepositoryAdapter, type UploadRecord } from "../../src/index.js";
import { jpeg } from "../support/image.js";

// Decoding takes real time, in threads that no fake clock can stop.
vi.mock("../../src/media/thumbnail.ts", () => ({
  makeThumbnail: async () => ({ data: new Uint8Array(1), contentType: "image/jpeg", width: 1, height: 1 }),
}));

/**
 * Random batches under random faults: several processors on one repository, with errors before and after the effect,
 * latency up to lost leases, models that hang, fail and ignore their signal, deletions, aborts, pauses, restarts and
 * crashes. Whatever happens, the invariants hold, and a healthy worker brings everything to its end.
 *
 * INVARIANT_RUNS sets how many, INVARIANT_SEED repeats a failure.
 */
const RUNS = Number(process.env.INVARIANT_RUNS ?? 300);
const LEASE_MS = 6000;
const LONGEST_RUN_MS = 3_600_000;

interface Action {
  readonly atMs: number;
  readonly kind: "delete" | "abort" | "pause" | "resume" | "restart" | "crash" | "signal";
  readonly worker: number;
  readonly upload: number;
}

interface Scenario {
  readonly uploads: readonly ("pending" | "interrupted" | "described" | "embedded" | "completed" | "failed")[];
  readonly workers: number;
  readonly concurrency: number;
  readonly maxAttempts: number;
  /** 0 to 1: how many calls of an adapter go wrong. */
  readonly faults: number;
  readonly seed: number;
  readonly actions: readonly Action[];
}

const scenarios: fc.Arbitrary<Scenario> = fc.record({
  uploads: fc.array(
    fc.constantFrom("pending", "pending", "pending", "interrupted", "described", "embedded", "completed", "failed"),
    { minLength: 1, maxLength: 12 },
  ),
  workers: fc.integer({ min: 1, max: 3 }),
  concurrency: fc.integer({ min: 1, max: 4 }),
  maxAttempts: fc.integer({ min: 1, max: 3 }),
  faults: fc.constantFrom(0, 0.02, 0.1, 0.3),
  seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  actions: fc.array(
    fc.record({
      atMs: fc.integer({ min: 0, max: 30_000 }),
      kind: fc.constantFrom("delete", "abort", "pause", "resume", "restart", "crash", "signal"),
      worker: fc.nat(2),
      upload: fc.nat(11),
    }),
    { maxLength: 6 },
  ),
});

/** mulberry32: small, and good enough to spread faults. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const later = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

function recordOf(kind: Scenario["uploads"][number], index: number): UploadRecord {
  const base = { id: `u${index}`, storageKey: `k${index}`, batchId: "b" } as const;
  switch (kind) {
    case "pending":
      return { ...base, status: "pending" };
    case "interrupted":
      return { ...base, status: "analyzing", starts: 1 };
    case "described":
      return { ...base, status: "embedding", starts: 1, description: "before" };
    case "embedded":
      return { ...base, status: "pending", description: "before", embedding: [1] };
    case "completed":
      return { ...base, status: "completed", description: "before", embedding: [1] };
    case "failed":
      return { ...base, status: "failed", errorCode: "DESCRIBE_FAILED" };
  }
}

/** What a worker knows of the claim that it works under. */
interface Held {
  readonly fence: number;
  readonly calls: { describe: number; embed: number };
  described: boolean;
  embedded: boolean;
  lost: boolean;
  completed: boolean;
}

class World {
  readonly objects = new Set<string>();
  readonly problems: string[] = [];
  readonly repository;
  readonly #random;
  readonly #fences = new Map<string, number>();

  constructor(readonly scenario: Scenario) {
    this.#random = randomFrom(scenario.seed);
    this.repository = memoryRepository<UploadRecord>({
      uploads: scenario.uploads.map(recordOf),
      batches: [{ id: "b", status: "pending" }],
    });
  }

  claimed(id: string, fence: number): void {
    if (fence <= (this.#fences.get(id) ?? 0)) this.problems.push(`${id}: the fence ${fence} did not increase`);
    this.#fences.set(id, fence);
  }

  chance(rate: number): boolean {
    return this.#random() < rate;
  }

  between(min: number, max: number): number {
    return min + this.#random() * (max - min);
  }
}

class Worker {
  readonly processor: BatchProcessor<UploadRecord>;
  readonly stop = new AbortController();
  readonly ended: Promise<BatchResult | Error>;
  dead = false;
  readonly #held = new Map<string, Held>();
  readonly #settled = new Map<string, number>();
  readonly #progress = new Map<string, number>();
  readonly aborted = new Set<string>();

  constructor(
    private readonly world: World,
    private readonly name: string,
    private readonly faults: number,
    resumeCancelled = false,
  ) {
    const { concurrency, maxAttempts } = world.scenario;
    this.processor = new BatchProcessor<UploadRecord>({
      storage: {
        open: (key) => this.#call("storage", async () => ({ bytes: key === "never" ? new Uint8Array() : jpeg })),
        write: (key) => this.#call("storage", async () => void world.objects.add(key)),
        delete: (key) => this.#call("storage", async () => void world.objects.delete(key)),
      },
      ai: {
        describe: (media, { signal }) => this.#model("describe", media.upload, signal, "a text"),
        embed: ({ media }, { signal }) => this.#model("embed", media.upload, signal, [1, 2]),
      },
      repository: this.#repository(),
      concurrency,
      retry: { maxAttempts, minTimeout: 100, maxTimeout: 1000 },
      timeouts: { thumbnailMs: 2000, describeMs: 3000, embedMs: 2000 },
      lease: { durationMs: LEASE_MS, maxStarts: 1000 },
    });
    this.#watchEvents();
    this.ended = this.processor
      .process("b", { signal: this.stop.signal, resumeCancelled })
      .then((result) => this.#check(result))
      .catch((error: Error) => error);
  }

  #problem(text: string): void {
    if (!this.dead) this.world.problems.push(`${this.name}: ${text}`);
  }

  /** An adapter call under faults. A dead worker's calls have no effect, and never an answer that anybody acts upon. */
  async #call<T>(what: string, effect: () => Promise<T>): Promise<T> {
    const { world, faults } = this;
    const dead = () => new Error(`${what}: this worker is dead`);
    if (this.dead) throw dead();
    if (world.chance(0.5)) await later(world.between(0, 30));
    if (world.chance(faults / 10)) await later(world.between(1000, 40_000));
    if (this.dead) throw dead();
    if (world.chance(faults)) throw new Error(`${what}: failed before the effect`);
    const result = await effect();
    if (world.chance(faults)) throw new Error(`${what}: the answer was lost`);
    if (world.chance(0.3)) await later(world.between(0, 30));
    if (this.dead) throw dead();
    return result;
  }

  async #model<T>(stage: "describe" | "embed", upload: UploadRecord, signal: AbortSignal, answer: T): Promise<T> {
    const { world, faults } = this;
    const held = this.#held.get(upload.id);
    if (!held) this.#problem(`${upload.id}: ${stage} without a claim`);
    else {
      if (++held.calls[stage] > world.scenario.maxAttempts) this.#problem(`${upload.id}: too many calls of ${stage}`);
      if (held.lost) this.#problem(`${upload.id}: ${stage} after the claim was lost`);
      if (held.described && stage === "describe") this.#problem(`${upload.id}: described again`);
      if (held.embedded) this.#problem(`${upload.id}: ${stage} again after the embedding`);
    }
    const ignoresSignal = world.chance(faults / 4);
    const duration = world.chance(faults) ? world.between(2000, 20_000) : world.between(0, 400);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, duration);
      if (ignoresSignal) return;
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
    });
    if (world.chance(faults)) throw Object.assign(new Error("overloaded"), { status: 503 });
    if (world.chance(faults / 4)) throw Object.assign(new Error("refused"), { status: 400 });
    return answer;
  }

  #repository() {
    const { repository } = this.world;
    const claimUpload: NonNullable<RepositoryAdapter<UploadRecord>["claimUpload"]> = async (id, request) => {
      const answer = await this.#call("claim", async () => {
        const granted = await repository.claimUpload(id, request);
        if (granted.outcome === "claimed") this.world.claimed(id, granted.fence);
        return granted;
      });
      if (answer.outcome === "claimed") {
        const { description, embedding } = answer.upload;
        this.#held.set(id, {
          ...{ fence: answer.fence, calls: { describe: 0, embed: 0 }, lost: false, completed: false },
          ...{ described: Boolean(description), embedded: Boolean(embedding?.length) },
        });
      }
      return answer;
    };
    const updateUpload: RepositoryAdapter<UploadRecord>["updateUpload"] = async (id, changes, claim) => {
      const sentAt = performance.now();
      const outcome = await this.#call("update", () => repository.updateUpload(id, changes, claim));
      // Nobody waits longer for an answer: to the worker this write has failed.
      if (performance.now() - sentAt >= 30_000) return outcome;
      const held = this.#held.get(id);
      if (held !== undefined && held.fence === claim?.fence) {
        if (outcome !== "saved") held.lost = true;
        else if (changes.description) held.described = true;
        if (outcome === "saved" && changes.status === "completed") held.completed = true;
      }
      return outcome;
    };
    return {
      claimUpload,
      updateUpload,
      findUpload: (id: string) => this.#call("find", () => repository.findUpload(id)),
      findBatch: (id: string) => this.#call("findBatch", () => repository.findBatch(id)),
      updateBatch: (...args: Parameters<typeof repository.updateBatch>) =>
        this.#call("updateBatch", () => repository.updateBatch(...args)),
      listUploads: (...args: Parameters<typeof repository.listUploads>) =>
        this.#call("listUploads", () => repository.listUploads(...args)),
      countUploads: (id: string) => this.#call("countUploads", () => repository.countUploads(id)),
      listBatches: (...args: Parameters<typeof repository.listBatches>) =>
        this.#call("listBatches", () => repository.listBatches(...args)),
    };
  }

  #watchEvents(): void {
    const { processor } = this;
    const open = new Set<string>();
    processor.on("upload:started", ({ uploadId }) => {
      if (open.has(uploadId)) this.#problem(`${uploadId}: started twice at once`);
      open.add(uploadId);
      this.#progress.set(uploadId, -1);
    });
    processor.on("upload:progress", ({ uploadId, progress }) => {
      if (!open.has(uploadId)) this.#problem(`${uploadId}: progress outside of its start and end`);
      if (progress < (this.#progress.get(uploadId) ?? -1)) this.#problem(`${uploadId}: progress ran backwards`);
      this.#progress.set(uploadId, progress);
    });
    for (const event of ["upload:retry", "upload:warning"] as const)
      processor.on(event, ({ uploadId }) => {
        if (!open.has(uploadId)) this.#problem(`${uploadId}: ${event} outside of its start and end`);
      });
    processor.on("upload:settled", ({ uploadId, status }) => {
      if (!open.delete(uploadId)) this.#problem(`${uploadId}: settled without a start`);
      this.#settled.set(uploadId, (this.#settled.get(uploadId) ?? 0) + 1);
      if (status === "aborted") this.aborted.add(uploadId);
      const held = this.#held.get(uploadId);
      if ((status === "completed") !== (this.#progress.get(uploadId) === 100))
        this.#problem(`${uploadId}: ${status} at ${this.#progress.get(uploadId)} %`);
      if ((status === "completed") !== held?.completed)
        this.#problem(`${uploadId}: reported as ${status}, acknowledged otherwise`);
    });
    processor.on("batch:settled", () => {
      if (open.size > 0) this.#problem(`settled with ${[...open]} in work`);
    });
  }

  async #check(result: BatchResult): Promise<BatchResult> {
    if (this.dead) return result;
    const { completed, failed, skipped, deleted, aborted, deferred, total } = result;
    const reached = completed + failed + skipped + deleted + aborted + deferred;
    if (total !== null && reached > total) this.#problem(`${reached} outcomes of ${total} uploads`);
    if (result.status === "completed") {
      for (const { id, status } of await this.world.repository.listUploads("b", { limit: 100 }))
        if (status !== "completed" && status !== "failed" && !this.aborted.has(id))
          this.#problem(`completed the batch while ${id} is ${status}`);
    }
    return result;
  }
}

async function run(scenario: Scenario): Promise<void> {
  const world = new World(scenario);
  const workers = Array.from({ length: scenario.workers }, (_, n) => new Worker(world, `worker ${n}`, scenario.faults));
  const everybody = [...workers];
  const replace = (place: number, name: string) => {
    const worker = new Worker(world, name, scenario.faults);
    workers[place] = worker;
    everybody.push(worker);
  };
  const act = async ({ atMs, kind, worker: index, upload }: Action) => {
    await later(atMs);
    const place = index % workers.length;
    const worker = workers[place] as Worker;
    const id = `u${upload % scenario.uploads.length}`;
    if (kind === "delete") {
      // As a delete endpoint does it: the row first.
      await world.repository.deleteUpload(id);
      worker.processor.abortUpload(id);
      world.objects.delete(`thumbnails/${id}.jpg`);
    } else if (kind === "abort") {
      // Also one whose claim is only being asked for: it is aborted without having started.
      if (worker.processor.abortUpload(id)) worker.aborted.add(id);
    } else if (kind === "pause") {
      worker.processor.pause();
      setTimeout(() => worker.processor.resume(), 5000);
    } else if (kind === "resume") worker.processor.resume();
    else if (kind === "signal") worker.stop.abort(new Error("stopped"));
    else if (kind === "restart") {
      await worker.processor.close({ graceMs: 500 });
      replace(place, `worker ${place} again`);
    } else {
      worker.dead = true;
      replace(place, `worker ${place} after a crash`);
    }
  };
  const all: Promise<unknown>[] = scenario.actions.map(act);
  await settle(Promise.all(all).then(() => Promise.all(everybody.map(({ ended }) => ended))));

  const healthy = new Worker(world, "the healthy worker", 0, true);
  const result = await settle(healthy.ended);
  if (result instanceof Error) throw result;
  expect(result.status).toBe("completed");
  const uploads = await world.repository.listUploads("b", { limit: 100 });
  for (const { id, status, description, embedding, starts } of uploads) {
    if (status !== "completed" && status !== "failed") world.problems.push(`${id} is left ${status}`);
    if (status === "completed" && !(description && embedding?.length))
      world.problems.push(`${id} is completed without its results`);
    if (status === "completed" && description !== "before" && starts !== 0)
      world.problems.push(`${id}: starts ${starts}`);
  }
  const { faults, actions } = scenario;
  for (const { id, thumbnailKey } of uploads)
    if (thumbnailKey && !world.objects.has(thumbnailKey)) world.problems.push(`${id} has lost its thumbnail`);
  // A storage that fails five times in a row keeps what it has, and a worker that dies leaves what it wrote last.
  if (faults <= 0.02 && !actions.some(({ kind }) => kind === "crash")) {
    await vi.advanceTimersByTimeAsync(60_000);
    for (const key of world.objects)
      if (!uploads.some(({ id }) => key === `thumbnails/${id}.jpg`)) world.problems.push(`${key} was left behind`);
  }
  const again = await settle(new Worker(world, "the second run", 0).ended);
  expect(again).toMatchObject({ status: "completed", completed: 0, skipped: uploads.length });
  expect(world.problems).toEqual([]);
}

/** Lets the time pass until the work is done. */
async function settle<T>(work: Promise<T>): Promise<T> {
  let done = false;
  const settled = work.finally(() => {
    done = true;
  });
  settled.catch(() => {});
  for (let passed = 0; !done; passed += 500) {
    if (passed > LONGEST_RUN_MS) throw new Error("the work never ends");
    await vi.advanceTimersByTimeAsync(500);
  }
  return settled;
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test(`the invariants hold over ${RUNS} random runs`, { timeout: 10_000 + RUNS * 200 }, async () => {
  const seed = process.env.INVARIANT_SEED;
  await fc.assert(
    fc.asyncProperty(scenarios, async (scenario) => {
      await run(scenario);
      // What an adapter that ignores its signal waits for is not ours, and neither is what it does late: it is let run out.
      for (let passed = 0; vi.getTimerCount() > 0 && passed < 600_000; passed += 10_000)
        await vi.advanceTimersByTimeAsync(10_000);
      expect(vi.getTimerCount()).toBe(0);
    }),
    { numRuns: RUNS, ...(seed !== undefined && { seed: Number(seed) }) },
  );
});
