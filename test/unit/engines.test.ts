import { describe, expect, test, vi } from "vitest";
import {
  type AIAdapter,
  BatchProcessor,
  createRuntime,
  failUpload,
  processUploadWithRetry,
  settleBatch,
  UploadError,
  type UploadRecord,
  type UploadResult,
} from "../../src/index.js";
import { deferred, ids, until, uploadOf, worldOf } from "../support/fakes.js";
import { adaptersOf, finished, inMemory, overStores } from "../support/stores.js";

const gaveUp = new UploadError("The job stalled", { code: "ENGINE_GAVE_UP" });

const quick = { retry: { minTimeout: 1, randomize: false } } as const;
const failure = (status: number, more: object = {}) =>
  Object.assign(new Error(`status ${status}`), { status, ...more });

describe("attempt: what it comes to before the last one, and at it", () => {
  type Outcome = readonly [status: UploadResult["status"], counts?: boolean];
  const FAILED: Outcome = ["failed"];
  const COUNTED: Outcome = ["deferred", true];
  const WAITS: Outcome = ["deferred", false];
  const healthy = { checkHealth: async () => {} };

  test.each<[what: string, error: unknown, before: Outcome, last: Outcome, ai?: Partial<AIAdapter>]>([
    ["an error that tells nothing of itself", new Error("boom"), COUNTED, FAILED],
    ["a failure that is not retried", failure(400), FAILED, FAILED],
    ["a service that is down", failure(503), WAITS, WAITS],
    ["a service that is well, but for this upload", failure(503), COUNTED, FAILED, healthy],
    ["a 429 with a hint", failure(429, { retryAfterMs: 50 }), WAITS, WAITS, healthy],
    ["an account that is refused", failure(402), WAITS, WAITS, healthy],
    ["no connection", Object.assign(new Error("no"), { code: "ECONNREFUSED" }), WAITS, WAITS],
  ])("%s", async (_, error, before, last, more = {}) => {
    const world = worldOf([uploadOf("a"), uploadOf("b")]);
    world.ai.describe.mockRejectedValue(error);
    for (const [id, number, [status, counts]] of [["a", 1, before] as const, ["b", 3, last] as const]) {
      const ai = { ...world.ai, ...more };
      const runtime = createRuntime();
      const result = await processUploadWithRetry(id, { ...world, ai }, { runtime, attempt: { number, max: 3 } });
      expect(result).toMatchObject({ status, ...(counts !== undefined && { countsAsAttempt: counts }) });
      expect(world.ai.describe).toHaveBeenCalledTimes(1);
      world.ai.describe.mockClear();
      const stored = await world.repository.findUpload(id);
      expect(stored).toMatchObject({ status: status === "deferred" ? "pending" : "failed", starts: 0 });
    }
  });

  test("a breaker that is open: no call is made, and no attempt used", async () => {
    const world = worldOf([uploadOf("a"), uploadOf("b")]);
    const runtime = createRuntime({ breaker: { threshold: 1 } });
    world.ai.describe.mockRejectedValue(failure(503));
    await processUploadWithRetry("a", world, { runtime });
    const result = await processUploadWithRetry("b", world, { runtime, attempt: { number: 3, max: 3 } });
    expect(result).toMatchObject({ status: "deferred", countsAsAttempt: false, error: { code: "CIRCUIT_OPEN" } });
    expect(result).toMatchObject({ retryAfterMs: expect.any(Number) });
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
  });

  test("held by another worker: as long as its lease", async () => {
    const world = worldOf([uploadOf("a")]);
    await world.repository.claimUpload("a", { leaseMs: 60_000, token: "another" });
    const result = await processUploadWithRetry("a", world, { attempt: { number: 3, max: 3 } });
    expect(result).toMatchObject({ status: "deferred", countsAsAttempt: false, error: { code: "CLAIMED_ELSEWHERE" } });
    expect(result).toMatchObject({ retryAfterMs: expect.any(Number), attempts: 0 });
  });

  test("the attempt's number is the engine's, and one attempt is made", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValue(new Error("boom"));
    const result = await processUploadWithRetry("a", world, { ...quick, attempt: { number: 4, max: 9 } });
    expect(result).toMatchObject({ status: "deferred", attempts: 1 });
    expect(world.ai.describe.mock.calls.map(([, { attempt }]) => attempt)).toEqual([4]);
  });
});

