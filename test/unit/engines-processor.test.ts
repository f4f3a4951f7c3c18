import { describe, expect, test, vi } from "vitest";
import { BatchProcessor, ConfigurationError, createRuntime, type UploadRecord } from "../../src/index.js";
import { deferred, ids, until, untilAborted, uploadOf, type World, worldOf } from "../support/fakes.js";
import { adaptersOf, callsOf, finished, inMemory } from "../support/stores.js";

const plain = { thumbnail: false, retry: { minTimeout: 1, randomize: false } } as const;

function processorOf(world: World, options: object = {}): BatchProcessor<UploadRecord> {
  return new BatchProcessor({ ...world, ...plain, ...options });
}

describe("processor.processUpload", () => {
  test("has room beside a run that takes some of the slots alone", async () => {
    const world = worldOf([...ids(6), uploadOf("live", { batchId: null })]);
    const gate = deferred();
    let most = 0;
    let atWork = 0;
    world.ai.describe.mockImplementation(async ({ upload }) => {
      if (upload.id === "live") return "live";
      most = Math.max(most, ++atWork);
      await gate.promise;
      atWork--;
      return "backfilled";
    });
    const processor = processorOf(world, { concurrency: 3 });
    const run = processor.process("batch", { concurrency: 2 });
    await until(() => atWork === 2);
    expect(await processor.processUpload("live")).toMatchObject({
      status: "completed",
      upload: { description: "live" },
    });
    gate.resolve();
    expect(await run).toMatchObject({ completed: 6 });
    expect(most).toBe(2);
  });

  test("waits for a slot, and emits on the processor", async () => {
    const world = worldOf(ids(3));
    const gate = deferred<string>();
    world.ai.describe.mockReturnValue(gate.promise);
    const processor = processorOf(world, { concurrency: 2 });
    const settled: string[] = [];
    processor.on("upload:settled", ({ uploadId }) => settled.push(uploadId));
    const all = ids(3).map(({ id }) => processor.processUpload(id));
    await until(() => world.ai.describe.mock.calls.length === 2);
    expect(processor.activeCount).toBe(2);
    gate.resolve("words");
    await Promise.all(all);
    expect(settled.toSorted()).toEqual(["u0000", "u0001", "u0002"]);
  });

  test("takes attempt and rerun, and passes over what is settled", async () => {
    const store = await inMemory([finished("a"), uploadOf("b")]);
    const adapters = adaptersOf(store);
    const processor = new BatchProcessor({ ...adapters, ...plain });
    expect(await processor.processUpload("a")).toMatchObject({ status: "skipped", reason: "already-completed" });
    const rerun = { mode: "reprocess", name: "job" } as const;
    expect(await processor.processUpload("a", { rerun })).toMatchObject({ status: "completed" });
    expect(await processor.processUpload("a", { rerun })).toMatchObject({ status: "skipped" });
    adapters.ai.script.describe.throws(new Error("boom"));
    const attempt = { number: 1, max: 2 };
    expect(await processor.processUpload("b", { attempt })).toMatchObject({
      status: "deferred",
      countsAsAttempt: true,
    });
    expect(callsOf(adapters.ai)).toEqual({ describe: 2, embed: 1 });
    await expect(processor.processUpload("b", { attempt: { number: 0, max: 2 } })).rejects.toThrow(ConfigurationError);
    await expect(processor.processUpload("b", { atempt: attempt } as object)).rejects.toThrow("attempt");
  });

  test("begins nothing while paused, also what waited for its slot then; an abort ends the wait", async () => {
    const world = worldOf(ids(3));
    const gate = deferred<string>();
    world.ai.describe.mockReturnValue(gate.promise);
    const processor = processorOf(world, { concurrency: 1 });
    const first = processor.processUpload("u0000");
    await until(() => world.ai.describe.mock.calls.length === 1);
    const second = processor.processUpload("u0001");
    processor.pause();
    const controller = new AbortController();
    const third = processor.processUpload("u0002", { signal: controller.signal });
    gate.resolve("words");
    expect((await first).status).toBe("completed");
    controller.abort(new Error("enough"));
    expect(await third).toMatchObject({ status: "aborted", reason: { message: "enough" } });
    expect(await world.repository.findUpload("u0001")).toMatchObject({ status: "pending" });
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
    processor.resume();
    expect((await second).status).toBe("completed");
  });

  test("takes a slot also when it was started before and has to be done alone", async () => {
    const world = worldOf([...ids(1), uploadOf("suspect", { starts: 1 })]);
    const gate = deferred<string>();
    world.ai.describe.mockReturnValueOnce(gate.promise);
    const processor = processorOf(world, { concurrency: 1 });
    const claim = vi.spyOn(world.repository, "claimUpload");
    const suspect = processor.processUpload("suspect");
    const first = processor.processUpload("u0000");
    await until(() => world.ai.describe.mock.calls.length === 1);
    // It was handed back, and the slot went to the next in line.
    expect(claim.mock.calls.map(([id]) => id)).toEqual(["suspect", "u0000"]);
    gate.resolve("words");
    expect((await first).status).toBe("completed");
    expect((await suspect).status).toBe("completed");
    expect(claim.mock.calls.map(([id]) => id)).toEqual(["suspect", "u0000", "suspect"]);
  });

  test("is ended by abortUpload", async () => {
    const world = worldOf(ids(1));
    world.ai.describe.mockImplementation((_, { signal }) => untilAborted(signal));
    const processor = processorOf(world);
    const running = processor.processUpload("u0000");
    await until(() => world.ai.describe.mock.calls.length === 1);
    expect(processor.abortUpload("u0000", "why not")).toBe(true);
    expect(await running).toMatchObject({ status: "aborted", reason: "why not" });
    expect(processor.abortUpload("u0000")).toBe(false);
  });

  test("is waited for by close, released after the grace, and refused afterwards", async () => {
    const world = worldOf(ids(2));
    const gate = deferred<string>();
    world.ai.describe.mockReturnValueOnce(gate.promise).mockImplementationOnce((_, { signal }) => untilAborted(signal));
    const processor = processorOf(world);
    const [first, second] = [processor.processUpload("u0000"), processor.processUpload("u0001")];
    await until(() => world.ai.describe.mock.calls.length === 2);
    const closing = processor.close({ graceMs: 50 });
    gate.resolve("words");
    expect((await first).status).toBe("completed");
    expect(await second).toMatchObject({ status: "aborted", reason: { message: "The processor was closed" } });
    await closing;
    expect(await world.repository.findUpload("u0001")).toMatchObject({ status: "pending", starts: 0 });
    await expect(processor.processUpload("u0001")).rejects.toThrow("closed");
  });
});

