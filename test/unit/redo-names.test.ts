import { describe, expect, test } from "vitest";
import { BatchProcessor, type BatchProgressEvent, processUploadWithRetry } from "../../src/index.js";
import { until, untilAborted, uploadOf } from "../support/fakes.js";
import { adaptersOf, callsOf, finished, inMemory, overStores } from "../support/stores.js";

const quick = { retry: { minTimeout: 1, randomize: false } } as const;
const refused = () => Object.assign(new Error("refused"), { status: 400 });

overStores((open) => {
  test("under one name each upload is done once, however often the call is repeated", async () => {
    const store = await open([finished("a"), finished("b")]);
    const adapters = adaptersOf(store);
    const processor = new BatchProcessor({ ...adapters, ...quick });
    const rerun = (name: string) => processor.rerun({ all: true }, "reprocess-all", { name });
    expect(await rerun("one")).toMatchObject({ completed: 2 });
    expect(await rerun("one")).toMatchObject({ status: "completed", completed: 0 });
    expect(callsOf(adapters.ai).describe).toBe(2);
    expect(await store.repository.findUpload("a")).toMatchObject({ metadata: { redo: "one", camera: "X100" } });
    expect(await rerun("two")).toMatchObject({ completed: 2 });
    expect(await processor.rerun({ all: true }, "reprocess-all")).toMatchObject({ completed: 2 });
    expect(await processor.rerun({ all: true }, "reprocess-all")).toMatchObject({ completed: 2 });
  });

  test("a job that is delivered again after it is done, or has failed, does nothing", async () => {
    const store = await open([finished("a"), uploadOf("b", { status: "failed", errorCode: "DESCRIBE_FAILED" })]);
    const adapters = adaptersOf(store);
    const job = (name: string) =>
      processUploadWithRetry("a", adapters, { ...quick, rerun: { mode: "reprocess-all", name } });
    expect(await job("job 1")).toMatchObject({ status: "completed" });
    expect(await job("job 1")).toMatchObject({ status: "skipped", reason: "already-completed" });
    adapters.ai.script.describe.throws(refused());
    expect(await job("job 2")).toMatchObject({ status: "failed", kept: true });
    expect(await job("job 2")).toMatchObject({ status: "skipped", reason: "already-completed" });
    expect(callsOf(adapters.ai).describe).toBe(2);

    adapters.ai.script.describe.throws(refused());
    const rerun = { mode: "retry", name: "job 3" } as const;
    expect(await processUploadWithRetry("b", adapters, { ...quick, rerun })).toMatchObject({ status: "failed" });
    expect(await processUploadWithRetry("b", adapters, { ...quick, rerun })).toMatchObject({
      status: "skipped",
      reason: "already-failed",
    });
  });

  test("the attempts of an engine's job go on with one redo", async () => {
    const store = await open([finished("a")]);
    const adapters = adaptersOf(store);
    adapters.ai.script.embed.throws(new Error("boom"));
    const attempt = (number: number) =>
      processUploadWithRetry("a", adapters, {
        attempt: { number, max: 2 },
        rerun: { mode: "reprocess-all", name: "job" },
      });
    expect(await attempt(1)).toMatchObject({ status: "deferred", countsAsAttempt: true });
    expect(await attempt(2)).toMatchObject({ status: "completed" });
    expect(callsOf(adapters.ai)).toEqual({ describe: 1, embed: 2 });
  });

  test("a retry that was interrupted goes on under its name alone, also with failed uploads that have no draft", async () => {
    const failed = { status: "failed", errorCode: "EMBED_FAILED", description: "so far" } as const;
    const store = await open([uploadOf("a", failed), uploadOf("b", failed), uploadOf("never begun")]);
    const adapters = adaptersOf(store);
    const controller = new AbortController();
    adapters.ai.script.embed.does((_, { signal }) => untilAborted(signal));
    const retry = (options: { name?: string; signal?: AbortSignal }) =>
      new BatchProcessor({ ...adapters, ...quick, concurrency: 1 }).rerun(
        { errorCodes: ["EMBED_FAILED"] },
        "retry",
        options,
      );
    const stopping = retry({ name: "one", signal: controller.signal });
    await until(() => callsOf(adapters.ai).embed === 1);
    controller.abort();
    expect(await stopping).toMatchObject({ status: "processing", total: 2, completed: 0 });

    expect(await retry({})).toMatchObject({ status: "completed", total: 0, completed: 0 });
    expect(await retry({ name: "two" })).toMatchObject({ total: 0, completed: 0 });
    expect(await retry({ name: "one" })).toMatchObject({ status: "completed", total: 2, completed: 2 });
    expect(callsOf(adapters.ai)).toEqual({ describe: 0, embed: 3 });
    expect(await store.repository.findUpload("never begun")).toMatchObject({ status: "pending" });
  });
});

test("what a redo has left open is not paid for by another one, which does what its plan says", async () => {
  const old = Array.from({ length: 5 }, (_, index) => finished(`old${index}`));
  const store = await inMemory([...old, finished("f", { status: "failed", embedding: null, aiVersion: "v2" })]);
  const adapters = adaptersOf(store);
  const ai = { ...adapters.ai, price: () => 1 };
  const processor = new BatchProcessor({ ...adapters, ai, ...quick, concurrency: 1 });
  const first = await processor.rerun({ statuses: ["completed"] }, "reprocess", { budget: 4 });
  expect(first).toMatchObject({ status: "processing", completed: 2, error: { code: "BUDGET_EXHAUSTED" } });
  expect(await processor.plan({ all: true }, "retry")).toMatchObject({ uploads: 1, calls: { embed: 1 }, cost: 1 });
  const second = await processor.rerun({ all: true }, "retry");
  expect(second).toMatchObject({ status: "completed", total: 1, completed: 1, usage: { cost: 1 } });
  expect(await store.repository.countUploads({ all: true })).toMatchObject({ pending: 3, completed: 3 });
  expect(await processor.recover()).toMatchObject([{ batchId: "batch", status: "completed", completed: 3 }]);
});

