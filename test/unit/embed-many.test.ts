import { afterEach, describe, expect, test, vi } from "vitest";
import {
  type AIAdapter,
  BatchProcessor,
  createRuntime,
  type Plugin,
  processUploadWithRetry,
  type Usage,
} from "../../src/index.js";
import { describedWorld, plain, vectorOf } from "../support/embedding.js";
import { settled } from "../support/fake-time.js";
import { deferred, until, untilAborted } from "../support/fakes.js";

afterEach(() => {
  vi.useRealTimers();
});

type World = ReturnType<typeof describedWorld>;

const all = (world: World, options: Parameters<typeof processUploadWithRetry>[2] = {}) =>
  Promise.all(world.names.map((id) => processUploadWithRetry(id, world, { ...plain, ...options })));

const statuses = (results: readonly { readonly status: string }[]) => results.map(({ status }) => status);

describe("texts that wait", () => {
  test("go into one call, and each upload gets its own vector", async () => {
    const world = describedWorld(5);
    const results = await all(world);
    expect(new Set(statuses(results))).toEqual(new Set(["completed"]));
    expect(world.sizes()).toEqual([5]);
    const inputs = world.embedMany.mock.calls[0]?.[0] ?? [];
    expect(inputs.map(({ upload }) => upload.id).sort()).toEqual(world.names);
    for (const id of world.names) {
      const stored = await world.repository.findUpload(id);
      expect(stored?.embedding).toEqual(vectorOf(stored?.description ?? ""));
    }
    expect(world.ai.describe).not.toHaveBeenCalled();
  });

  test("are re-embedded 64 at a time: 1,000 in at most 20 calls", async () => {
    vi.useFakeTimers();
    const world = describedWorld(1000);
    world.embedMany.mockImplementation(async (inputs) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return { vectors: inputs.map(({ text }) => vectorOf(text)) };
    });
    const processor = new BatchProcessor({ ...world.adapters, thumbnail: false, concurrency: 64 });
    const began = Date.now();
    const result = await settled(processor.process("batch"));
    expect(result).toMatchObject({ status: "completed", completed: 1000 });
    expect(world.embedMany.mock.calls.length).toBeLessThanOrEqual(20);
    expect(Math.max(...world.sizes())).toBe(64);
    // By the clock of the test: one by one it would take 20 s at one call at a time.
    expect(Date.now() - began).toBeLessThan(1000);
  });

  test("are as many as embedBatch says, and the rest is not waited for longer than it says", async () => {
    vi.useFakeTimers();
    const world = describedWorld(7, { embedBatch: { maxSize: 3, maxWaitMs: 200 } });
    const working = all(world);
    await vi.advanceTimersByTimeAsync(199);
    expect(world.sizes()).toEqual([3, 3]);
    await vi.advanceTimersByTimeAsync(1);
    expect(world.sizes()).toEqual([3, 3, 1]);
    expect(new Set(statuses(await settled(working)))).toEqual(new Set(["completed"]));
  });

  test("take one slot for all of them, and gather while the slots are taken", async () => {
    const world = describedWorld(9, { embedBatch: { maxSize: 64, maxWaitMs: 0 }, concurrency: { embed: 1 } });
    const held = deferred();
    let running = 0;
    let most = 0;
    world.embedMany.mockImplementation(async (inputs) => {
      most = Math.max(most, ++running);
      if (world.embedMany.mock.calls.length === 1) await held.promise;
      running--;
      return { vectors: inputs.map(({ text }) => vectorOf(text)) };
    });
    const runtime = createRuntime();
    const first = processUploadWithRetry("u0000", world, { ...plain, runtime });
    await until(() => world.sizes().length === 1);
    const others = world.names.slice(1).map((id) => processUploadWithRetry(id, world, { ...plain, runtime }));
    await until(() => runtime.health().waiting > 0);
    await vi.waitUntil(() => runtime.health().active === 9);
    held.resolve();
    await Promise.all([first, ...others]);
    expect(world.sizes()).toEqual([1, 8]);
    expect(most).toBe(1);
  });

  test("win over embed, where an adapter has both; the media is not opened for them", async () => {
    const embed = vi.fn();
    const world = describedWorld(2, { embed });
    const open = vi.spyOn(world.storage, "open");
    expect(statuses(await all(world))).toEqual(["completed", "completed"]);
    expect(embed).not.toHaveBeenCalled();
    expect(open).not.toHaveBeenCalled();
  });

  test("of adapters that differ are not mixed, nor those of runs with budgets of their own", async () => {
    const world = describedWorld(4, { price: () => 0 });
    const runtime = createRuntime();
    const other: AIAdapter = { ...world.ai };
    const run = (ids: readonly string[], ai: AIAdapter, budget?: number) =>
      new BatchProcessor({ ...world.adapters, ai, ...plain, runtime }).processUploads(
        ids,
        budget === undefined ? {} : { budget },
      );
    await Promise.all([
      run(["u0000"], world.ai),
      run(["u0001"], other),
      run(["u0002"], world.ai, 9),
      run(["u0003"], world.ai, 9),
    ]);
    expect(world.sizes()).toEqual([1, 1, 1, 1]);
  });
});