test("a rerun whose batch is cancelled by another process ends as cancelled", async () => {
  const store = await inMemory(["a", "b"].map((id) => finished(id)));
  const adapters = adaptersOf(store);
  adapters.ai.script.describe.does(async () => {
    await store.repository.updateBatch("batch", { status: "cancelled" });
    return "words";
  });
  const processor = new BatchProcessor({ ...adapters, ...plain, concurrency: 1 });
  const result = await processor.rerun({ batchId: "batch" }, "reprocess-all");
  expect(result).toMatchObject({ status: "cancelled", completed: 0, aborted: 2 });
  expect(await store.repository.findBatch("batch")).toMatchObject({ status: "cancelled" });
  expect(callsOf(adapters.ai)).toEqual({ describe: 1, embed: 0 });
});

test("while the budget is used up, an engine's jobs are put back before anything is claimed or read", async () => {
  const world = worldOf(ids(3));
  const runtime = createRuntime({ budget: { limit: 1 } });
  const open = vi.spyOn(world.storage, "open");
  const adapters = { ...world, ai: { ...world.ai, price: () => 1 } };
  const processor = new BatchProcessor({ ...adapters, runtime, thumbnail: false });
  const attempt = { number: 1, max: 3 };
  // Its description uses the budget up, its vector waits for more.
  expect(await processor.processUpload("u0000", { attempt })).toMatchObject({ error: { code: "BUDGET_EXHAUSTED" } });
  open.mockClear();
  const put = await processor.processUpload("u0001", { attempt });
  expect(put).toMatchObject({ status: "deferred", countsAsAttempt: false, error: { code: "BUDGET_EXHAUSTED" } });
  expect(open).not.toHaveBeenCalled();
  expect(await world.repository.findUpload("u0001")).toMatchObject({ status: "pending" });
  runtime.addBudget(5);
  for (const id of ["u0000", "u0001"])
    expect(await processor.processUpload(id, { attempt })).toMatchObject({ status: "completed" });
  expect(world.ai.describe).toHaveBeenCalledTimes(2);
});
