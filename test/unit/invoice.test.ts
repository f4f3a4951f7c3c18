import { describe, expect, test, vi } from "vitest";
import {
  assertCompleted,
  BatchProcessor,
  type BatchProgressEvent,
  createRuntime,
  processUploadWithRetry,
} from "../../src/index.js";
import { ids, until, untilAborted, uploadOf, worldOf } from "../support/fakes.js";
import { numberOf, priced } from "../support/priced.js";

const plain = { thumbnail: false, retry: { minTimeout: 1, randomize: false } } as const;

describe("the ledger", () => {
  test("books each call with its stage, in the result, its timings and the record", async () => {
    const world = worldOf([uploadOf("a")]);
    const runtime = createRuntime();
    const result = await processUploadWithRetry("a", { ...world, ai: priced(world) }, { ...plain, runtime });
    assertCompleted(result);
    const total = { inputTokens: 110, requests: 2, cost: 1.1, model: "vectors", durationMs: expect.any(Number) };
    expect(result.usage).toEqual(total);
    expect(runtime.health().usage).toEqual(total);
    expect(result.stages.map(({ stage, usage }) => [stage, usage?.inputTokens, usage?.cost, usage?.model])).toEqual([
      ["open", undefined, undefined, undefined],
      ["describe", 100, 1, "eyes"],
      ["embed", 10, 0.1, "vectors"],
    ]);
    const stored = await world.repository.findUpload("a");
    expect(stored?.metadata?.usage).toMatchObject({ inputTokens: 110, cost: 1.1 });
    expect(result.upload.metadata).toEqual(stored?.metadata);
  });

  test("books failed calls by what their error tells, aborted ones, and answers that were not accepted", async () => {
    const world = worldOf(ids(3));
    const ai = priced(world);
    const runtime = createRuntime();
    const failed = Object.assign(new Error("cut off"), { status: 503, usage: { inputTokens: 40 } });
    world.ai.describe.mockRejectedValueOnce(failed);
    const retried = await processUploadWithRetry("u0000", { ...world, ai }, { ...plain, runtime });
    expect(retried.usage).toMatchObject({ inputTokens: 150, requests: 3 });
    expect(retried.stages.map(({ stage, outcome, usage }) => [stage, outcome, usage?.inputTokens])).toEqual([
      ["open", "ok", undefined],
      ["describe", "failed", 40],
      ["describe", "ok", 100],
      ["embed", "ok", 10],
    ]);

    world.ai.describe.mockResolvedValueOnce({ text: " ", usage: { inputTokens: 7 } });
    const asked = await processUploadWithRetry("u0001", { ...world, ai }, { ...plain, runtime });
    expect(asked.usage).toMatchObject({ inputTokens: 117, requests: 3 });
    expect(asked.stages[1]).toMatchObject({ stage: "describe", outcome: "failed", usage: { inputTokens: 7 } });

    world.ai.describe.mockImplementationOnce((_, { signal }) => untilAborted(signal));
    const controller = new AbortController();
    const options = { ...plain, runtime, signal: controller.signal };
    const stopping = processUploadWithRetry("u0002", { ...world, ai }, options);
    await until(() => world.ai.describe.mock.calls.length === 5);
    controller.abort();
    const stopped = await stopping;
    expect(stopped).toMatchObject({ status: "aborted", usage: { requests: 1 } });
    expect(runtime.health().usage).toMatchObject({ requests: 7, inputTokens: 267 });
  });

  test("drops numbers that are not finite, and takes the adapter's own cost before its price", async () => {
    const world = worldOf([uploadOf("a")]);
    const usage = { inputTokens: Number.NaN, outputTokens: 5, cost: 3 };
    world.ai.describe.mockResolvedValue({ text: "text", usage });
    const price = vi.fn(() => 0.5);
    const { usage: booked } = await processUploadWithRetry("a", { ...world, ai: { ...world.ai, price } }, plain);
    expect(booked).toEqual({ outputTokens: 5, requests: 2, cost: 3.5, durationMs: expect.any(Number) });
    expect(price.mock.calls).toEqual([[{ requests: 1, durationMs: expect.any(Number) }, "embed"]]);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, null, "12"])("a price of %s is none", async (given) => {
    const world = worldOf([uploadOf("a")]);
    const ai = { ...world.ai, price: () => given as never };
    const { usage } = await processUploadWithRetry("a", { ...world, ai }, plain);
    expect(usage.cost).toBeUndefined();
  });

  test("a price that throws is a warning of the log, and none", async () => {
    const world = worldOf([uploadOf("a")]);
    const price = () => {
      throw new Error("no price list");
    };
    const warn = vi.fn();
    const logger = { debug() {}, info() {}, warn, error() {} };
    const result = await processUploadWithRetry("a", { ...world, ai: { ...world.ai, price } }, { ...plain, logger });
    expect(result).toMatchObject({ status: "completed", usage: { requests: 2 } });
    expect(warn).toHaveBeenCalledWith(expect.objectContaining({ uploadId: "a" }), "ai.price threw");
  });

  test("sums up over a run, by stage, in its progress and in all that its runtime has seen", async () => {
    const world = worldOf(ids(5));
    const processor = new BatchProcessor({ ...world, ai: priced(world), ...plain });
    const steps: BatchProgressEvent[] = [];
    processor.on("batch:progress", (step) => void steps.push(step));
    const first = await processor.process("batch");
    expect(numberOf(first.usage, "requests")).toBe(10);
    expect(first.usage.cost).toBeCloseTo(5.5);
    expect(first.usageByStage).toMatchObject({
      describe: { requests: 5, inputTokens: 500, cost: 5 },
      embed: { requests: 5, inputTokens: 50 },
    });
    expect(steps.at(-1)?.usage).toEqual(first.usage);
    const again = await processor.rerun({ batchId: "batch" }, "reprocess-all");
    expect(again.usage.requests).toBe(10);
    expect(processor.health().usage).toMatchObject({ requests: 20, inputTokens: 1100 });
    expect(processor.health().usage.cost).toBeCloseTo(11);
  });
});