describe("options that are none", () => {
  test.each([
    [{ embedBatch: { maxSize: 0 } }, "adapters.ai.embedBatch.maxSize: expected an integer of at least 1, got 0"],
    [{ embedBatch: { maxWaitMs: -1 } }, "adapters.ai.embedBatch.maxWaitMs: expected milliseconds"],
    [{ embedBatch: { size: 3 } }, "adapters.ai.embedBatch.size: unknown; known are maxSize, maxWaitMs"],
    [{ embedBatch: 64 }, "adapters.ai.embedBatch: expected an object"],
    [{ embedMany: "yes" }, "adapters.ai.embedMany: expected a function"],
  ])("%j", async (more, message) => {
    const world = describedWorld(1, more as never);
    await expect(processUploadWithRetry("u0000", world)).rejects.toThrow(message);
  });

  test("vectors of another length than the table's are told before anything is paid", async () => {
    const world = describedWorld(1, { dimensions: 3 });
    const repository = Object.assign({}, world.repository, { dimensions: 4 });
    await expect(processUploadWithRetry("u0000", { ...world, repository })).rejects.toThrow("adapters.ai.dimensions");
    expect(world.embedMany).not.toHaveBeenCalled();
  });
});

describe("the context of a call", () => {
  test("has a key made of those of all the uploads: the same for the same ones, another one for others", async () => {
    const keysOf = async (...names: string[]) => {
      const world = describedWorld(3);
      await Promise.all(names.map((id) => processUploadWithRetry(id, world, plain)));
      return world.embedMany.mock.calls.map(([, { idempotencyKey }]) => idempotencyKey);
    };
    const [[both], [again], [others], [alone]] = await Promise.all([
      keysOf("u0000", "u0001"),
      keysOf("u0000", "u0001"),
      keysOf("u0000", "u0002"),
      keysOf("u0000"),
    ]);
    expect(again).toBe(both);
    expect(new Set([both, others, alone]).size).toBe(3);
    expect(alone).toMatch(/^upload-processor\/u0000\/embed\/[\w-]{16}\/[\w-]{16}$/);
  });

  test("aborts when all uploads in it are aborted, and the answer that comes then is kept", async () => {
    const world = describedWorld(3);
    const held = deferred();
    const signals: AbortSignal[] = [];
    world.embedMany.mockImplementationOnce(async (inputs, { signal }) => {
      signals.push(signal);
      await held.promise;
      return { vectors: inputs.map(({ text }) => vectorOf(text)) };
    });
    const controller = new AbortController();
    const working = all(world, { signal: controller.signal });
    await until(() => signals.length === 1);
    controller.abort("enough");
    await until(() => signals[0]?.aborted === true);
    held.resolve();
    expect(await working).toMatchObject(Array(3).fill({ status: "aborted", reason: "enough" }));
    for (const id of world.names) {
      const stored = await world.repository.findUpload(id);
      expect(stored).toMatchObject({ status: "pending", embedding: expect.any(Array) });
    }
  });

  test("does not abort for one that leaves: it is handed back at once, and the others get their vectors", async () => {
    const world = describedWorld(3);
    const held = deferred();
    let signal: AbortSignal | undefined;
    world.embedMany.mockImplementationOnce(async (inputs, context) => {
      signal = context.signal;
      await held.promise;
      return { vectors: inputs.map(({ text }) => vectorOf(text)), usage: { inputTokens: 30 } };
    });
    const controller = new AbortController();
    const runtime = createRuntime();
    const leaving = processUploadWithRetry("u0000", world, { ...plain, runtime, signal: controller.signal });
    const staying = ["u0001", "u0002"].map((id) => processUploadWithRetry(id, world, { ...plain, runtime }));
    await until(() => signal !== undefined);
    controller.abort();
    expect(await leaving).toMatchObject({ status: "aborted", usage: {} });
    expect(signal?.aborted).toBe(false);
    held.resolve();
    const results = await Promise.all(staying);
    expect(statuses(results)).toEqual(["completed", "completed"]);
    expect(results.map(({ usage }) => usage.inputTokens)).toEqual([15, 15]);
    expect(await world.repository.findUpload("u0002")).toMatchObject({ embedding: vectorOf("Text 0002") });
    expect(runtime.health().usage).toMatchObject({ inputTokens: 30, requests: 1 });
  });

  test.each([0, 1, 2, 3, 4, 5, 6])(
    "is booked, and frees its place, when the last one leaves %i ticks after the answer",
    async (ticks) => {
      const world = describedWorld(2, { price: () => 1 });
      const controller = new AbortController();
      const held = deferred<Awaited<ReturnType<NonNullable<AIAdapter["embedMany"]>>>>();
      world.embedMany.mockImplementationOnce(() => held.promise);
      const runtime = createRuntime({ breaker: { threshold: 1 }, budget: { limit: 9 } });
      const options = { ...plain, runtime };
      const working = processUploadWithRetry("u0000", world, { ...options, signal: controller.signal });
      await until(() => world.sizes().length === 1);
      let gap = held.promise.then(() => {});
      for (let tick = 0; tick < ticks; tick++) gap = gap.then(() => {});
      void gap.then(() => controller.abort());
      held.resolve({ vectors: [[1]] });
      const { status, usage } = await working;
      expect(["aborted", "completed"]).toContain(status);
      expect(usage).toMatchObject({ requests: 1, cost: 1 });
      expect(runtime.health().usage).toMatchObject({ requests: 1, cost: 1 });
      expect(await processUploadWithRetry("u0001", world, options)).toMatchObject({ status: "completed" });
    },
  );

  test("is not made when all have left before", async () => {
    vi.useFakeTimers();
    const world = describedWorld(2, { embedBatch: { maxWaitMs: 60_000 } });
    const controller = new AbortController();
    const working = all(world, { signal: controller.signal });
    await vi.advanceTimersByTimeAsync(1000);
    controller.abort();
    expect(statuses(await working)).toEqual(["aborted", "aborted"]);
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(world.embedMany).not.toHaveBeenCalled();
  });

  test("is withdrawn from the line for a slot, and from the breaker, when all have left", async () => {
    const world = describedWorld(4, { concurrency: { embed: 2 }, embedBatch: { maxSize: 1 } });
    const held = deferred();
    world.embedMany.mockImplementation(async (inputs) => {
      await held.promise;
      return { vectors: inputs.map(({ text }) => vectorOf(text)) };
    });
    // Until a call has ended well only one is made; the second waits for that in its slot, and the third for a slot.
    const runtime = createRuntime({ breaker: { threshold: 1 } });
    const controllers = world.names.map(() => new AbortController());
    const begin = (place: number) => {
      const signal = controllers[place]?.signal;
      return processUploadWithRetry(world.names[place] ?? "", world, { ...plain, runtime, signal });
    };
    const first = begin(0);
    await until(() => world.sizes().length === 1);
    const others = [begin(1), begin(2)];
    await until(() => runtime.health().active === 3 && runtime.health().waiting === 1);
    controllers[2]?.abort();
    expect(await others[1]).toMatchObject({ status: "aborted" });
    expect(runtime.health().waiting).toBe(0);
    controllers[1]?.abort();
    expect(await others[0]).toMatchObject({ status: "aborted" });
    const last = begin(3);
    await until(() => runtime.health().active === 2);
    await new Promise((resolve) => setImmediate(resolve));
    expect(runtime.health().waiting).toBe(0); // the slot is free
    held.resolve();
    expect(statuses(await Promise.all([first, last]))).toEqual(["completed", "completed"]);
    expect(world.sizes()).toEqual([1, 1]);
  });

  test("ends by the timeout, also when the adapter ignores it", async () => {
    vi.useFakeTimers();
    const world = describedWorld(2);
    world.embedMany.mockImplementationOnce((_, { signal }) => untilAborted(signal));
    const timeouts = { embedMs: 700 };
    const retried = await settled(all(world, { timeouts }));
    expect(statuses(retried)).toEqual(["completed", "completed"]);
    expect(retried[0]).toMatchObject({ attempts: 2 });
    expect(retried[0]?.stages[0]).toMatchObject({ stage: "embed", outcome: "failed" });

    const deaf = describedWorld(2);
    deaf.embedMany.mockImplementationOnce(() => new Promise(() => {}));
    const results = await settled(all(deaf, { timeouts }));
    expect(statuses(results)).toEqual(["completed", "completed"]);
    expect(results.flatMap(({ warnings }) => warnings)).toMatchObject([{ code: "ABORT_IGNORED", stage: "embed" }]);
  });
});

