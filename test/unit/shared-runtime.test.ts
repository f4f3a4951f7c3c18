import { describe, expect, test, vi } from "vitest";
import { BatchProcessor, createRuntime, defineStage, processUploadWithRetry } from "../../src/index.js";
import { heldIn } from "../../src/runtime/active-upload.js";
import { ids, until, worldOf } from "../support/fakes.js";

/** What two users of one runtime, or of one AI adapter, must not make of each other. */
const plain = { thumbnail: false, retry: { maxAttempts: 1, minTimeout: 1 } } as const;
const down = (status = 503) => Object.assign(new Error("down"), { status });

test("a storage that is down stops nobody who uses another one, and its uploads are not judged by that one", async () => {
  const sick = worldOf(ids(8));
  const well = worldOf(ids(8));
  const { ai } = well;
  const storage = { ...sick.storage, open: () => Promise.reject(down()) };
  const stop = new AbortController();
  const first = new BatchProcessor({ ...sick, storage, ai, ...plain });
  const second = new BatchProcessor({ ...well, ...plain });
  const paused = vi.fn();
  second.on("batch:paused", paused);
  const waiting = first.process("batch", { signal: stop.signal });
  await until(() => first.health().breaker.state === "open");
  expect(await second.process("batch")).toMatchObject({ status: "completed", completed: 8 });
  expect(paused).not.toHaveBeenCalled();
  stop.abort();
  expect(await waiting).toMatchObject({ status: "processing", failed: 0 });
});

test("uploads of two repositories may have the same ids: what one went through is not held against the other", async () => {
  const [mine, yours, before] = [worldOf(ids(1)), worldOf(ids(1)), worldOf(ids(1))];
  const runtime = createRuntime({ breaker: false });
  const once = (world: typeof mine) => processUploadWithRetry("u0000", world, { ...plain, runtime });
  mine.ai.describe.mockRejectedValue(down());
  yours.ai.describe.mockRejectedValue(down());
  expect(await once(mine)).toMatchObject({ status: "deferred" });
  expect(await once(before)).toMatchObject({ status: "completed" });
  expect(await once(yours)).toMatchObject({ status: "deferred" }); // nobody has succeeded since it failed first
  expect(await once(mine)).toMatchObject({ status: "failed" });
});

test("whether the service came back and went down again between two visits, it knows best itself", async () => {
  const world = worldOf(ids(2));
  const runtime = createRuntime({ breaker: false });
  let isUp = false;
  const checkHealth = vi.fn(async () => {
    if (!isUp) throw down();
  });
  const ai = { ...world.ai, checkHealth };
  world.ai.describe.mockImplementation(async () => {
    if (isUp) return "text";
    throw down();
  });
  const once = (id: string) => processUploadWithRetry(id, { ...world, ai }, { ...plain, runtime });
  expect(await once("u0000")).toMatchObject({ status: "deferred" });
  isUp = true;
  expect(await once("u0001")).toMatchObject({ status: "completed" });
  isUp = false;
  expect(await once("u0000")).toMatchObject({ status: "deferred" });
  checkHealth.mockResolvedValue(undefined);
  expect(await once("u0000")).toMatchObject({ status: "failed", error: { message: "down" } });
});

describe("a stage that is not required", () => {
  test.each([503, 401])("answers %i for every upload: each has a warning, and none waits", async (status) => {
    const world = worldOf(ids(12));
    const run = vi.fn(async () => Promise.reject(down(status)));
    const stages = [defineStage({ name: "facts", required: false, run })];
    const processor = new BatchProcessor({ ...world, ...plain, stages, concurrency: 4 });
    const [paused, warned] = [vi.fn(), vi.fn()];
    processor.on("batch:paused", paused).on("upload:warning", warned);
    expect(await processor.process("batch")).toMatchObject({ status: "completed", completed: 12 });
    expect(paused).not.toHaveBeenCalled();
    expect(warned).toHaveBeenCalledTimes(12);
    expect(run.mock.calls.length).toBeLessThanOrEqual(5); // then its breaker is open, and it is passed over
  });

  test("answers 404 for one upload: it knows nothing of it, and the batch goes on", async () => {
    const world = worldOf(ids(3));
    const run = vi.fn(async () => ({})).mockRejectedValueOnce(down(404));
    const stages = [defineStage({ name: "consent", required: false, run })];
    const result = await new BatchProcessor({ ...world, ...plain, stages }).process("batch");
    expect(result).toMatchObject({ status: "completed", completed: 3 });
  });
});

test("without limits of the runtime each adapter has as many slots as it asks for", async () => {
  const runtime = createRuntime();
  const most = async (concurrency: number) => {
    const world = worldOf(ids(8));
    let [now, reached] = [0, 0];
    world.ai.describe.mockImplementation(async () => {
      reached = Math.max(reached, ++now);
      await new Promise(setImmediate);
      now--;
      return "text";
    });
    const ai = { ...world.ai, concurrency: { describe: concurrency } };
    await new BatchProcessor({ ...world, ai, ...plain, runtime, concurrency: 8 }).process("batch");
    return reached;
  };
  expect([await most(1), await most(4), await most(1)]).toEqual([1, 4, 1]);
});

test("what is in work in a repository without claims is known to every copy of the package", async () => {
  const repository = {};
  heldIn(repository).add("a");
  vi.resetModules();
  const copy = await import("../../src/runtime/active-upload.js");
  expect(copy.heldIn).not.toBe(heldIn);
  expect(copy.heldIn(repository).has("a")).toBe(true);
});
