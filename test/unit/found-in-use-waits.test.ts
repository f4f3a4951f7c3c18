import { afterEach, describe, expect, test, vi } from "vitest";
import { BatchProcessor, createRuntime, processUploadWithRetry, type UploadRecord } from "../../src/index.js";
import { deferred, ids, until, uploadOf, type World, worldOf } from "../support/fakes.js";

const plain = { thumbnail: false, retry: { minTimeout: 1, randomize: false } } as const;

afterEach(() => {
  vi.useRealTimers();
});

function processorOf(world: World, options: object = {}): BatchProcessor<UploadRecord> {
  return new BatchProcessor({ ...world, ...plain, ...options });
}

/** Lets everything that needs no timer happen. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** What a processor tells of its pauses, in order. */
function pausesOf(processor: BatchProcessor<UploadRecord>): string[] {
  const told: string[] = [];
  processor.on("batch:paused", ({ batchId, reason }) => void told.push(`${batchId} paused: ${reason}`));
  processor.on("batch:resumed", ({ batchId }) => void told.push(`${batchId} resumed`));
  processor.on("batch:started", ({ batchId }) => void told.push(`${batchId} started`));
  processor.on("batch:settled", ({ batchId }) => void told.push(`${batchId} settled`));
  return told;
}

describe("a paused processor that waits for a busy upload", () => {
  async function waiting() {
    const world = worldOf(ids(1));
    await world.repository.claimUpload("u0000", { leaseMs: 60_000, token: "other" });
    const processor = processorOf(world);
    const claims = vi.spyOn(world.repository, "claimUpload");
    const controller = new AbortController();
    const running = processor.process("batch", { signal: controller.signal });
    await until(() => claims.mock.results.length > 0);
    await settle();
    processor.pause();
    return { processor, controller, running };
  }

  test("ends when the batch is cancelled", async () => {
    const { processor, running } = await waiting();
    await processor.cancel("batch");
    expect(await running).toMatchObject({ status: "cancelled", skipped: 1 });
  });

  test("ends when its signal is aborted", async () => {
    const { controller, running } = await waiting();
    controller.abort();
    expect(await running).toMatchObject({ status: "processing", skipped: 1 });
  });
});

describe("a run that is aborted counts what it has not begun", () => {
  test("as not reached, where it waits for a slot", async () => {
    const world = worldOf(ids(3));
    const held = deferred<string>();
    world.ai.describe.mockImplementationOnce(() => held.promise);
    const processor = processorOf(world, { concurrency: 1 });
    const single = processor.processUpload("u0000");
    await until(() => world.ai.describe.mock.calls.length === 1);
    const controller = new AbortController();
    const running = processor.processUploads(["u0001", "u0002"], { signal: controller.signal });
    await settle();
    controller.abort();
    const result = await running;
    expect(result).toMatchObject({ status: "processing", aborted: 0, skipped: 0, failed: 0, failures: [] });
    expect(result.error?.cause).toBe(controller.signal.reason);
    held.resolve("text");
    expect(await single).toMatchObject({ status: "completed" });
  });

  test("as skipped, where somebody held it and it waits at the gate to be looked at again", async () => {
    const world = worldOf(ids(1));
    const held = deferred<string>();
    world.ai.describe.mockImplementationOnce(() => held.promise);
    const finding = vi.spyOn(world.repository, "findUpload");
    const processor = processorOf(world);
    const single = processUploadWithRetry("u0000", world, plain);
    await until(() => world.ai.describe.mock.calls.length === 1);
    const controller = new AbortController();
    const running = processor.processUploads(["u0000"], { signal: controller.signal });
    await settle();
    processor.pause();
    held.resolve("text");
    await single;
    await until(() => finding.mock.calls.length > 0);
    await settle();
    controller.abort();
    expect(await running).toMatchObject({ status: "processing", skipped: 1, aborted: 0 });
  });
});

