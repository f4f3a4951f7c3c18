import { afterEach, describe, expect, test, vi } from "vitest";
import {
  BatchProcessor,
  createRuntime,
  processUploadWithRetry,
  UploadError,
  UploadEventEmitter,
} from "../../src/index.js";
import { SharedRuntime } from "../../src/runtime/runtime.js";
import { settled } from "../support/fake-time.js";
import { deferred, ids, until, untilAborted, uploadOf, worldOf } from "../support/fakes.js";

const plain = { thumbnail: false, retry: { maxAttempts: 1 } } as const;
afterEach(() => {
  vi.useRealTimers();
});

const down = (more: object = {}) => Object.assign(new Error("down"), { status: 503 }, more);
const isOpen = (runtime: ReturnType<typeof createRuntime>) => runtime.health().breaker.state === "open";

describe("the breaker", () => {
  test("of describing and embedding is one: they are calls of one service", async () => {
    const world = worldOf(ids(2));
    const runtime = createRuntime({ breaker: { threshold: 1 } });
    world.ai.embed.mockRejectedValueOnce(down());
    await processUploadWithRetry("u0000", world, { ...plain, runtime });
    const next = await processUploadWithRetry("u0001", world, { ...plain, runtime });
    expect(next).toMatchObject({ status: "deferred", countsAsAttempt: false, error: { code: "CIRCUIT_OPEN" } });
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
  });

  test("opens at once by a hint that is longer than is waited for, and by a refused account", async () => {
    for (const thrown of [down({ status: 429, retryAfterMs: 3_600_000 }), down({ status: 401 })]) {
      const world = worldOf(ids(1));
      const runtime = createRuntime();
      world.ai.describe.mockRejectedValueOnce(thrown);
      const result = await processUploadWithRetry("u0000", world, { ...plain, runtime });
      expect(result).toMatchObject({ status: "deferred", countsAsAttempt: false });
      expect(isOpen(runtime)).toBe(true);
      expect(await world.repository.findUpload("u0000")).toMatchObject({ status: "pending", starts: 0 });
    }
  });

  test("forgets what an upload failed with that is at fault itself", async () => {
    const world = worldOf(ids(3));
    const runtime = createRuntime({ breaker: { threshold: 2 } });
    const once = (id: string) => processUploadWithRetry(id, world, { ...plain, runtime });
    world.ai.describe.mockRejectedValueOnce(down());
    expect(await once("u0000")).toMatchObject({ status: "deferred" });
    expect(await once("u0001")).toMatchObject({ status: "completed" });
    world.ai.describe.mockRejectedValueOnce(down());
    expect(await once("u0000")).toMatchObject({ status: "failed" });
    world.ai.describe.mockRejectedValueOnce(down());
    expect(await once("u0002")).toMatchObject({ status: "deferred" });
    expect(isOpen(runtime)).toBe(false);
  });

  test("once open, holds an upload at once: it waits for no attempt that would not be made", async () => {
    const world = worldOf(ids(1));
    const runtime = createRuntime({ breaker: { threshold: 1 } });
    const events = new UploadEventEmitter();
    const retried = vi.fn();
    events.on("upload:retry", retried);
    world.ai.describe.mockRejectedValue(down());
    const retry = { maxAttempts: 3, minTimeout: 60_000, maxTimeout: 60_000 };
    const result = await processUploadWithRetry("u0000", world, { thumbnail: false, runtime, events, retry });
    expect(result).toMatchObject({ status: "deferred", attempts: 1, error: { message: "down" } });
    expect(retried).not.toHaveBeenCalled();
  });

  test("a limit of calls is no fault of the upload that met it, whatever became of others", async () => {
    const world = worldOf(ids(2));
    const runtime = new SharedRuntime({});
    const limited = down({ status: 429, retryAfterMs: 1 });
    world.ai.describe.mockRejectedValueOnce(limited).mockResolvedValueOnce("text").mockRejectedValueOnce(limited);
    for (const id of ["u0000", "u0001", "u0000"]) {
      const result = await processUploadWithRetry(id, world, { ...plain, runtime });
      expect(result).toMatchObject(id === "u0001" ? { status: "completed" } : { status: "deferred", retryAfterMs: 1 });
    }
    const memory = runtime.memoryOf(world.repository);
    expect(memory.trialOf("u0000", runtime.breakerOfModel())).toMatchObject({ failures: 2 });
    expect(await processUploadWithRetry("u0000", world, { ...plain, runtime })).toMatchObject({ status: "completed" });
    expect(memory.isTried("u0000")).toBe(false);
  });

  test("is told nothing by what the media failed with, though the model's stage threw it", async () => {
    const world = worldOf(ids(1));
    const runtime = createRuntime({ breaker: { threshold: 1 } });
    const error = new UploadError("the bucket is down", { code: "STORAGE_FAILED", stage: "open", fault: "service" });
    world.ai.describe.mockRejectedValueOnce(error);
    await processUploadWithRetry("u0000", world, { ...plain, runtime });
    expect(isOpen(runtime)).toBe(false);
  });

  test("tells its events for as long as somebody works, and no longer", async () => {
    const world = worldOf(ids(3));
    const runtime = createRuntime({ breaker: { threshold: 1, cooldownMs: 1 } });
    const events = new UploadEventEmitter();
    const told = vi.fn();
    events.on("breaker:opened", told);
    const processor = new BatchProcessor({ ...world, ...plain, runtime });
    processor.on("breaker:opened", told);
    world.ai.describe.mockResolvedValueOnce("text").mockResolvedValueOnce("text").mockRejectedValueOnce(down());
    await processUploadWithRetry("u0000", world, { ...plain, runtime, events });
    await processor.processUpload("u0001");
    await processUploadWithRetry("u0002", world, { ...plain, runtime });
    expect(isOpen(runtime)).toBe(true);
    expect(told).not.toHaveBeenCalled();
  });
});

