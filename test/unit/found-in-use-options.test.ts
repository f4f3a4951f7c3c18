import { describe, expect, test } from "vitest";
import {
  BatchProcessor,
  ConfigurationError,
  createRuntime,
  failUpload,
  processUploadWithRetry,
  settleBatch,
  UploadError,
} from "../../src/index.js";
import { ids, jpeg, until, untilAborted, uploadOf, worldOf } from "../support/fakes.js";

const plain = { thumbnail: false, retry: { maxAttempts: 1 } } as const;

describe("an option that nobody knows is refused, with the nearest that there is", () => {
  const ofWork: [object, string, string][] = [
    [{ timeout: 5 }, "options.timeout", "timeouts"],
    [{ retry: { maxAttempt: 5 } }, "retry.maxAttempt", "maxAttempts"],
    [{ thumbnail: { sise: 5 } }, "thumbnail.sise", "size"],
    [{ vision: { maxside: 5 } }, "vision.maxside", "maxSide"],
    [{ input: { maxByte: 5 } }, "input.maxByte", "maxBytes"],
    [{ timeouts: { describe: 5 } }, "timeouts.describe", "describeMs"],
    [{ lease: { duration: 5 } }, "lease.duration", "durationMs"],
    [{ plugins: [{ arround: () => {} }] }, "plugins[0].arround", "around"],
    [{ plugins: [{ on: { "upload:setled": () => {} } }] }, "plugins[0].on.upload:setled", "upload:settled"],
    [{ stages: [{ name: "scan", timeout: 5, run: async () => {} }] }, "stages[0].timeout", "timeoutMs"],
  ];
  const ofCalls: [object, string, string][] = [
    [{ sginal: 5 }, "options.sginal", "signal"],
    [{ attempt: { number: 1, max: 2, maximum: 2 } }, "attempt.maximum", ""],
    [{ rerun: { mode: "retry", name: "a", names: "b" } }, "rerun.names", "name"],
  ];
  const ofProcessors: [object, string, string][] = [
    [{ concurency: 5 }, "options.concurency", "concurrency"],
    [{ limits: { descibe: 5 } }, "limits.descibe", "describe"],
    [{ limits: { describe: { perMinutes: 5 } } }, "limits.describe.perMinutes", "perMinute"],
    [{ breaker: { treshold: 5 } }, "breaker.treshold", "threshold"],
    [{ budget: { limits: 5 } }, "budget.limits", "limit"],
  ];
  const told = (name: string, nearest: string) =>
    nearest === "" ? `${name}: unknown;` : `${name}: unknown; did you mean ${JSON.stringify(nearest)}?`;

  test.each([...ofWork, ...ofCalls])("%j of a call", async (options, name, nearest) => {
    const world = worldOf([uploadOf("a")]);
    const refusal = processUploadWithRetry("a", world, options as never);
    await expect(refusal).rejects.toThrow(ConfigurationError);
    await expect(refusal).rejects.toThrow(told(name, nearest));
    expect(await world.repository.findUpload("a")).toEqual(uploadOf("a"));
  });

  test.each([...ofWork, ...ofProcessors])("%j of a processor", (options, name, nearest) => {
    const make = () => new BatchProcessor({ ...worldOf([]), ...(options as object) });
    expect(make).toThrow(ConfigurationError);
    expect(make).toThrow(told(name, nearest));
  });

  test("of its methods", async () => {
    const processor = new BatchProcessor({ ...worldOf(ids(1)), ...plain });
    const refusals: [() => Promise<unknown>, string, string][] = [
      [
        () => processor.process("batch", { resumeCanceled: true } as never),
        "options.resumeCanceled",
        "resumeCancelled",
      ],
      [() => processor.processUploads([], { batchId: "batch" } as never), "options.batchId", ""],
      [() => processor.processUploads([], { labels: "a" } as never), "options.labels", "label"],
      [() => processor.recover({ status: ["failed"] } as never), "options.status", "statuses"],
      [() => processor.rerun({ all: true }, "retry", { names: "a" } as never), "options.names", "name"],
      [() => processor.rerun({ batch: "a" } as never, "retry"), "selection.batch", "batchId"],
      [() => processor.plan({ id: ["a"] } as never, "retry"), "selection.id", "ids"],
      [() => processor.undo({ user: "a" } as never), "selection.user", "userId"],
      [() => processor.processUpload("a", { signals: 5 } as never), "options.signals", "signal"],
      [() => processor.processUpload("a", { attempt: { number: 1, maxi: 2 } as never }), "attempt.maxi", "max"],
      [() => processor.processUpload("a", { rerun: { mode: "retry", nam: "a" } as never }), "rerun.nam", "name"],
      [() => processor.close({ grace: 5 } as never), "options.grace", "graceMs"],
    ];
    for (const [refusal, name, nearest] of refusals) {
      await expect(refusal()).rejects.toThrow(ConfigurationError);
      await expect(refusal()).rejects.toThrow(told(name, nearest));
    }
  });

  test("so is a value that an option or an argument cannot have", async () => {
    const world = worldOf(ids(1));
    const processor = new BatchProcessor({ ...world, ...plain });
    const refusals: [() => unknown, string][] = [
      [() => processor.process("batch", { resumeCancelled: "no" } as never), "resumeCancelled: expected true or false"],
      [() => processor.process("", {}), "process: expected the id of a batch"],
      [() => processor.processUploads([], { label: "" }), "label: expected a text"],
      [() => processor.processUploads([], { total: -1 }), "total: expected an integer"],
      [
        () => processor.recover({ statuses: ["canceled"] } as never),
        "statuses[0]: expected one of pending, processing",
      ],
      [() => processor.recover({ statuses: "cancelled" } as never), "statuses: expected an array"],
      [() => processor.recover({ withoutBatch: "no" } as never), "withoutBatch: expected true or false"],
      [() => processor.rerun({ all: true }, "retry", { name: "" }), "name: expected a text"],
      [() => processor.processUpload(undefined as never), "upload: expected an upload record or its id"],
      [() => processor.close({ graceMs: -1 }), "graceMs: expected an integer"],
      [() => processor.cancel(undefined as never), "cancel: expected the id of a batch, or a label"],
      [async () => processor.abortUpload(undefined as never), "abortUpload: expected the id of an upload"],
      [() => settleBatch(world.repository, undefined as never), "settleBatch: expected the id of a batch"],
      [
        () => failUpload(world.repository, "", new UploadError("stalled", { code: "ENGINE_GAVE_UP" })),
        "id: expected the id of an upload",
      ],
      [
        async () => new BatchProcessor({ ...world, retry: { randomize: "no" } as never }),
        "retry.randomize: expected true or false",
      ],
    ];
    for (const [refusal, message] of refusals) {
      await expect(refusal()).rejects.toThrow(ConfigurationError);
      await expect(refusal()).rejects.toThrow(message);
    }
  });

  test("what holds undefined is absent, and null is no mode", async () => {
    const world = worldOf([uploadOf("a")]);
    const options = { ...plain, timeout: undefined, limits: undefined } as never;
    expect(await processUploadWithRetry("a", world, options)).toMatchObject({ status: "completed" });
    await expect(processUploadWithRetry("a", world, { rerun: null as never })).rejects.toThrow(
      'rerun: expected "retry", "reprocess" or "reprocess-all", got null',
    );
    const processor = new BatchProcessor({ ...world, runtime: createRuntime() });
    await expect(processor.rerun({ all: true }, null as never)).rejects.toThrow("mode: expected");
  });
});