describe("the ledger", () => {
  const priced = (tokens: number): Partial<AIAdapter> => ({
    price: ({ inputTokens }: Usage) => (inputTokens === undefined ? 0 : inputTokens / 100),
    embedMany: vi.fn<NonNullable<AIAdapter["embedMany"]>>(async (inputs) => ({
      vectors: inputs.map(({ text }) => vectorOf(text)),
      usage: { inputTokens: tokens, model: "vectors" },
    })),
  });
  const sum = (usages: readonly Usage[], key: "inputTokens" | "requests" | "cost" | "durationMs") =>
    usages.reduce((total, usage) => total + (usage[key] ?? 0), 0);

  test("has one call, and what its uploads tell adds up to it", async () => {
    const world = describedWorld(7, priced(1000));
    const runtime = createRuntime();
    const results = await all(world, { runtime });
    const usages = results.map(({ usage }) => usage);
    const { usage } = runtime.health();
    expect(usage).toMatchObject({ inputTokens: 1000, requests: 1, model: "vectors" });
    expect(usage.cost).toBeCloseTo(10);
    for (const key of ["inputTokens", "requests"] as const) expect(sum(usages, key)).toBe(usage[key]);
    for (const key of ["cost", "durationMs"] as const) expect(sum(usages, key)).toBeCloseTo(usage[key] ?? -1);
    expect(usages.every(({ inputTokens }) => [142, 143].includes(inputTokens ?? 0))).toBe(true);
    expect(results.map(({ stages }) => stages[0]?.usage)).toEqual(usages);
    expect((await world.repository.findUpload("u0000"))?.metadata?.usage).toMatchObject({ model: "vectors" });
  });

  test("shares by the lengths of the texts", async () => {
    const world = describedWorld(0, priced(100));
    for (const [id, description] of Object.entries({ short: "x".repeat(10), long: "x".repeat(90) }))
      await world.repository.addUploads([{ id, storageKey: id, status: "pending", description }]);
    const results = await Promise.all(["short", "long"].map((id) => processUploadWithRetry(id, world, plain)));
    expect(results.map(({ usage }) => usage.inputTokens)).toEqual([10, 90]);
  });

  test("of a run agrees as well, and a plan goes by what an upload took", async () => {
    const world = describedWorld(8, { ...priced(800), version: { describe: "1", embed: "1" } });
    const processor = new BatchProcessor({ ...world.adapters, ...plain, concurrency: 8 });
    const result = await processor.process("batch");
    expect(result.usageByStage.embed).toMatchObject({ requests: 1, inputTokens: 800 });
    expect(processor.health().usage.cost).toBeCloseTo(8);
    const { runtime } = processor;
    const ai = { ...world.ai, version: { describe: "1", embed: "2" } };
    const next = new BatchProcessor({ ...world.adapters, ai, ...plain, concurrency: 8, runtime });
    const plan = await next.plan({ batchId: "batch" }, "reprocess");
    expect(plan).toMatchObject({ uploads: 8, calls: { embed: 8 }, cost: expect.closeTo(8) });
    // One call at a time for all of them, not eight at once.
    expect(plan.durationMs).toBeCloseTo(runtime.health().usage.durationMs ?? 0);
  });

  test("a budget has one place for the call, and a price that is missing ends the work once all is stored", async () => {
    const world = describedWorld(5, priced(100));
    const runtime = createRuntime({ budget: { limit: 1.5 } });
    expect(new Set(statuses(await all(world, { runtime })))).toEqual(new Set(["completed"]));
    expect(runtime.health().budgetLeft).toBeCloseTo(0.5);

    const unpriced = describedWorld(3, { price: () => null });
    const run = new BatchProcessor({ ...unpriced.adapters, ...plain, budget: { limit: 5 } }).process("batch");
    expect(await run).toMatchObject({ status: "failed", error: { message: expect.stringContaining("ai.price") } });
    expect(unpriced.sizes()).toEqual([3]);
    for (const id of unpriced.names)
      expect((await unpriced.repository.findUpload(id))?.embedding).toEqual(expect.any(Array));
  });

  test("a budget that is used up holds all that wait, and no call is made", async () => {
    const world = describedWorld(3, priced(100));
    const runtime = createRuntime({ budget: { limit: 0 } });
    const results = await all(world, { runtime });
    expect(results).toMatchObject(Array(3).fill({ status: "deferred", error: { code: "BUDGET_EXHAUSTED" } }));
    expect(world.ai.embedMany).not.toHaveBeenCalled();
  });
});

test("a plugin wraps the embedding of each upload, and is told what it used up", async () => {
  const world = describedWorld(3);
  world.embedMany.mockImplementation(async (inputs) => ({
    vectors: inputs.map(({ text }) => vectorOf(text)),
    usage: { inputTokens: 9 },
  }));
  const told: unknown[] = [];
  const around: Plugin["around"] = async (scope, run) => {
    const outcome = await run();
    if (scope.kind === "stage" && scope.stage === "embed")
      told.push([scope.uploadId, outcome.outcome, outcome.usage?.inputTokens]);
  };
  await all(world, { plugins: [{ around }] });
  expect(told.sort()).toEqual(world.names.map((id) => [id, "ok", 3]));
});

test("the time that a text waits for others is told as waiting", async () => {
  vi.useFakeTimers();
  const world = describedWorld(1, { embedBatch: { maxWaitMs: 400 } });
  world.embedMany.mockImplementation(async (inputs) => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    return { vectors: inputs.map(({ text }) => vectorOf(text)) };
  });
  const [result] = await settled(all(world));
  expect(result?.stages).toMatchObject([{ stage: "embed", outcome: "ok", waitedMs: 400, durationMs: 50 }]);
});