test("a call that is not made after all frees its place at the breaker and in the budget", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  const world = worldOf(ids(2));
  const runtime = createRuntime({ breaker: { threshold: 1 }, budget: { limit: 5 } });
  const ai = { ...world.ai, price: () => 1 };
  const open: typeof world.storage.open = async (key, options) => {
    if (key.includes("u0000")) {
      // It takes so long that the claim is renewed before the paid call; by then the row is gone.
      vi.advanceTimersByTime(15_000);
      await world.repository.deleteUpload("u0000");
    }
    return world.storage.open(key, options);
  };
  const adapters = { ...world, ai, storage: { ...world.storage, open } };
  const lost = await processUploadWithRetry("u0000", adapters, { ...plain, runtime });
  expect(lost).toMatchObject({ status: "deleted", usage: {} });
  expect(world.ai.describe).not.toHaveBeenCalled();
  expect(await processUploadWithRetry("u0001", adapters, { ...plain, runtime })).toMatchObject({ status: "completed" });
});

test("a call in flight when its row is deleted is booked, and frees its place", async () => {
  const world = worldOf(ids(2));
  const runtime = createRuntime({ breaker: { threshold: 1 } });
  const held = deferred<string>();
  world.ai.describe.mockImplementationOnce(() => held.promise);
  const first = processUploadWithRetry("u0000", world, { ...plain, runtime });
  await until(() => world.ai.describe.mock.calls.length === 1);
  await world.repository.deleteUpload("u0000");
  held.resolve("text");
  expect(await first).toMatchObject({ status: "deleted", usage: { requests: 1 } });
  expect(await processUploadWithRetry("u0001", world, { ...plain, runtime })).toMatchObject({ status: "completed" });
});