test.each([
  ["was interrupted", "none"],
  ["got no answer to its reset", "reset"],
])("a redo that %s tells how many uploads it has left", async (_, lost) => {
  const store = await inMemory(["a", "b", "c", "d"].map((id) => finished(id)));
  const { repository } = store;
  let isLost = lost !== "reset";
  const resetUploads: typeof repository.resetUploads = async (...args) => {
    const reset = await repository.resetUploads?.(...args);
    if (isLost) return reset ?? 0;
    isLost = true;
    throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
  };
  const adapters = { ...adaptersOf(store), repository: { ...repository, resetUploads } };
  const steps: (readonly [number | null, number])[] = [];
  const rerun = (signal?: AbortSignal) => {
    const processor = new BatchProcessor({ ...adapters, ...quick, concurrency: 1 });
    processor.on("batch:progress", ({ total, processed }: BatchProgressEvent) => void steps.push([total, processed]));
    return processor.rerun({ statuses: ["completed"] }, "reprocess", { name: "one", ...(signal && { signal }) });
  };
  if (lost === "none") {
    const controller = new AbortController();
    adapters.ai.script.describe.passes().does((_, { signal }) => untilAborted(signal));
    const stopping = rerun(controller.signal);
    await until(() => callsOf(adapters.ai).describe === 2);
    controller.abort();
    await stopping;
    steps.length = 0;
  }
  const left = lost === "none" ? 3 : 4;
  expect(await rerun()).toMatchObject({ status: "completed", total: left, completed: left });
  expect(steps.map(([total]) => total)).toEqual(steps.map(() => left));
  expect(steps[0]?.[1]).toBe(1);
});

test("two processors that race with one name do each upload once", async () => {
  const ids = Array.from({ length: 20 }, (_, index) => `u${index}`);
  const store = await inMemory(ids.map((id) => finished(id)));
  const adapters = adaptersOf(store);
  const race = () =>
    new BatchProcessor({ ...adapters, ...quick }).rerun({ batchId: "batch" }, "reprocess-all", { name: "one" });
  const [first, second] = await Promise.all([race(), race()]);
  expect(first.status).toBe("completed");
  expect(second.status).toBe("completed");
  expect(first.completed + second.completed).toBe(20);
  expect(callsOf(adapters.ai)).toEqual({ describe: 20, embed: 20 });
});

describe("the idempotency key", () => {
  /** The keys of the calls so far, each once, in their order. */
  function keysOf({ ai }: ReturnType<typeof adaptersOf>, method: "describe" | "embed"): string[] {
    const keys = ai.calls.map((call) => (call.method === method ? call.args[1].idempotencyKey : undefined));
    return keys.filter((key) => key !== undefined);
  }

  test("is the same over attempts and restarts, and another one for another redo", async () => {
    const store = await inMemory([uploadOf("a"), uploadOf("b")]);
    const adapters = adaptersOf(store);
    adapters.ai.script.describe.throws(new Error("boom"), { times: 3 });
    const failed = await processUploadWithRetry("a", adapters, { attempt: { number: 1, max: 9 } });
    expect(failed.status).toBe("deferred");
    await processUploadWithRetry("a", adapters, { retry: { ...quick.retry, maxAttempts: 3 } });
    expect(keysOf(adapters, "describe")).toHaveLength(4);
    expect(new Set(keysOf(adapters, "describe")).size).toBe(1);

    const redo = async (name: string) => {
      await processUploadWithRetry("a", adapters, { rerun: { mode: "reprocess-all", name } });
      return new Set(keysOf(adapters, "describe")).size;
    };
    expect(await redo("one")).toBe(2);
    expect(await redo("one")).toBe(2);
    expect(await redo("two")).toBe(3);
    await processUploadWithRetry("b", adapters);
    expect(new Set(keysOf(adapters, "describe")).size).toBe(4);
    const all = [...keysOf(adapters, "describe"), ...keysOf(adapters, "embed")];
    expect(new Set(all).size).toBe(8);
  });

  test("is another one for a retry of what failed", async () => {
    const adapters = adaptersOf(await inMemory([uploadOf("a")]));
    adapters.ai.script.describe.throws(refused());
    expect((await processUploadWithRetry("a", adapters)).status).toBe("failed");
    await processUploadWithRetry("a", adapters, { rerun: "retry" });
    expect(new Set(keysOf(adapters, "describe")).size).toBe(2);
  });

  test("is another one after an answer that was not accepted, within a call and over an engine's attempts", async () => {
    const adapters = adaptersOf(await inMemory([uploadOf("a"), uploadOf("b")]));
    adapters.ai.script.describe.returns("  ");
    expect((await processUploadWithRetry("a", adapters, quick)).status).toBe("completed");
    expect(new Set(keysOf(adapters, "describe")).size).toBe(2);

    adapters.ai.script.describe.returns("  ").throws(new Error("boom"));
    for (const number of [1, 2, 3]) await processUploadWithRetry("b", adapters, { attempt: { number, max: 3 } });
    const [first, second, third] = keysOf(adapters, "describe").slice(2);
    expect(second).not.toBe(first);
    expect(third).toBe(second);
  });
});
