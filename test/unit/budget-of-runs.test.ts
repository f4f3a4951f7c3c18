import { describe, expect, test } from "vitest";
import {
  BatchProcessor,
  ConfigurationError,
  createRuntime,
  processUploadWithRetry,
  UploadError,
  type Usage,
} from "../../src/index.js";
import { deferred, ids, statusesIn, until, uploadOf, worldOf } from "../support/fakes.js";
import { numberOf, priced } from "../support/priced.js";

const plain = { thumbnail: false, retry: { minTimeout: 1, randomize: false } } as const;

describe("a budget", () => {
  test("of a run: it ends as processing, and calling again goes on behind what is paid for", async () => {
    const world = worldOf(ids(10));
    const processor = new BatchProcessor({ ...world, ai: priced(world), ...plain });
    const first = await processor.process("batch", { budget: 5 });
    expect(first).toMatchObject({ status: "processing", failed: 0, error: { code: "BUDGET_EXHAUSTED" } });
    expect(first.usage.cost).toBeLessThanOrEqual(5);
    expect(first.usage.cost).toBeGreaterThan(4);
    expect(await world.repository.findBatch("batch")).toMatchObject({ status: "processing" });
    const statuses = Object.values(await statusesIn(world.repository));
    expect(statuses.filter((status) => status === "pending")).toHaveLength(10 - first.completed);
    const rest = await processor.process("batch");
    expect(rest).toMatchObject({ status: "completed" });
    expect(rest.error).toBeUndefined();
    expect(rest.completed + first.completed).toBe(10);
    expect(world.ai.describe).toHaveBeenCalledTimes(10);
    expect(world.ai.embed).toHaveBeenCalledTimes(10);
  });

  test("of a runtime: counts what was spent before, and goes on with more", async () => {
    const world = worldOf(ids(10));
    const runtime = createRuntime({ budget: { limit: 25, spent: 20 } });
    const processor = new BatchProcessor({ ...world, ai: priced(world), ...plain, runtime });
    expect(processor.health().budgetLeft).toBe(5);
    const first = await processor.process("batch");
    expect(first).toMatchObject({ status: "processing", error: { code: "BUDGET_EXHAUSTED", retryable: false } });
    const { budgetLeft } = processor.health();
    expect(budgetLeft).toBeCloseTo(5 - numberOf(first.usage, "cost"));
    expect(budgetLeft).toBeGreaterThanOrEqual(0);
    const alone = await processUploadWithRetry("u0009", { ...world, ai: priced(world) }, { ...plain, runtime });
    expect(alone).toMatchObject({ status: "deferred", countsAsAttempt: false, error: { code: "BUDGET_EXHAUSTED" } });
    expect(await world.repository.findUpload("u0009")).toMatchObject({ status: "pending", starts: 0 });
    runtime.addBudget(100);
    expect(await processor.process("batch")).toMatchObject({ status: "completed" });
    expect(world.ai.describe).toHaveBeenCalledTimes(10);
  });

  test("of both: the tighter one holds, and what one refuses is not taken from the other", async () => {
    const world = worldOf(ids(4));
    const processor = new BatchProcessor({ ...world, ai: priced(world), ...plain, budget: { limit: 100 } });
    expect(await processor.process("batch", { budget: 2 })).toMatchObject({ error: { code: "BUDGET_EXHAUSTED" } });
    const { budgetLeft, usage } = processor.health();
    expect(budgetLeft).toBeCloseTo(100 - numberOf(usage, "cost"));
    expect(await processor.process("batch", { budget: 100 })).toMatchObject({ status: "completed" });
  });

  test("until the first price is known, one call is made at a time", async () => {
    const world = worldOf(ids(4));
    const ai = priced(world);
    const first = deferred<{ text: string; usage: Usage }>();
    world.ai.describe.mockImplementationOnce(() => first.promise);
    const processor = new BatchProcessor({ ...world, ai, ...plain, concurrency: 4 });
    const running = processor.process("batch", { budget: 100 });
    await until(() => world.ai.describe.mock.calls.length > 0 && processor.activeCount === 4);
    await new Promise((resolve) => setImmediate(resolve));
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
    first.resolve({ text: "text", usage: { inputTokens: 100 } });
    expect(await running).toMatchObject({ status: "completed", completed: 4 });
  });

  test("a call that fails frees what was reserved for it", async () => {
    const world = worldOf(ids(1));
    const ai = priced(world);
    world.ai.embed.mockRejectedValueOnce(Object.assign(new Error("down"), { status: 503 }));
    const processor = new BatchProcessor({ ...world, ai, ...plain });
    expect(await processor.process("batch", { budget: 2 })).toMatchObject({ status: "completed" });
  });

  test.each([null, -1])(
    "the price %s: the paid result is stored, then the run ends with a ConfigurationError",
    async (price) => {
      const world = worldOf(ids(3));
      const processor = new BatchProcessor({ ...world, ai: priced(world, { price: () => price }), ...plain });
      const result = await processor.process("batch", { budget: 5 });
      expect(result).toMatchObject({ status: "failed", failed: 0, error: { code: "INVALID_CONFIGURATION" } });
      expect(result.error?.message).toBe(
        "ai.price: expected the price of a describe call, a number of at least 0, because there is a budget",
      );
      expect(world.ai.describe).toHaveBeenCalledTimes(1);
      const [first] = await world.repository.listUploads({ all: true }, { limit: 1 });
      expect(first).toMatchObject({ status: "pending", description: "text", starts: 0 });
      expect(await processor.process("batch")).toMatchObject({ status: "completed", completed: 3 });
      expect(world.ai.describe).toHaveBeenCalledTimes(3);
    },
  );

  test("a null price at the last stage, of a single call: everything is stored, the upload is open", async () => {
    const world = worldOf([uploadOf("a")]);
    const ai = priced(world, { price: (_, stage) => (stage === "embed" ? null : 1) });
    const runtime = createRuntime({ budget: { limit: 5 } });
    const working = processUploadWithRetry("a", { ...world, ai }, { ...plain, runtime });
    await expect(working).rejects.toThrow(ConfigurationError);
    await expect(working).rejects.toThrow("the price of a embed call");
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "pending", embedding: [1, 2], starts: 0 });
  });

  test("a null price of an answer that is not accepted: it is not asked again", async () => {
    const world = worldOf([uploadOf("a")]);
    const ai = priced(world, { price: () => null });
    world.ai.describe.mockResolvedValue("  ");
    const runtime = createRuntime({ budget: { limit: 5 } });
    const working = processUploadWithRetry("a", { ...world, ai }, { ...plain, runtime });
    await expect(working).rejects.toThrow("the price of a describe call");
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "pending", starts: 0 });
  });

  test("a failed call without a price is no reason to stop", async () => {
    const world = worldOf([uploadOf("a")]);
    const ai = priced(world, { price: ({ inputTokens }) => (inputTokens === undefined ? null : 1) });
    world.ai.describe.mockRejectedValueOnce(new UploadError("busy", { code: "DESCRIBE_FAILED", fault: "service" }));
    const runtime = createRuntime({ budget: { limit: 5 } });
    const result = await processUploadWithRetry("a", { ...world, ai }, { ...plain, runtime });
    expect(result).toMatchObject({ status: "completed", usage: { cost: 2, requests: 3 } });
  });

  test("needs a price, and a runtime that has one", async () => {
    const world = worldOf(ids(1));
    const message = "budget: a budget needs prices";
    expect(() => new BatchProcessor({ ...world, budget: { limit: 5 } })).toThrow(message);
    const processor = new BatchProcessor({ ...world, ...plain });
    await expect(processor.process("batch", { budget: 5 })).rejects.toThrow(message);
    const runtime = createRuntime({ budget: { limit: 5 } });
    await expect(processUploadWithRetry("u0000", world, { runtime })).rejects.toThrow(message);
    expect(() => createRuntime().addBudget(5)).toThrow("addBudget: this runtime has no budget");
    expect(() => runtime.addBudget(Number.NaN)).toThrow("addBudget: expected a number of at least 0, got NaN");
    expect(() => runtime.addBudget(-5)).toThrow(ConfigurationError);
    expect(world.ai.describe).not.toHaveBeenCalled();
  });
});
