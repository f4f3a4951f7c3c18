import { expect, test } from "vitest";
import { BatchProcessor, type UploadEvent, type UploadSelection } from "../../src/index.js";
import { deferred, until, uploadOf } from "../support/fakes.js";
import { adaptersOf, callsOf, finished, inMemory } from "../support/stores.js";

const quick = { thumbnail: false, retry: { minTimeout: 1, randomize: false } } as const;

/** What a processor tells of its runs, in order. */
function told(processor: BatchProcessor, ...names: ("batch:started" | "batch:progress" | "batch:settled")[]) {
  const events: UploadEvent[] = [];
  for (const name of names) processor.on(name, (event: UploadEvent) => void events.push(event));
  return events;
}

const SELECTIONS: readonly [UploadSelection, object][] = [
  [{ batchId: "batch" }, { status: "cancelled" }],
  [
    { batchId: "batch", statuses: ["completed"] },
    { status: "cancelled", batchId: null },
  ],
  [{ all: true }, { status: "processing", error: { code: "BATCH_CANCELLED" } }],
];
test.each(SELECTIONS)("a redo of %j whose batch another process cancels is not completed", async (selection, ended) => {
  const store = await inMemory(["a", "b", "c"].map((id) => finished(id)));
  const adapters = adaptersOf(store);
  const described = deferred<string>();
  adapters.ai.script.describe.does(() => described.promise);
  const running = new BatchProcessor({ ...adapters, ...quick, concurrency: 1 }).rerun(selection, "reprocess-all");
  await until(() => callsOf(adapters.ai).describe === 1);
  expect(await new BatchProcessor(adaptersOf(store)).cancel("batch")).toBe(true);
  described.resolve("new words");
  const result = await running;
  expect(result).toMatchObject(ended);
  expect(result.aborted).toBeGreaterThan(0);
  expect(await store.repository.findBatch("batch")).toMatchObject({ status: "cancelled" });
});

test("a redo of part of a batch is not told as the batch: neither its numbers nor its end", async () => {
  const store = await inMemory([finished("a"), uploadOf("b"), uploadOf("c")]);
  const adapters = adaptersOf(store);
  const last = deferred<string>();
  adapters.ai.script.describe.does(({ upload }) => (upload.id === "c" ? last.promise : "words"), { times: 3 });
  const processor = new BatchProcessor({ ...adapters, ...quick, concurrency: 2 });
  const events = told(processor, "batch:progress", "batch:settled");
  const processing = processor.process("batch");
  await until(() => callsOf(adapters.ai).describe === 2);
  const redone = await processor.rerun({ batchId: "batch", statuses: ["completed"] }, "reprocess", { name: "one" });
  expect(redone).toMatchObject({ batchId: null, status: "completed", completed: redone.total });
  last.resolve("words");
  expect(await processing).toMatchObject({ batchId: "batch", status: "completed", total: 3 });
  const ofBatch = events.filter((event) => "batchId" in event && event.batchId === "batch");
  expect(new Set(ofBatch.map((event) => "total" in event && event.total))).toEqual(new Set([3]));
  expect(ofBatch.filter(({ type }) => type === "batch:settled")).toHaveLength(1);
  expect(ofBatch.at(-1)).toMatchObject({ type: "batch:settled" });
});

test("a redo of a batch that is not there says so; one that has uploads and no row is done", async () => {
  const store = await inMemory([finished("a", { batchId: "rowless" })]);
  const processor = new BatchProcessor({ ...adaptersOf(store), ...quick });
  await expect(processor.rerun({ batchId: "typo" }, "reprocess")).rejects.toThrow('there is no batch "typo"');
  expect(await processor.rerun({ batchId: "rowless" }, "reprocess")).toMatchObject({
    status: "completed",
    completed: 1,
  });
});

test("cancel ends a redo of part of the batch", async () => {
  const store = await inMemory(["a", "b"].map((id) => finished(id)));
  const adapters = adaptersOf(store);
  adapters.ai.script.describe.does((_, { signal }) => new Promise((_, no) => signal.addEventListener("abort", no)));
  const processor = new BatchProcessor({ ...adapters, ...quick, concurrency: 1 });
  const running = processor.rerun({ batchId: "batch", statuses: ["completed"] }, "reprocess-all");
  await until(() => callsOf(adapters.ai).describe === 1);
  expect(await processor.cancel("batch")).toBe(true);
  expect(await running).toMatchObject({ status: "cancelled", aborted: 1 });
});

test("every run is told from its start: of a batch that is done, of a redo with its batch and counts", async () => {
  const store = await inMemory([finished("a"), finished("b")]);
  const processor = new BatchProcessor({ ...adaptersOf(store), ...quick });
  const events = told(processor, "batch:started", "batch:progress", "batch:settled");
  expect(await processor.process("batch")).toMatchObject({ status: "completed", skipped: 2 });
  expect(events.map(({ type }) => type)).toEqual(["batch:started", "batch:progress", "batch:settled"]);
  expect(events[0]).toMatchObject({ batch: { id: "batch", status: "completed" }, counts: { completed: 2 } });
  events.length = 0;
  await processor.rerun({ batchId: "batch" }, "reprocess");
  expect(events[0]).toMatchObject({
    type: "batch:started",
    batchId: "batch",
    batch: { id: "batch", status: "processing" },
    counts: { pending: 2 },
  });
});

test("a run whose repository refuses its first question is told from its start, too", async () => {
  const store = await inMemory([uploadOf("a")]);
  const { repository } = store;
  const findBatch = () => Promise.reject(Object.assign(new Error("no permission"), { retryable: false }));
  const adapters = adaptersOf({ ...store, repository: { ...repository, findBatch } });
  const processor = new BatchProcessor({ ...adapters, ...quick });
  const events = told(processor, "batch:started", "batch:settled");
  expect(await processor.process("batch")).toMatchObject({ status: "failed" });
  expect(events).toMatchObject([{ type: "batch:started", batch: null, counts: null }, { status: "failed" }]);
});

test.each([{ batchId: "batch" }, { all: true }] as const)(
  "of two processes with one redo of %j the second ends with the first, not when a lease has run out",
  async (selection) => {
    const store = await inMemory([finished("a")]);
    const first = adaptersOf(store);
    const described = deferred<string>();
    first.ai.script.describe.does(() => described.promise);
    const rerun = (adapters: typeof first) =>
      new BatchProcessor({ ...adapters, ...quick, lease: { durationMs: 3_600_000 } }).rerun(selection, "reprocess", {
        name: "one",
      });
    const running = rerun(first);
    await until(() => callsOf(first.ai).describe === 1);
    const { claimUpload } = store.repository;
    const refused = deferred();
    const watching: typeof claimUpload = async (...args) => {
      const answer = await claimUpload?.(...args);
      if (answer?.outcome === "busy") refused.resolve();
      return answer ?? { outcome: "deleted" };
    };
    const second = adaptersOf({ ...store, repository: { ...store.repository, claimUpload: watching } });
    const waiting = rerun(second);
    await refused.promise;
    described.resolve("new words");
    expect(await running).toMatchObject({ status: "completed", completed: 1 });
    expect(await waiting).toMatchObject({ status: "completed", completed: 0, skipped: 1 });
  },
);
