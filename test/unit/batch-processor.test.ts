import { afterEach, describe, expect, test, vi } from "vitest";
import { BatchProcessor, type BatchResult, ConfigurationError, type UploadRecord } from "../../src/index.js";
import {
  deferred,
  ids,
  jpeg,
  statusesIn,
  until,
  untilAborted,
  uploadOf,
  type World,
  worldOf,
} from "../support/fakes.js";

const plain = { thumbnail: false, retry: { minTimeout: 1, randomize: false } } as const;

afterEach(() => {
  vi.useRealTimers();
});

function processorOf(world: World, options: object = {}): BatchProcessor<UploadRecord> {
  return new BatchProcessor({ ...world, ...plain, ...options });
}

function sumOf(result: BatchResult): number {
  const { completed, failed, skipped, deleted, aborted, deferred } = result;
  return completed + failed + skipped + deleted + aborted + deferred;
}

describe("process", () => {
  test("does a whole batch over several pages and marks it completed, failed uploads included", async () => {
    const world = worldOf(ids(250));
    world.ai.describe.mockImplementation(async (media) => {
      if (media.upload.id === "u0007") throw Object.assign(new Error("refused"), { status: 400 });
      return "text";
    });
    const processor = processorOf(world);
    const settled: string[] = [];
    processor.on("upload:settled", ({ uploadId }) => settled.push(uploadId));
    const result = await processor.process("batch");
    expect(result).toMatchObject({ status: "completed", total: 250, completed: 249, failed: 1, skipped: 0 });
    expect(result.failures).toMatchObject([{ uploadId: "u0007", error: { message: "refused" } }]);
    expect(new Set(settled).size).toBe(250);
    expect(settled).toHaveLength(250);
    expect(await world.repository.findBatch("batch")).toMatchObject({ status: "completed" });
    expect(await world.repository.countUploads({ batchId: "batch" })).toEqual({ completed: 249, failed: 1 });
  });

  test("again: everything is passed over; a retry does the failed one alone", async () => {
    const world = worldOf([...ids(5), uploadOf("bad", { status: "failed" })]);
    const processor = processorOf(world);
    await processor.process("batch");
    world.ai.describe.mockClear();
    expect(await processor.process("batch")).toMatchObject({ status: "completed", total: 6, skipped: 6, completed: 0 });
    expect(world.ai.describe).not.toHaveBeenCalled();
    expect(await processor.rerun({ batchId: "batch" }, "retry")).toMatchObject({ completed: 1, skipped: 0 });
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
    world.ai.describe.mockClear();
    expect(await processor.rerun({ batchId: "batch" }, "reprocess-all")).toMatchObject({
      completed: 6,
      skipped: 0,
      total: 6,
    });
    expect(world.ai.describe).toHaveBeenCalledTimes(6);
  });

  test("an unknown batch, and a repository without batches", async () => {
    const world = worldOf([]);
    await expect(processorOf(world).process("nope")).rejects.toThrow(
      'process: there is no batch "nope"; a batch is added',
    );
    await expect(processorOf(world).process(undefined as never)).rejects.toThrow(
      "process: expected the id of a batch, got undefined",
    );
    const { findUpload, updateUpload } = world.repository;
    const processor = new BatchProcessor({ ...world, repository: { findUpload, updateUpload } });
    await expect(processor.process("batch")).rejects.toThrow("process needs a repository with batches");
  });

  test("an empty batch is completed at once", async () => {
    expect(await processorOf(worldOf([])).process("batch")).toMatchObject({ status: "completed", total: 0 });
  });

  test("uploads added while it runs are done too", async () => {
    const world = worldOf(ids(3));
    const late = uploadOf("late");
    world.storage.put(late.storageKey, jpeg);
    world.ai.embed.mockImplementationOnce(async () => {
      await world.repository.addUploads([late]);
      return [1];
    });
    const result = await processorOf(world, { concurrency: 1 }).process("batch");
    expect(result.completed).toBe(4);
    expect(sumOf(result)).toBe(result.total);
  });

  test("also when they are added while only the last one is still in work", async () => {
    const world = worldOf(ids(3));
    const last = deferred<string>();
    world.ai.describe.mockImplementation((media) =>
      media.upload.id === "u0002" ? last.promise : Promise.resolve("text"),
    );
    const processor = processorOf(world);
    const running = processor.process("batch");
    await until(() => world.ai.embed.mock.calls.length === 2 && processor.activeCount === 1);
    const late = uploadOf("late");
    world.storage.put(late.storageKey, jpeg);
    await world.repository.addUploads([late]);
    last.resolve("text");
    expect(await running).toMatchObject({ status: "completed", completed: 4 });
    expect(await world.repository.findUpload("late")).toMatchObject({ status: "completed" });
  });

  test("the row of the paging cursor may be deleted", async () => {
    const world = worldOf(ids(150));
    world.ai.describe.mockImplementation(async (media) => {
      // The last of the first page is the cursor of the second.
      if (media.upload.id === "u0099") await world.repository.deleteUpload("u0099");
      return "text";
    });
    const result = await processorOf(world, { concurrency: 1 }).process("batch");
    expect(result).toMatchObject({ status: "completed", completed: 149, deleted: 1 });
    expect(Object.values(await statusesIn(world.repository)).every((status) => status === "completed")).toBe(true);
  });

  test("the second call for the same batch joins the first", async () => {
    const world = worldOf(ids(5));
    const processor = processorOf(world);
    const settled = vi.fn();
    processor.on("batch:settled", settled);
    const [first, second] = await Promise.all([processor.process("batch"), processor.process("batch")]);
    expect(second).toBe(first);
    expect(settled).toHaveBeenCalledTimes(1);
    expect(world.ai.describe).toHaveBeenCalledTimes(5);
  });

  test("two processors on one batch share it: each upload is described once, both report completed", async () => {
    const world = worldOf(ids(60));
    world.ai.describe.mockImplementation(async () => {
      await new Promise((resolve) => setTimeout(resolve, 2));
      return "text";
    });
    const updateBatch = vi.spyOn(world.repository, "updateBatch");
    const results = await Promise.all([1, 2].map(() => processorOf(world).process("batch")));
    expect(world.ai.describe).toHaveBeenCalledTimes(60);
    expect(results.map(({ status }) => status)).toEqual(["completed", "completed"]);
    expect(results.reduce((sum, { completed }) => sum + completed, 0)).toBe(60);
    for (const result of results) expect(sumOf(result)).toBeLessThanOrEqual(60);
    const written = await Promise.all(updateBatch.mock.results.map(({ value }) => value));
    const finished = updateBatch.mock.calls.filter(
      ([, { status }], index) => status === "completed" && written[index] === "saved",
    );
    expect(finished).toHaveLength(1);
  });

  test("an upload that a dead worker holds is visited again when its lease has run out", async () => {
    const world = worldOf(ids(3));
    await world.repository.claimUpload("u0001", { leaseMs: 300, token: "other-1" });
    const result = await processorOf(world, { lease: { durationMs: 300 } }).process("batch");
    expect(result).toMatchObject({ status: "completed", completed: 3, skipped: 0 });
  });

  test("an upload that a dead worker held is known for a suspect before it is claimed: no start of it is counted in vain", async () => {
    const world = worldOf([uploadOf("poison")]);
    await world.repository.claimUpload("poison", { leaseMs: 200, token: "other-2" });
    const claims = vi.spyOn(world.repository, "claimUpload");
    await processorOf(world, { lease: { durationMs: 200 } }).process("batch");
    const answers = await Promise.all(claims.mock.results.map(({ value }) => value));
    const outcomes = answers.map(({ outcome }) => outcome);
    expect(outcomes[0]).toBe("busy");
    expect(outcomes.filter((outcome) => outcome === "claimed")).toHaveLength(1);
  });

  test("an upload that a live worker holds is waited for until that worker has settled it", async () => {
    const world = worldOf(ids(2));
    const claim = await world.repository.claimUpload("u0001", { leaseMs: 60_000, token: "other-3" });
    if (claim.outcome !== "claimed") throw new Error("not claimed");
    const running = processorOf(world, { lease: { durationMs: 150 } }).process("batch");
    await new Promise((resolve) => setTimeout(resolve, 120));
    await world.repository.updateUpload("u0001", { status: "completed" }, { fence: claim.fence });
    expect(await running).toMatchObject({ status: "completed", completed: 1, skipped: 1, total: 2 });
  });

  test("an upload that was given up as another worker's, and is found open all the same, is counted once", async () => {
    const world = worldOf(ids(1));
    await world.repository.claimUpload("u0000", { leaseMs: 400, token: "other-4" });
    const { repository } = world;
    let asked = 0;
    const listUploads: typeof repository.listUploads = async (selection, page) => {
      // Whether anything is open is asked for one upload: a replica answers no once, for it is behind.
      return page.limit === 1 && asked++ === 0 ? [] : repository.listUploads(selection, page);
    };
    const behind = { ...world, repository: { ...repository, listUploads } };
    const running = processorOf(behind, { lease: { durationMs: 60 } }).process("batch");
    expect(await running).toMatchObject({ status: "completed", total: 1, completed: 1, skipped: 0 });
  });

  test("an upload whose outcome cannot be stored gets another start when its lease has run out", async () => {
    vi.useFakeTimers();
    const world = worldOf(ids(2));
    const { repository } = world;
    let broken = true;
    const updateUpload: typeof repository.updateUpload = async (id, changes, claim) => {
      if (broken && id === "u0001") throw new Error("connection lost");
      return repository.updateUpload(id, changes, claim);
    };
    const processor = new BatchProcessor({ ...world, ...plain, repository: { ...repository, updateUpload } });
    const running = processor.process("batch");
    await vi.advanceTimersByTimeAsync(20_000);
    broken = false;
    await vi.advanceTimersByTimeAsync(120_000);
    expect(await running).toMatchObject({ status: "completed", completed: 2, aborted: 0 });
  });

  test("a claim that the repository did not answer is asked for again soon, not after a lease", async () => {
    vi.useFakeTimers();
    const world = worldOf(ids(2));
    const { repository } = world;
    let broken = true;
    const claimUpload: typeof repository.claimUpload = async (id, request) => {
      if (broken && id === "u0001") throw new Error("connection lost");
      return repository.claimUpload(id, request);
    };
    const processor = new BatchProcessor({ ...world, ...plain, repository: { ...repository, claimUpload } });
    const running = processor.process("batch");
    await vi.advanceTimersByTimeAsync(4500);
    broken = false;
    await vi.advanceTimersByTimeAsync(5000);
    expect(await running).toMatchObject({ status: "completed", completed: 2 });
  });

  test("a repository that keeps refusing one upload ends the batch as failed, with the reason", async () => {
    vi.useFakeTimers();
    const world = worldOf(ids(3));
    const { repository } = world;
    const updateUpload: typeof repository.updateUpload = async (id, changes, claim) => {
      if (id === "u0001") throw new Error("value too long");
      return repository.updateUpload(id, changes, claim);
    };
    const processor = new BatchProcessor({ ...world, ...plain, repository: { ...repository, updateUpload } });
    const running = processor.process("batch");
    await vi.advanceTimersByTimeAsync(200_000);
    const result = await running;
    expect(result).toMatchObject({ status: "failed", completed: 2, aborted: 1 });
    expect(result.error?.message).toContain("value too long");
  });

  test("a full disk pauses the batch before much is paid for in vain; with room again it goes on, and pays for nothing twice", async () => {
    vi.useFakeTimers();
    const world = worldOf(ids(200));
    const { repository } = world;
    let isFull = true;
    const updateUpload: typeof repository.updateUpload = async (id, changes, claim) => {
      if (isFull && changes.description) throw new Error("the disk is full");
      return repository.updateUpload(id, changes, claim);
    };
    const processor = new BatchProcessor({ ...world, ...plain, repository: { ...repository, updateUpload } });
    const pauses: unknown[] = [];
    processor.on("batch:paused", ({ reason, error }) => pauses.push([reason, error?.message]));
    let resumed = 0;
    processor.on("batch:resumed", () => resumed++);
    const running = processor.process("batch");
    await vi.advanceTimersByTimeAsync(600_000);
    expect(pauses).toEqual([["repository", expect.stringContaining("the disk is full")]]);
    expect(world.ai.describe.mock.calls.length).toBeLessThanOrEqual(4);
    isFull = false;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await running).toMatchObject({ status: "completed", completed: 200 });
    expect(world.ai.describe).toHaveBeenCalledTimes(200);
    expect(resumed).toBe(1);
  });
});

