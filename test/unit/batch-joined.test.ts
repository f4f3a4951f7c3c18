import { expect, test } from "vitest";
import { BatchProcessor, ConfigurationError } from "../../src/index.js";
import { deferred, ids, until, untilAborted, worldOf } from "../support/fakes.js";
import { adaptersOf, callsOf, finished, inMemory } from "../support/stores.js";

const plain = { thumbnail: false, retry: { maxAttempts: 1 } } as const;

test.each(["process", "recover"] as const)(
  "%s beside a redo in the same batch does what is left in it",
  async (how) => {
    const store = await inMemory([finished("a"), finished("b", { status: "pending", description: null })]);
    const adapters = adaptersOf(store);
    const described = deferred<string>();
    adapters.ai.script.describe.does(() => described.promise);
    const processor = new BatchProcessor({ ...adapters, ...plain });
    const redoing = processor.rerun({ batchId: "batch" }, "reprocess");
    await until(() => callsOf(adapters.ai).describe === 1);
    const processing = how === "process" ? processor.process("batch") : processor.recover().then(([first]) => first);
    await until(() => callsOf(adapters.ai).describe === 2);
    described.resolve("new words");
    expect(await redoing).toMatchObject({ status: "completed", completed: 1 });
    expect(await processing).toMatchObject({ status: "completed", completed: 1, skipped: 1 });
    expect(await store.repository.findUpload("b")).toMatchObject({ status: "completed" });
    expect(await store.repository.findBatch("batch")).toMatchObject({ status: "completed" });
  },
);

/** A batch in progress, whose first upload is being described. */
async function inProgress(options: { readonly budget?: number; readonly concurrency?: number } = {}) {
  const world = worldOf(ids(3));
  world.ai.describe.mockImplementationOnce((_, { signal }) => untilAborted(signal));
  const ai = { ...world.ai, price: () => 1 };
  const processor = new BatchProcessor({ ...world, ai, ...plain, concurrency: 1 });
  const running = processor.process("batch", options);
  await until(() => world.ai.describe.mock.calls.length === 1);
  return { world, processor, running };
}

test("the signal of a call that joins a batch ends it", async () => {
  const { world, processor, running } = await inProgress();
  const controller = new AbortController();
  const joined = processor.process("batch", { signal: controller.signal });
  controller.abort(new Error("shutting down"));
  expect(await joined).toMatchObject({
    status: "processing",
    aborted: 1,
    error: { cause: { message: "shutting down" } },
  });
  expect(await running).toBe(await joined);
  expect(world.ai.describe).toHaveBeenCalledTimes(1);
});

test("a call that joins a batch has its budget and concurrency, or is refused", async () => {
  const { processor, running } = await inProgress({ budget: 5 });
  const other = processor.process("batch", { budget: 1 });
  await expect(other).rejects.toThrow(ConfigurationError);
  await expect(other).rejects.toThrow('batch "batch" is in progress with budget 5');
  await expect(processor.process("batch", { concurrency: 1 })).rejects.toThrow("concurrency unset");
  const same = [processor.process("batch", { budget: 5 }), processor.process("batch")];
  const recovered = processor.recover({ budget: 1 });
  await processor.cancel("batch");
  for (const each of [...same, running]) expect(await each).toMatchObject({ status: "cancelled" });
  await recovered;
});

test("a batch that is being cancelled is gone on with by the call that resumes it", async () => {
  const { processor, running } = await inProgress();
  expect(await processor.cancel("batch")).toBe(true);
  const resumed = processor.process("batch", { resumeCancelled: true });
  expect(await running).toMatchObject({ status: "cancelled", aborted: 1 });
  expect(await resumed).toMatchObject({ status: "completed", completed: 3 });
});