describe("pause lets nothing further begin", () => {
  test("neither what waits for a slot, in a run and by itself", async () => {
    const world = worldOf(ids(4));
    const held = deferred<string>();
    world.ai.describe.mockImplementation(() => held.promise);
    const processor = processorOf(world, { concurrency: 1 });
    const first = processor.processUpload("u0000");
    await until(() => world.ai.describe.mock.calls.length === 1);
    const single = processor.processUpload("u0001");
    const run = processor.processUploads(["u0002", "u0003"]);
    await settle();
    processor.pause();
    held.resolve("text");
    expect(await first).toMatchObject({ status: "completed" });
    await settle();
    expect(processor.activeCount).toBe(0);
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
    processor.resume();
    expect(await single).toMatchObject({ status: "completed" });
    expect(await run).toMatchObject({ completed: 2 });
  });

  test("nor a busy upload whose holder has ended", async () => {
    const world = worldOf(ids(1));
    const { repository } = world;
    const claim = await repository.claimUpload("u0000", { leaseMs: 60_000, token: "other" });
    if (claim.outcome !== "claimed") throw new Error("not claimed");
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const processor = processorOf(world);
    const claims = vi.spyOn(repository, "claimUpload");
    const running = processor.processUploads(["u0000"]);
    await vi.advanceTimersByTimeAsync(0);
    expect(claims).toHaveBeenCalledTimes(1);
    processor.pause();
    await repository.updateUpload("u0000", { status: "pending", starts: 0 }, { fence: claim.fence });
    await vi.advanceTimersByTimeAsync(120_000);
    expect(claims).toHaveBeenCalledTimes(1);
    processor.resume();
    await vi.advanceTimersByTimeAsync(0);
    vi.useRealTimers();
    expect(await running).toMatchObject({ completed: 1 });
  });

  test("nor a suspect that waits in line", async () => {
    const world = worldOf([uploadOf("a", { starts: 1 }), uploadOf("b", { starts: 1 })]);
    const held = deferred<string>();
    world.ai.describe.mockImplementationOnce(() => held.promise);
    const processor = processorOf(world);
    const running = processor.process("batch");
    await until(() => world.ai.describe.mock.calls.length === 1);
    processor.pause();
    held.resolve("text");
    await until(() => processor.activeCount === 0);
    await settle();
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
    processor.resume();
    expect(await running).toMatchObject({ completed: 2 });
  });

  test("an abort ends the wait of a single upload", async () => {
    const world = worldOf(ids(1));
    const processor = processorOf(world);
    processor.pause();
    const controller = new AbortController();
    const single = processor.processUpload("u0000", { signal: controller.signal });
    await settle();
    controller.abort("enough");
    expect(await single).toMatchObject({ status: "aborted", reason: "enough", uploadId: "u0000" });
    expect(world.ai.describe).not.toHaveBeenCalled();
  });
});

describe("batch:paused and batch:resumed come in pairs", () => {
  test("for runs that begin while the processor is paused", async () => {
    const processor = processorOf(worldOf(ids(2)));
    const told = pausesOf(processor);
    processor.pause();
    processor.pause();
    const running = processor.process("batch");
    await settle();
    processor.resume();
    processor.resume();
    await running;
    expect(told).toEqual(["batch started", "batch paused: pause", "batch resumed", "batch settled"]);
  });

  test("for runs that end while it is paused", async () => {
    const processor = processorOf(worldOf(ids(2)));
    const told = pausesOf(processor);
    processor.pause();
    const controller = new AbortController();
    const running = processor.process("batch", { signal: controller.signal });
    await settle();
    controller.abort();
    await running;
    expect(told).toEqual(["batch started", "batch paused: pause", "batch resumed", "batch settled"]);
  });

  test("for runs that are refused although a pause came between", async () => {
    const world = worldOf([]);
    const processor = processorOf(world);
    vi.spyOn(world.repository, "findBatch").mockImplementation(async () => {
      processor.pause();
      return null;
    });
    const told = pausesOf(processor);
    await expect(processor.process("nope")).rejects.toThrow('there is no batch "nope"');
    expect(told.filter((line) => line.includes("paused")).length).toBe(
      told.filter((line) => line.includes("resumed")).length,
    );
  });

  test("over reasons that overlap: one pair, of the first reason", async () => {
    const world = worldOf(ids(3));
    const runtime = createRuntime({ breaker: { threshold: 1, cooldownMs: 1 } });
    const processor = processorOf(world, { runtime, concurrency: 1, retry: { maxAttempts: 1 } });
    const told = pausesOf(processor);
    world.ai.describe.mockImplementationOnce(async () => {
      processor.pause();
      throw Object.assign(new Error("down"), { status: 503 });
    });
    const running = processor.process("batch");
    await until(() => runtime.health().breaker.state === "open");
    const { breaker } = runtime.health();
    await until(() => breaker.state !== "closed" && Date.now() > breaker.until);
    await settle();
    expect(told).toEqual(["batch started", "batch paused: pause"]);
    processor.resume();
    expect(await running).toMatchObject({ completed: 3 });
    expect(told).toEqual(["batch started", "batch paused: pause", "batch resumed", "batch settled"]);
  });
});