test("checkHealth that an abort ends says nothing of the service", async () => {
  const world = worldOf([uploadOf("a")]);
  const runtime = createRuntime();
  const asked = vi.fn();
  const checkHealth = ({ signal }: { signal: AbortSignal }) =>
    new Promise<void>((_, reject) => {
      asked();
      signal.addEventListener("abort", () => reject(down()));
    });
  const processor = new BatchProcessor({ ...world, ...plain, runtime, ai: { ...world.ai, checkHealth } });
  const controller = new AbortController();
  const running = processor.process("batch", { signal: controller.signal });
  await until(() => asked.mock.calls.length > 0);
  controller.abort();
  expect(await running).toMatchObject({ status: "processing", aborted: 1 });
  expect(isOpen(runtime)).toBe(false);
  expect(world.ai.describe).not.toHaveBeenCalled();
});

test("checkHealth is asked again when the upload that asked for all is aborted, and then is waited for by the others", async () => {
  const world = worldOf(ids(3));
  const checkHealth = vi.fn(async ({ signal }: { signal: AbortSignal }) => {
    if (checkHealth.mock.calls.length === 1) await untilAborted(signal);
  });
  const processor = new BatchProcessor({ ...world, ...plain, concurrency: 3, ai: { ...world.ai, checkHealth } });
  const running = processor.process("batch");
  await until(() => checkHealth.mock.calls.length === 1 && processor.activeCount === 3);
  expect(processor.abortUpload("u0000")).toBe(true);
  expect(await running).toMatchObject({ completed: 2, aborted: 1 });
  expect(checkHealth).toHaveBeenCalledTimes(2);
});

test("checkHealth that never answers is a service that is down, and its signal is aborted", async () => {
  vi.useFakeTimers();
  const world = worldOf(ids(2));
  const reasons: unknown[] = [];
  const checkHealth = vi.fn(({ signal }: { signal: AbortSignal }) => {
    signal.addEventListener("abort", () => reasons.push(signal.reason));
    return new Promise<void>(() => {});
  });
  const processor = new BatchProcessor({ ...world, ...plain, ai: { ...world.ai, checkHealth } });
  const paused = vi.fn();
  processor.on("batch:paused", ({ reason, error }) => paused(reason, error?.code));
  expect(await settled(processor.process("batch"))).toMatchObject({ completed: 2 });
  expect(paused.mock.calls).toEqual([["service", "STAGE_TIMEOUT"]]);
  expect(reasons).toEqual([expect.objectContaining({ code: "STAGE_TIMEOUT" })]);
});

test("an upload that is aborted while checkHealth is asked for evidence is handed back at once", async () => {
  const world = worldOf([uploadOf("a")]);
  const checkHealth = vi.fn(() =>
    checkHealth.mock.calls.length === 1 ? Promise.resolve() : new Promise<void>(() => {}),
  );
  world.ai.describe.mockRejectedValue(down());
  const processor = new BatchProcessor({ ...world, ...plain, ai: { ...world.ai, checkHealth } });
  const outcomes: unknown[] = [];
  processor.on("upload:settled", (event) => outcomes.push(event.status === "aborted" && event.reason));
  const running = processor.process("batch");
  await until(() => checkHealth.mock.calls.length === 2);
  const reason = new Error("not wanted any more");
  processor.abortUpload("a", reason);
  expect(await running).toMatchObject({ aborted: 1 });
  expect(outcomes).toEqual([reason]);
  expect(await world.repository.findUpload("a")).toMatchObject({ status: "pending" });
});