describe("stopping", () => {
  test("a signal releases what is in flight; the batch stays processing, and continues later", async () => {
    const world = worldOf(ids(20));
    world.ai.describe.mockImplementation((_, { signal }) => untilAborted(signal));
    const controller = new AbortController();
    const processor = processorOf(world);
    const running = processor.process("batch", { signal: controller.signal });
    await until(() => processor.activeCount === 4);
    controller.abort();
    const result = await running;
    expect(result).toMatchObject({ status: "processing", aborted: 4, completed: 0, total: 20 });
    expect(await world.repository.countUploads({ batchId: "batch" })).toEqual({ pending: 20 });
    expect(await world.repository.findBatch("batch")).toMatchObject({ status: "processing" });
    world.ai.describe.mockResolvedValue("text");
    expect(await processor.recover()).toMatchObject([{ status: "completed", completed: 20 }]);
  });

  test("cancel releases what is in flight and leaves the rest pending", async () => {
    const world = worldOf(ids(20));
    world.ai.describe.mockImplementation((_, { signal }) => untilAborted(signal));
    const processor = processorOf(world);
    const running = processor.process("batch");
    await until(() => processor.activeCount === 4);
    expect(await processor.cancel("batch")).toBe(true);
    expect(await running).toMatchObject({ status: "cancelled", aborted: 4 });
    expect(await world.repository.countUploads({ batchId: "batch" })).toEqual({ pending: 20 });
    expect(await processor.cancel("batch")).toBe(false);
    expect(await processor.process("batch")).toMatchObject({ status: "cancelled", completed: 0 });
    world.ai.describe.mockResolvedValue("text");
    expect(await processor.process("batch", { resumeCancelled: true })).toMatchObject({
      status: "completed",
      completed: 20,
    });
  });

  test("a cancel from another process is noticed within a third of the lease", async () => {
    const world = worldOf(ids(8));
    world.ai.describe.mockImplementation((_, { signal }) => untilAborted(signal));
    const processor = processorOf(world, { lease: { durationMs: 150 } });
    const running = processor.process("batch");
    await until(() => processor.activeCount === 4);
    await world.repository.updateBatch("batch", { status: "cancelled" });
    expect(await running).toMatchObject({ status: "cancelled" });
    expect(await world.repository.findBatch("batch")).toMatchObject({ status: "cancelled" });
    expect(await world.repository.countUploads({ batchId: "batch" })).toEqual({ pending: 8 });
  });

  test("a cancel that comes with the last upload is not overwritten", async () => {
    const world = worldOf(ids(2));
    const { repository } = world;
    const listUploads: typeof repository.listUploads = async (selection, page) => {
      const uploads = await repository.listUploads(selection, page);
      // Whether anything is open is asked for one upload: nothing is, and the batch is about to be completed.
      if (page.limit === 1) await repository.updateBatch("batch", { status: "cancelled" });
      return uploads;
    };
    const processor = processorOf({ ...world, repository: { ...repository, listUploads } });
    expect(await processor.process("batch")).toMatchObject({ status: "cancelled", completed: 2 });
    expect(await repository.findBatch("batch")).toMatchObject({ status: "cancelled" });
  });

  test("abortUpload stops one upload; the batch completes without it", async () => {
    const world = worldOf(ids(4));
    world.ai.describe.mockImplementation(async (media, { signal }) => {
      if (media.upload.id === "u0002") await untilAborted(signal);
      return "text";
    });
    const processor = processorOf(world);
    const running = processor.process("batch");
    await until(() => world.ai.describe.mock.calls.some(([media]) => media.upload.id === "u0002"));
    await until(() => processor.activeCount === 1);
    expect(processor.abortUpload("u0002")).toBe(true);
    expect(processor.abortUpload("u0000")).toBe(false);
    expect(await running).toMatchObject({ status: "completed", completed: 3, aborted: 1 });
    expect(await world.repository.findUpload("u0002")).toMatchObject({ status: "pending" });
  });

  test("abortUpload of a deleted row is deleted, and its thumbnail gone", async () => {
    const world = worldOf(ids(1));
    world.ai.describe.mockImplementation((_, { signal }) => untilAborted(signal));
    const processor = processorOf(world, { thumbnail: {} });
    const running = processor.process("batch");
    await until(() => world.ai.describe.mock.calls.length > 0);
    await world.repository.deleteUpload("u0000");
    processor.abortUpload("u0000");
    expect(await running).toMatchObject({ deleted: 1, total: 1 });
    expect(world.storage.get("thumbnails/u0000.jpg")).toBeUndefined();
  });

  test("close lets in-flight work end, then refuses more", async () => {
    const world = worldOf(ids(20));
    const gate = deferred<string>();
    world.ai.describe.mockImplementation(() => gate.promise);
    const processor = processorOf(world);
    const running = processor.process("batch");
    await until(() => world.ai.describe.mock.calls.length === 4);
    const closing = processor.close();
    gate.resolve("text");
    await closing;
    expect(await running).toMatchObject({ status: "processing", completed: 4, aborted: 0 });
    expect(await world.repository.countUploads({ batchId: "batch" })).toEqual({ completed: 4, pending: 16 });
    await expect(processor.process("batch")).rejects.toThrow(ConfigurationError);
  });

  test("close aborts what has not ended after the grace", async () => {
    const world = worldOf(ids(4));
    world.ai.describe.mockImplementation((_, { signal }) => untilAborted(signal));
    const processor = processorOf(world);
    const running = processor.process("batch");
    await until(() => world.ai.describe.mock.calls.length === 4);
    await processor.close({ graceMs: 10 });
    expect(await running).toMatchObject({ status: "processing", aborted: 4 });
  });

  test("pause begins nothing new until resume; both tell", async () => {
    const world = worldOf(ids(12));
    const processor = processorOf(world, { concurrency: 2 });
    const told: string[] = [];
    processor.on("batch:paused", () => told.push("paused"));
    processor.on("batch:resumed", () => told.push("resumed"));
    processor.once("upload:settled", () => processor.pause());
    const running = processor.process("batch");
    await until(() => processor.isPaused && processor.activeCount === 0);
    const described = world.ai.describe.mock.calls.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(world.ai.describe.mock.calls.length).toBe(described);
    expect(described).toBeLessThan(12);
    processor.resume();
    expect(await running).toMatchObject({ completed: 12 });
    expect(told).toEqual(["paused", "resumed"]);
  });
});

