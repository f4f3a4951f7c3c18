import { afterEach, describe, expect, test, vi } from "vitest";
import { BatchProcessor, type BatchProgressEvent, createRuntime, processUploadWithRetry } from "../../src/index.js";
import { deferred, ids, until, untilAborted, uploadOf, worldOf } from "../support/fakes.js";

const plain = { thumbnail: false, retry: { maxAttempts: 1 } } as const;

afterEach(() => {
  vi.useRealTimers();
});

describe("sources", () => {
  test("are never asked for two uploads at once", async () => {
    const world = worldOf(ids(6));
    let asked = 0;
    let most = 0;
    const left = ids(6).map(({ id }) => id);
    const next = async (): Promise<IteratorResult<string>> => {
      most = Math.max(most, ++asked);
      await new Promise((resolve) => setImmediate(resolve));
      asked--;
      const value = left.shift();
      return value === undefined ? { done: true, value } : { done: false, value };
    };
    const processor = new BatchProcessor({ ...world, ...plain, concurrency: 4 });
    const result = await processor.processUploads({ [Symbol.asyncIterator]: () => ({ next }) });
    expect(result).toMatchObject({ status: "completed", completed: 6 });
    expect(most).toBe(1);
  });

  test("may hold more than they were said to: no percentage above 100", async () => {
    const world = worldOf([...ids(3), uploadOf("done", { status: "completed" })]);
    const processor = new BatchProcessor({ ...world, ...plain, concurrency: 1 });
    const steps: BatchProgressEvent[] = [];
    processor.on("batch:progress", (step) => void steps.push(step));
    const result = await processor.processUploads(["u0000", "u0001", "done", "u0002"], { total: 1 });
    expect(result).toMatchObject({ total: 4, completed: 3, skipped: 1 });
    for (const { total, processed, percentage, etaMs } of steps) {
      expect(total).toBe(processed);
      expect(percentage).toBe(100);
      expect(etaMs).toBe(0);
    }
    expect(steps.at(-1)).toMatchObject({ processed: 4, completed: 4 });
  });
});

const STOPPED = { status: "processing", error: { code: "NOT_COMPLETED" } };
test.each([
  ["pending", "pending", STOPPED],
  ["completed", "pending", STOPPED],
  ["failed", "pending", STOPPED],
  ["completed", "completed", { status: "completed", skipped: 1 }],
  ["cancelled", "pending", { status: "cancelled" }],
] as const)("a %s batch with a %s upload, stopped before it is begun, ends as what became of it", async (...each) => {
  const [status, ofUpload, ended] = each;
  const world = worldOf([uploadOf("a", { status: ofUpload })]);
  await world.repository.updateBatch("batch", { status });
  const processor = new BatchProcessor({ ...world, ...plain });
  expect(await processor.process("batch", { signal: AbortSignal.abort() })).toMatchObject(ended);
  const closed = processor.process("batch");
  await processor.close();
  expect(await closed).toMatchObject(ended);
  expect(await world.repository.findBatch("batch")).toMatchObject({ status });
});

test("a count that is under way when the run ends is not told after its end", async () => {
  const world = worldOf(ids(1));
  const { repository } = world;
  const counting = deferred();
  let counts = 0;
  const countUploads: typeof repository.countUploads = async (selection) => {
    if (++counts !== 2) return repository.countUploads(selection);
    await counting.promise; // the first is the run's own, the second that of its progress: old when it comes
    return { pending: 1 };
  };
  const updateBatch: typeof repository.updateBatch = async (id, changes, expected) => {
    const written = await repository.updateBatch(id, changes, expected);
    if (changes.status === "completed") setTimeout(() => counting.resolve(), 20);
    return written;
  };
  const adapters = { ...world, repository: { ...repository, countUploads, updateBatch } };
  const processor = new BatchProcessor({ ...adapters, ...plain });
  const told: string[] = [];
  processor.on("batch:progress", ({ percentage }) => void told.push(`${percentage} %`));
  processor.on("batch:settled", () => void told.push("settled"));
  await processor.process("batch");
  await counting.promise;
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(counts).toBeGreaterThan(2);
  expect(told.at(-1)).toBe("settled");
});

test("the same id twice, held by another process: neither visit wakes the other again and again", async () => {
  const world = worldOf(ids(1));
  await world.repository.claimUpload("u0000", { leaseMs: 3_600_000, token: "other" });
  const claims = vi.spyOn(world.repository, "claimUpload");
  vi.useFakeTimers();
  const processor = new BatchProcessor({ ...world, ...plain });
  const controller = new AbortController();
  const running = processor.processUploads(["u0000", "u0000"], { signal: controller.signal });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(claims.mock.calls.length).toBeLessThanOrEqual(3);
  controller.abort();
  expect(await running).toMatchObject({ skipped: 2 });
});

test("abortUpload stops the upload of its own repository, not one of the same id in another", async () => {
  const worlds = [worldOf(ids(1)), worldOf(ids(1))] as const;
  const runtime = createRuntime();
  const processors = worlds.map((world) => {
    world.ai.describe.mockImplementation((_, { signal }) => untilAborted(signal));
    return new BatchProcessor({ ...world, ...plain, runtime });
  });
  const running = processors.map((processor) => processor.processUpload("u0000"));
  await until(() => worlds.every(({ ai }) => ai.describe.mock.calls.length === 1));
  expect(processors[0]?.abortUpload("u0000", "deleted")).toBe(true);
  expect(await running[0]).toMatchObject({ status: "aborted", reason: "deleted" });
  expect(runtime.health().active).toBe(1);
  expect(processors[1]?.abortUpload("u0000")).toBe(true);
  await running[1];
});