describe("an upload that always gets a 500 in a quiet queue", () => {
  test("holds up no other one: the next upload finds out at once whether it is the service", async () => {
    const world = worldOf(ids(3));
    const runtime = createRuntime({ breaker: { threshold: 2, cooldownMs: 3_600_000 } });
    const attempt = { number: 1, max: 3 };
    const once = (id: string) => processUploadWithRetry(id, world, { thumbnail: false, runtime, attempt });
    world.ai.describe.mockImplementation(async ({ upload: { id } }) => {
      if (id === "u0000") throw down();
      return "a cat";
    });
    await once("u0000");
    await once("u0000");
    expect(isOpen(runtime)).toBe(true);
    expect(await once("u0001")).toMatchObject({ status: "completed" });
    expect(isOpen(runtime)).toBe(false);
    // The service was up meanwhile: now it is the upload's own failure, and its engine's attempts are used up.
    expect(await once("u0000")).toMatchObject({ status: "deferred", countsAsAttempt: true });
  });

  test("of an outage the next upload finds out, too, and only that one", async () => {
    const world = worldOf(ids(4));
    const runtime = createRuntime({ breaker: { threshold: 2, cooldownMs: 3_600_000 } });
    const attempt = { number: 1, max: 3 };
    const once = (id: string) => processUploadWithRetry(id, world, { thumbnail: false, runtime, attempt });
    world.ai.describe.mockImplementation(async () => Promise.reject(down()));
    await once("u0000");
    for (const id of ["u0000", "u0001", "u0002", "u0003"]) await once(id);
    expect(world.ai.describe.mock.calls.map(([{ upload }]) => upload.id)).toEqual(["u0000", "u0000", "u0001"]);
  });
});

describe("without a breaker", () => {
  test.each([503, 401])(
    "a service that answers %i is called less and less often, and the batch waits",
    async (status) => {
      vi.useFakeTimers();
      const world = worldOf(ids(3));
      world.ai.describe.mockImplementation(async () => Promise.reject(down({ status })));
      const controller = new AbortController();
      const processor = new BatchProcessor({ ...world, breaker: false, thumbnail: false, retry: { maxAttempts: 1 } });
      const working = processor.process("batch", { signal: controller.signal });
      await vi.advanceTimersByTimeAsync(60_000);
      // At 0, 1, 3, 7, 15, 31 s and so on.
      expect(world.ai.describe.mock.calls.length).toBeLessThanOrEqual(3 * 7);
      expect(world.ai.describe.mock.calls.length).toBeGreaterThanOrEqual(3 * 5);
      world.ai.describe.mockImplementation(async () => "a cat");
      const done = vi.advanceTimersByTimeAsync(120_000);
      expect(await working).toMatchObject({ status: "completed", completed: 3, failed: 0 });
      await done;
    },
  );
});

test("a 429 with a hint: in a batch the upload is not asked for again before that", async () => {
  vi.useFakeTimers();
  const world = worldOf(ids(1));
  const asked: number[] = [];
  world.ai.describe.mockImplementation(async () => {
    asked.push(Date.now());
    if (asked.length > 2) return "a cat";
    throw down({ status: 429, retryAfterMs: 20_000 });
  });
  const processor = new BatchProcessor({ ...world, thumbnail: false, retry: { maxAttempts: 1 } });
  expect(await settled(processor.process("batch"))).toMatchObject({ status: "completed", completed: 1 });
  expect(asked).toHaveLength(3);
  for (const [place, at] of asked.slice(1).entries()) expect(at - (asked[place] ?? 0)).toBeGreaterThanOrEqual(20_000);
});

test("an upload that the input names twice waits out a hint as one", async () => {
  vi.useFakeTimers();
  const world = worldOf(ids(1));
  let calls = 0;
  const controller = new AbortController();
  world.ai.describe.mockImplementation(async () => {
    if (++calls > 1000) controller.abort(); // else a loop without a wait never ends
    throw down({ status: 429, retryAfterMs: 20_000 });
  });
  const options = { breaker: false, thumbnail: false, retry: { maxAttempts: 1 }, concurrency: 1 } as const;
  const processor = new BatchProcessor({ ...world, ...options });
  const working = processor.processUploads(["u0000", "u0000"], { signal: controller.signal });
  await vi.advanceTimersByTimeAsync(61_000);
  // Two at once, and then each time that the hint is over.
  expect(calls).toBeLessThanOrEqual(2 * 4);
  controller.abort();
  await vi.advanceTimersByTimeAsync(1);
  expect(await working).toMatchObject({ status: "processing" });
});
