import { describe, expect, test, vi } from "vitest";
import { memoryRepository } from "../../src/adapters/memory.js";
import { BatchProcessor, processUploadWithRetry, type UploadRecord } from "../../src/index.js";
import { deferred, ids, until, untilAborted, uploadOf, type World, worldOf } from "../support/fakes.js";
import { jpeg } from "../support/image.js";

const plain = { thumbnail: false, retry: { minTimeout: 1, randomize: false } } as const;

function processorOf(world: World, options: object = {}): BatchProcessor<UploadRecord> {
  return new BatchProcessor({ ...world, ...plain, ...options });
}

/** Lets everything that needs no timer happen. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe("what is held in this process is not waited for a lease", () => {
  test("the same id twice in one input", async () => {
    const world = worldOf(ids(2));
    const held = deferred<string>();
    world.ai.describe.mockImplementation(() => held.promise);
    const claims = vi.spyOn(world.repository, "claimUpload");
    const running = processorOf(world).processUploads(["u0000", "u0000", "u0001"]);
    await until(() => claims.mock.results.length === 3);
    await settle();
    held.resolve("text");
    expect(await running).toMatchObject({ completed: 2, skipped: 1 });
  });

  test("the same id in two runs of one processor, and in a run beside a single call", async () => {
    const world = worldOf(ids(1));
    const held = deferred<string>();
    world.ai.describe.mockImplementation(() => held.promise);
    const processor = processorOf(world);
    const single = processUploadWithRetry("u0000", world, plain);
    const runs = [processor.processUploads(["u0000"]), processor.process("batch")];
    await until(() => world.ai.describe.mock.calls.length === 1);
    await settle();
    held.resolve("text");
    expect(await single).toMatchObject({ status: "completed" });
    for (const result of await Promise.all(runs)) expect(result).toMatchObject({ skipped: 1, completed: 0 });
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
  });

  test("also when its holder has ended before the repository's answer came", async () => {
    const world = worldOf(ids(1));
    const { repository } = world;
    const settled = deferred();
    let claims = 0;
    const claimUpload: typeof repository.claimUpload = async (id, request) => {
      const answer = await repository.claimUpload(id, request);
      if (++claims === 2) await settled.promise;
      return answer;
    };
    const processor = processorOf({ ...world, repository: { ...repository, claimUpload } });
    processor.on("upload:settled", () => settled.resolve());
    const result = await processor.processUploads(["u0000", "u0000"]);
    expect(result).toMatchObject({ completed: 1, skipped: 1 });
    expect(result.durationMs).toBeLessThan(30_000);
  });

  test("also when its lease runs out while the repository is away: what could not be stored is not paid for twice", async () => {
    let now = 0;
    const world = worldOf(ids(1));
    const stored = memoryRepository({ uploads: ids(1), now: () => now });
    let isDown = false;
    let refused = 0;
    const updateUpload: typeof stored.updateUpload = async (id, changes, claim) => {
      if (!isDown) return stored.updateUpload(id, changes, claim);
      refused++;
      throw new Error("connection refused");
    };
    world.ai.describe.mockImplementationOnce(async () => {
      isDown = true;
      return "text";
    });
    const adapters = { ...world, repository: { ...stored, updateUpload } };
    const running = new BatchProcessor({ ...adapters, ...plain }).processUploads(["u0000"]);
    await until(() => refused > 0);
    now += 3_600_000;
    const other = await processUploadWithRetry("u0000", adapters, plain);
    expect(other).toMatchObject({ status: "skipped", reason: "claimed-elsewhere" });
    isDown = false;
    expect(await running).toMatchObject({ completed: 1 });
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
    expect(await stored.findUpload("u0000")).toMatchObject({ description: "text" });
  });

  test("and is free as soon as its row has settled, though its original is still being closed", async () => {
    const world = worldOf(ids(1));
    const closing = deferred();
    const opened = { bytes: jpeg, release: vi.fn(() => closing.promise) };
    const storage = { ...world.storage, open: async () => opened };
    const first = processUploadWithRetry("u0000", { ...world, storage }, plain);
    await until(() => opened.release.mock.calls.length === 1);
    const rerun = { mode: "reprocess-all", name: "again" } as const;
    expect(await processUploadWithRetry("u0000", world, { ...plain, rerun })).toMatchObject({ status: "completed" });
    closing.resolve();
    expect(await first).toMatchObject({ status: "completed" });
    expect(world.ai.describe).toHaveBeenCalledTimes(2);
  });

  test("without claims, too", async () => {
    const world = worldOf(ids(1));
    const { findUpload, updateUpload } = world.repository;
    const held = deferred<string>();
    world.ai.describe.mockImplementationOnce(() => held.promise);
    const processor = new BatchProcessor({ ...world, ...plain, repository: { findUpload, updateUpload } });
    const running = processor.processUploads(["u0000", "u0000"]);
    await until(() => world.ai.describe.mock.calls.length === 1);
    await settle();
    held.resolve("text");
    expect(await running).toMatchObject({ completed: 1, skipped: 1 });
    // The hold is let go: by an upload that completed, and by one that was aborted.
    await world.repository.resetUploads({ ids: ["u0000"] }, "reprocess-all", "again");
    const controller = new AbortController();
    world.ai.describe.mockImplementationOnce((_, { signal }) => untilAborted(signal));
    const stopped = processor.processUpload("u0000", { signal: controller.signal });
    await until(() => world.ai.describe.mock.calls.length === 2);
    controller.abort();
    expect(await stopped).toMatchObject({ status: "aborted" });
    expect(await processor.processUpload("u0000")).toMatchObject({ status: "completed" });
  });
});

describe("suspects", () => {
  test("of two runtimes have lines of their own", async () => {
    const worlds = [worldOf([uploadOf("a", { starts: 1 })]), worldOf([uploadOf("a", { starts: 1 })])];
    const held = deferred<string>();
    for (const { ai } of worlds) ai.describe.mockImplementation(() => held.promise);
    const running = worlds.map((world) => processorOf(world).process("batch"));
    await until(() => worlds.every(({ ai }) => ai.describe.mock.calls.length === 1));
    held.resolve("text");
    for (const result of await Promise.all(running)) expect(result).toMatchObject({ completed: 1 });
  });

  test("take no slot while they wait in line: neither those of a run nor single ones", async () => {
    const world = worldOf([
      uploadOf("a", { starts: 1 }),
      uploadOf("b", { starts: 1, batchId: null }),
      uploadOf("c", { batchId: null }),
    ]);
    const held = deferred<string>();
    world.ai.describe.mockImplementationOnce(() => held.promise);
    const processor = processorOf(world, { concurrency: 2 });
    const run = processor.process("batch");
    await until(() => world.ai.describe.mock.calls.length === 1);
    const suspect = processor.processUpload("b");
    await settle();
    expect(await processor.processUpload("c")).toMatchObject({ status: "completed" });
    held.resolve("text");
    expect(await suspect).toMatchObject({ status: "completed" });
    expect(await run).toMatchObject({ completed: 1 });
  });

  test("of a run and single ones do not wait for each other", async () => {
    const world = worldOf([uploadOf("a", { starts: 1 }), uploadOf("b", { starts: 1, batchId: null }), uploadOf("x")]);
    const held = deferred<string>();
    world.ai.describe.mockImplementationOnce(() => held.promise);
    const processor = processorOf(world, { concurrency: 1 });
    const first = processor.processUpload("x");
    await until(() => world.ai.describe.mock.calls.length === 1);
    // The run is before the single one at the slot, and then in the line; its turn at the slot comes after that one.
    const run = processor.processUploads([uploadOf("a", { starts: 1 })]);
    await settle();
    const single = processor.processUpload("b");
    await settle();
    held.resolve("text");
    expect(await Promise.all([first, single])).toMatchObject([{ status: "completed" }, { status: "completed" }]);
    expect(await run).toMatchObject({ completed: 1 });
  });
});