describe("suspects", () => {
  const suspect = (id: string) => uploadOf(id, { status: "pending", starts: 1 });

  test("go one at a time; with attempt, the one in line is deferred, whether the record or the claim tells", async () => {
    const world = worldOf([suspect("a"), suspect("b"), uploadOf("c")]);
    const gate = deferred();
    world.ai.describe.mockImplementation(async ({ upload }) => {
      if (upload.id === "a") await gate.promise;
      return "words";
    });
    const attempt = { number: 3, max: 3 };
    const first = processUploadWithRetry("a", world, { attempt });
    await until(() => world.ai.describe.mock.calls.length === 1);
    for (const upload of ["b", suspect("b")]) {
      const second = await processUploadWithRetry(upload, world, { attempt });
      expect(second).toMatchObject({ status: "deferred", countsAsAttempt: false, attempts: 0 });
      expect(await world.repository.findUpload("b")).toMatchObject({ status: "pending", starts: 1 });
    }
    expect((await processUploadWithRetry("c", world, { attempt })).status).toBe("completed");
    const waiting = processUploadWithRetry("b", world);
    gate.resolve();
    expect((await first).status).toBe("completed");
    expect((await waiting).status).toBe("completed");
  });

  test("wait without a slot: those of a batch, and single uploads of its processor", async () => {
    const world = worldOf([suspect("a"), suspect("b"), uploadOf("c"), suspect("live")]);
    const gate = deferred();
    world.ai.describe.mockImplementation(async ({ upload }) => {
      if (upload.id === "a") await gate.promise;
      return "words";
    });
    const processor = new BatchProcessor({ ...world, ...quick, thumbnail: false, concurrency: 2 });
    const done: string[] = [];
    processor.on("upload:settled", ({ uploadId }) => done.push(uploadId));
    const run = processor.processUploads(["a", "b"]);
    await until(() => world.ai.describe.mock.calls.length === 1);
    const live = processor.processUpload("live");
    // One slot is held by the suspect in work; those in line leave the other one free.
    expect((await processor.processUpload("c")).status).toBe("completed");
    expect(done).toEqual(["c"]);
    gate.resolve();
    expect((await live).status).toBe("completed");
    expect(await run).toMatchObject({ completed: 2 });
  });

  test("of a batch and of single calls do not wait for each other for ever", async () => {
    const world = worldOf([suspect("a"), suspect("b")]);
    const { repository } = world;
    const gate = deferred();
    const claimUpload = vi.fn<typeof repository.claimUpload>(async (...args) => {
      await gate.promise;
      return repository.claimUpload(...args);
    });
    const adapters = { ...world, repository: { ...repository, claimUpload } };
    const processor = new BatchProcessor({ ...adapters, ...quick, thumbnail: false, concurrency: 1 });
    const run = processor.processUploads(["a"]);
    await until(() => claimUpload.mock.calls.length === 1);
    // It comes for the slot before the run finds out, by the claim, that its upload has to be done alone.
    const single = processor.processUpload("b");
    gate.resolve();
    expect((await single).status).toBe("completed");
    expect(await run).toMatchObject({ completed: 1 });
  });
});