describe("a label is no batch", () => {
  async function inWork() {
    const world = worldOf(ids(2));
    world.ai.describe.mockImplementation((_, { signal }) => untilAborted(signal));
    const processor = new BatchProcessor({ ...world, ...plain });
    const batches: (string | null)[] = [];
    processor.on("batch:settled", ({ batchId }) => void batches.push(batchId));
    return { world, processor, batches };
  }

  test("cancelling it stops its runs, and leaves the stored batch of that name alone", async () => {
    const { world, processor, batches } = await inWork();
    const running = processor.processUploads(["u0000"], { label: "batch" });
    await until(() => processor.activeCount === 1);
    expect(await processor.cancel("other")).toBe(false);
    expect(processor.activeCount).toBe(1);
    expect(await processor.cancel("batch")).toBe(true);
    expect(await running).toMatchObject({ batchId: "batch", status: "cancelled", aborted: 1 });
    expect(batches).toEqual(["batch"]);
    expect(await world.repository.findBatch("batch")).toMatchObject({ status: "pending" });
  });

  test("with a run of that batch beside it, both end, and the batch is cancelled", async () => {
    const { world, processor } = await inWork();
    const stored = processor.process("batch");
    await until(() => processor.activeCount === 2);
    const labelled = processor.processUploads(["u0000"], { label: "batch" });
    expect(await processor.cancel("batch")).toBe(true);
    expect(await Promise.all([stored, labelled])).toMatchObject([{ status: "cancelled" }, { status: "cancelled" }]);
    expect(await world.repository.findBatch("batch")).toMatchObject({ status: "cancelled" });
  });

  test("but a redo of part of a batch belongs to it", async () => {
    const { world, processor } = await inWork();
    await world.repository.updateUpload("u0000", { status: "failed", errorCode: "DESCRIBE_FAILED" });
    const redo = processor.rerun({ batchId: "batch", errorCodes: ["DESCRIBE_FAILED"] }, "retry");
    await until(() => processor.activeCount === 1);
    expect(await processor.cancel("batch")).toBe(true);
    expect(await redo).toMatchObject({ status: "cancelled" });
    expect(await world.repository.findBatch("batch")).toMatchObject({ status: "cancelled" });
  });

  test("cancelling one batch leaves the others alone", async () => {
    const { world, processor } = await inWork();
    await world.repository.addBatch({ id: "second", status: "pending" });
    const x = uploadOf("x", { batchId: "second" });
    world.storage.put(x.storageKey, jpeg);
    await world.repository.addUploads([x]);
    const first = processor.process("batch");
    const second = processor.process("second");
    await until(() => world.ai.describe.mock.calls.length === 3);
    await processor.cancel("batch");
    expect(await first).toMatchObject({ status: "cancelled", aborted: 2 });
    expect(processor.activeCount).toBe(1);
    expect(processor.abortUpload("x")).toBe(true);
    expect(await second).toMatchObject({ status: "completed", aborted: 1 });
  });
});