describe("processUploads", () => {
  test("pulls from an async generator only as there is room", async () => {
    const world = worldOf(ids(50));
    let pulled = 0;
    let settled = 0;
    let ahead = 0;
    async function* source() {
      for (const upload of ids(50)) {
        ahead = Math.max(ahead, ++pulled - settled);
        yield upload.id;
      }
    }
    const processor = processorOf(world, { concurrency: 3 });
    processor.on("upload:settled", () => void settled++);
    const result = await processor.processUploads(source());
    expect(result).toMatchObject({ batchId: null, status: "completed", completed: 50, total: null });
    expect(ahead).toBeLessThanOrEqual(4);
  });

  test("takes a plain repository, and knows the length of an array", async () => {
    const world = worldOf(ids(5));
    const { findUpload, updateUpload } = world.repository;
    const processor = new BatchProcessor({ ...world, ...plain, repository: { findUpload, updateUpload } });
    const percentages: (number | null)[] = [];
    processor.on("batch:progress", ({ percentage }) => percentages.push(percentage));
    expect(await processor.processUploads(ids(5))).toMatchObject({ completed: 5, total: 5 });
    expect(percentages.at(-1)).toBe(100);
  });

  test("an input that throws: in-flight work ends, the result is failed with the error", async () => {
    const world = worldOf(ids(3));
    function* source() {
      yield* ids(3);
      throw new Error("cursor lost");
    }
    const result = await processorOf(world).processUploads(source());
    expect(result).toMatchObject({
      status: "failed",
      completed: 3,
      error: { code: "INPUT_FAILED", message: "The iterable given to processUploads threw: cursor lost" },
    });
  });

  test("what is no upload ends the input with a clear error", async () => {
    const result = await processorOf(worldOf([])).processUploads([42 as never]);
    expect(result.error?.message).toBe("uploads: expected an upload record or its id, got 42");
  });

  test("a source that hangs is not waited for after the stop, and one that is left early is closed", async () => {
    const world = worldOf(ids(5));
    const controller = new AbortController();
    async function* hanging() {
      yield "u0000";
      await new Promise(() => {});
    }
    const processor = processorOf(world);
    const running = processor.processUploads(hanging(), { signal: controller.signal });
    await until(() => world.ai.embed.mock.calls.length === 1);
    setTimeout(() => controller.abort(), 20);
    expect(await running).toMatchObject({ status: "processing", completed: 1 });

    let closed = false;
    function* endless() {
      try {
        for (;;) yield "u0001";
      } finally {
        closed = true;
      }
    }
    const stop = new AbortController();
    processor.once("upload:started", () => stop.abort());
    await processor.processUploads(endless(), { signal: stop.signal });
    expect(closed).toBe(true);
  });

  test("unknown ids and ids that come twice", async () => {
    const world = worldOf(ids(1));
    const result = await processorOf(world, { concurrency: 1 }).processUploads(["u0000", "u0000", "nobody"]);
    expect(result).toMatchObject({ completed: 1, skipped: 2, total: 3 });
  });
});