overStores((open) => {
  test("settleBatch tells one of twenty that ask at once", async () => {
    const store = await open(
      [finished("a"), finished("b", { status: "failed" }), uploadOf("c")],
      [{ id: "batch", status: "processing" }],
    );
    const { repository } = store;
    const ask = () => Promise.all(Array.from({ length: 20 }, () => settleBatch(repository, "batch")));
    expect(new Set(await ask())).toEqual(new Set([null]));
    await store.remove("c");
    const told = (await ask()).filter((counts) => counts !== null);
    expect(told).toEqual([{ pending: 0, analyzing: 0, embedding: 0, completed: 1, failed: 1 }]);
    expect(await repository.findBatch("batch")).toMatchObject({ status: "completed" });
    expect(await settleBatch(repository, "nowhere")).toBeNull();
  });

  test("settleBatch completes a batch that could not run, whose uploads were done all the same, and one behind a single redo", async () => {
    const store = await open([finished("a"), finished("b")], [{ id: "batch", status: "failed" }]);
    const { repository } = store;
    expect(await settleBatch(repository, "batch")).toMatchObject({ completed: 2 });
    expect(await settleBatch(repository, "batch")).toBeNull();
    await processUploadWithRetry("a", adaptersOf(store), { rerun: "reprocess" });
    expect(await repository.findBatch("batch")).toMatchObject({ status: "processing" });
    expect(await settleBatch(repository, "batch")).toMatchObject({ completed: 2 });
    expect(await repository.findBatch("batch")).toMatchObject({ status: "completed" });
  });

  test("failUpload settles what is open, and a redo as what it was", async () => {
    const draft = { was: "completed", redo: "job", description: "half done" } as const;
    const { repository } = await open(
      [uploadOf("open", { starts: 2 }), finished("redone", { status: "pending", draft }), finished("settled")],
      [{ id: "batch", status: "processing" }],
    );
    expect(await failUpload(repository, "open", gaveUp)).toBe(true);
    expect(await repository.findUpload("open")).toMatchObject({
      status: "failed",
      errorCode: "ENGINE_GAVE_UP",
      errorMessage: "The job stalled",
      starts: 0,
    });
    expect(await failUpload(repository, "redone", gaveUp)).toBe(true);
    expect(await repository.findUpload("redone")).toMatchObject({
      status: "completed",
      description: "old words",
      errorCode: "ENGINE_GAVE_UP",
      draft,
    });
    for (const id of ["open", "redone", "settled", "nowhere"])
      expect(await failUpload(repository, id, gaveUp)).toBe(false);
    expect((await repository.findUpload("settled"))?.errorCode ?? null).toBeNull();
  });

  test("failUpload leaves alone what somebody works on", async () => {
    const { repository } = await open([uploadOf("a")], [{ id: "batch", status: "processing" }]);
    const world = { ...worldOf([uploadOf("a")]), repository };
    const gate = deferred<string>();
    world.ai.describe.mockReturnValue(gate.promise);
    const running = processUploadWithRetry("a", world);
    await until(() => world.ai.describe.mock.calls.length === 1);
    expect(await failUpload(repository, "a", gaveUp)).toBe(false);
    gate.resolve("words");
    expect((await running).status).toBe("completed");
  });
});

test("failUpload wants an UploadError", async () => {
  const { repository } = await inMemory(ids(1));
  await expect(failUpload(repository, "u0000", new Error("no") as UploadError)).rejects.toThrow("UploadError");
});

describe("without claims, an upload is let go of when the store refuses", () => {
  /** A store that refuses one status until it is mended. */
  function refusing(status: string, uploads: UploadRecord[]) {
    const world = worldOf(uploads);
    const { findUpload, updateUpload } = world.repository;
    const store = { isMended: false };
    const repository = {
      findUpload,
      updateUpload: async (...[id, changes]: Parameters<typeof updateUpload>) => {
        if (!store.isMended && changes.status === status)
          throw Object.assign(new Error("violates check constraint"), { code: "23514" });
        return updateUpload(id, changes);
      },
    };
    return { ...world, repository, store };
  }

  test("every reason of failUpload", async () => {
    const { store, ...world } = refusing("failed", ids(1));
    await expect(failUpload(world.repository, "u0000", gaveUp)).rejects.toMatchObject({ code: "RESULT_REFUSED" });
    store.isMended = true;
    expect(await failUpload(world.repository, "u0000", gaveUp)).toBe(true);
  });

  test("that a suspect is handed back", async () => {
    const { store, ...world } = refusing("pending", [uploadOf("a", { starts: 1 })]);
    await expect(processUploadWithRetry("a", world)).rejects.toThrow("check constraint");
    store.isMended = true;
    expect(await processUploadWithRetry("a", world)).toMatchObject({ status: "completed" });
  });
});