test("what waits for a slot begins nothing once the service is down", async () => {
  const world = worldOf(ids(3));
  const held = deferred<string>();
  world.ai.describe.mockImplementationOnce(() => held.promise);
  const runtime = createRuntime({ breaker: { threshold: 1, cooldownMs: 60_000 } });
  const processor = new BatchProcessor({ ...world, ...plain, runtime, concurrency: 1 });
  const first = processor.processUpload("u0000");
  await until(() => world.ai.describe.mock.calls.length === 1);
  const claims = vi.spyOn(world.repository, "claimUpload");
  const controller = new AbortController();
  const waiting = processor.processUploads(["u0001"], { signal: controller.signal });
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  held.reject(Object.assign(new Error("down"), { status: 503 }));
  expect(await first).toMatchObject({ status: "deferred" });
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(claims).not.toHaveBeenCalled();
  controller.abort();
  expect(await waiting).toMatchObject({ status: "processing", deferred: 0 });
});

test("an engine's suspect is deferred while another one is before it, and takes no attempt", async () => {
  const world = worldOf([uploadOf("a", { starts: 1 }), uploadOf("b", { starts: 1 })]);
  const held = deferred<string>();
  world.ai.describe.mockImplementationOnce(() => held.promise);
  const first = processUploadWithRetry("a", world, { ...plain, attempt: { number: 1, max: 1 } });
  await until(() => world.ai.describe.mock.calls.length === 1);
  const second = await processUploadWithRetry("b", world, { ...plain, attempt: { number: 1, max: 1 } });
  expect(second).toMatchObject({
    status: "deferred",
    countsAsAttempt: false,
    error: { code: "CLAIMED_ELSEWHERE", message: expect.stringContaining("started before and never settled") },
  });
  expect(await world.repository.findUpload("b")).toMatchObject({ status: "pending", starts: 1 });
  held.resolve("text");
  expect(await first).toMatchObject({ status: "completed" });
});

test("close begins nothing more: a single that waits for the end of a pause is aborted, and left as it was", async () => {
  const world = worldOf(ids(2));
  const processor = new BatchProcessor({ ...world, ...plain, concurrency: 1 });
  processor.pause();
  const single = processor.processUpload("u0000");
  await processor.close();
  expect(await single).toMatchObject({ status: "aborted", reason: { message: "The processor was closed" } });
  expect(world.ai.describe).not.toHaveBeenCalled();
  expect(await world.repository.findUpload("u0000")).toMatchObject({ status: "pending" });
  expect(processor.isPaused).toBe(false);
  processor.pause();
  expect(processor.isPaused).toBe(false);
});

test("close lets the single in work end, and begins none that waits for a slot, or for its turn as a suspect", async () => {
  const world = worldOf([...ids(2), uploadOf("a", { starts: 1 }), uploadOf("b", { starts: 1 })]);
  const held = [deferred<string>(), deferred<string>()] as const;
  for (const { promise } of held) world.ai.describe.mockImplementationOnce(() => promise);
  const processor = new BatchProcessor({ ...world, ...plain, concurrency: 2 });
  const suspects = [processor.processUpload("a"), processor.processUpload("b")];
  await until(() => world.ai.describe.mock.calls.length === 1);
  const singles = [processor.processUpload("u0000"), processor.processUpload("u0001")];
  await until(() => world.ai.describe.mock.calls.length === 2);
  const closing = processor.close();
  for (const { resolve } of held) resolve("text");
  await closing;
  const statuses = async (results: typeof singles) => (await Promise.all(results)).map(({ status }) => status);
  expect(await statuses(suspects)).toEqual(["completed", "aborted"]);
  expect(await statuses(singles)).toEqual(["completed", "aborted"]);
  expect(world.ai.describe).toHaveBeenCalledTimes(2);
});

test("a run has no more uploads in work than its concurrency, also of those that others held when it came to them", async () => {
  const world = worldOf(ids(8));
  const { repository } = world;
  const fences = new Map<string, number>();
  for (const { id } of ids(8)) {
    const claimed = await repository.claimUpload(id, { leaseMs: 300, token: `other-${id}` });
    if (claimed.outcome === "claimed") fences.set(id, claimed.fence);
  }
  let refused = 0;
  const claimUpload: typeof repository.claimUpload = async (...args) => {
    const answer = await repository.claimUpload(...args);
    if (answer.outcome === "busy" && ++refused === 8)
      for (const [id, fence] of fences) await repository.updateUpload(id, { status: "pending", starts: 0 }, { fence });
    return answer;
  };
  let inWork = 0;
  let most = 0;
  world.ai.describe.mockImplementation(async () => {
    most = Math.max(most, ++inWork);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    inWork--;
    return "text";
  });
  const adapters = { ...world, repository: { ...repository, claimUpload } };
  const processor = new BatchProcessor({ ...adapters, ...plain, concurrency: 8 });
  expect(await processor.process("batch", { concurrency: 2 })).toMatchObject({ status: "completed", completed: 8 });
  expect(most).toBe(2);
});