describe("progress and limits", () => {
  test("batch:progress never runs backwards and ends at 100", async () => {
    const world = worldOf([...ids(30), uploadOf("done", { status: "completed" })]);
    world.ai.describe.mockImplementation(async () => {
      await new Promise((resolve) => setTimeout(resolve, 15));
      return "text";
    });
    const processor = processorOf(world, { concurrency: 2 });
    const seen: number[] = [];
    processor.on("batch:progress", ({ processed, total, percentage }) => {
      expect(total).toBe(31);
      expect(percentage).toBeLessThanOrEqual(100);
      seen.push(processed);
    });
    await processor.process("batch");
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(31);
    expect(seen.length).toBeGreaterThan(1);
  });

  test("stage limits are shared over all batches of a processor, and concurrency too", async () => {
    const world = worldOf([
      ...ids(10),
      ...Array.from({ length: 10 }, (_, n) => uploadOf(`x${n}`, { batchId: "other" })),
    ]);
    await world.repository.addBatch({ id: "other", status: "pending" });
    let describing = 0;
    let most = 0;
    world.ai.describe.mockImplementation(async () => {
      most = Math.max(most, ++describing);
      await new Promise((resolve) => setTimeout(resolve, 3));
      describing--;
      return "text";
    });
    const ai = { ...world.ai, concurrency: { describe: 2 } };
    const processor = new BatchProcessor({ ...world, ...plain, ai, concurrency: 6 });
    let active = 0;
    processor.on("upload:progress", () => {
      active = Math.max(active, processor.activeCount);
    });
    const results = await Promise.all([processor.process("batch"), processor.process("other")]);
    expect(results.map(({ completed }) => completed)).toEqual([10, 10]);
    expect(most).toBe(2);
    expect(active).toBe(6);
  });

  test("while one upload waits for the model, others embed", async () => {
    const world = worldOf(ids(8));
    let embeddedWhileDescribing = 0;
    let describing = 0;
    world.ai.describe.mockImplementation(async () => {
      describing++;
      await new Promise((resolve) => setTimeout(resolve, 5));
      describing--;
      return "text";
    });
    world.ai.embed.mockImplementation(async () => {
      if (describing > 0) embeddedWhileDescribing++;
      return [1];
    });
    await processorOf(world, { ai: { ...world.ai, concurrency: { describe: 1 } } }).process("batch");
    expect(embeddedWhileDescribing).toBeGreaterThan(4);
  });
});
