import { expect, onTestFinished, test, vi } from "vitest";
import { BatchProcessor, type BatchStatus, type UploadSelection } from "../../src/index.js";
import { deferred, uploadOf } from "../support/fakes.js";
import { adaptersOf, callsOf, finished, inMemory, type Repository } from "../support/stores.js";

const plain = { thumbnail: false, retry: { maxAttempts: 1 } } as const;
const batchOf = (status: BatchStatus) => [{ id: "batch", status }];

/** A repository whose writes that make a batch `processing` are sent, and take effect when they are let go. */
function slowToOpen(repository: Repository) {
  const sent = deferred();
  const land = deferred();
  const slow: Repository = {
    ...repository,
    async updateBatch(id, changes, expected) {
      if (changes.status === "processing") {
        sent.resolve();
        await land.promise;
      }
      return repository.updateBatch(id, changes, expected);
    },
    async resetUploads(selection, how, redo) {
      sent.resolve();
      await land.promise;
      return repository.resetUploads?.(selection, how, redo) ?? 0;
    },
  };
  return { slow, sent, land };
}

type Begin = (processor: BatchProcessor) => Promise<unknown>;
const OPENINGS: readonly [string, BatchStatus, Begin][] = [
  ["a redo", "completed", (processor) => processor.rerun({ batchId: "batch" }, "reprocess-all")],
  ["a redo of part of it", "failed", (processor) => processor.rerun({ batchId: "batch", ids: ["b"] }, "retry")],
  ["a redo of everything", "processing", (processor) => processor.rerun({ all: true }, "reprocess-all")],
  ["the begin of a batch that has failed", "failed", (processor) => processor.process("batch")],
  ["the begin of one that was cancelled", "cancelled", (p) => p.process("batch", { resumeCancelled: true })],
];
test.each(OPENINGS)("a cancel that meets %s is not lost", async (_, status, begin) => {
  const store = await inMemory([finished("a"), uploadOf("b", { status: "failed" }), uploadOf("c")], batchOf(status));
  const { slow, sent, land } = slowToOpen(store.repository);
  const adapters = adaptersOf({ ...store, repository: slow });
  const processor = new BatchProcessor({ ...adapters, ...plain });
  const running = begin(processor);
  await sent.promise;
  expect(await processor.cancel("batch")).toBe(true);
  land.resolve();
  await running;
  expect(await store.repository.findBatch("batch")).toMatchObject({ status: "cancelled" });
  expect(await new BatchProcessor({ ...adapters, ...plain }).recover()).toEqual([]);
  expect(callsOf(adapters.ai).describe).toBe(0);
});

const BEHIND: readonly [string, Begin][] = [
  ["a redo", (processor) => processor.rerun({ batchId: "batch" }, "reprocess-all")],
  ["a redo of everything", (processor) => processor.rerun({ all: true }, "reprocess-all")],
  ["a process", (processor) => processor.process("batch", { resumeCancelled: true })],
];
test.each(BEHIND)(
  "%s that is begun behind a cancel is not cancelled with the reset that this has met",
  async (_, begin) => {
    const rows = [finished("a"), uploadOf("b", { status: "failed" }), uploadOf("other", { batchId: "other" })];
    const store = await inMemory(rows, [...batchOf("completed"), { id: "other", status: "completed" }]);
    const { repository } = store;
    const [landed, answer] = [deferred(), deferred()];
    let resets = 0;
    const late: Repository = {
      ...repository,
      async resetUploads(...reset) {
        const count = await repository.resetUploads?.(...reset);
        if (++resets > 1) return count ?? 0;
        landed.resolve();
        await answer.promise;
        return count ?? 0;
      },
    };
    const adapters = adaptersOf({ ...store, repository: late });
    const described = deferred();
    adapters.ai.script.describe.does(() => described.promise.then(() => "words"), { times: 10 });
    const processor = new BatchProcessor({ ...adapters, ...plain });
    const first = processor.rerun({ all: true }, "retry");
    await landed.promise;
    expect(await processor.cancel("batch")).toBe(true);
    const second = begin(processor);
    await new Promise(setImmediate); // whatever it does without a wait is done
    answer.resolve();
    await new Promise(setImmediate);
    described.resolve();
    await first;
    expect(await second).toMatchObject({ status: "completed" });
    expect(await repository.findBatch("batch")).not.toMatchObject({ status: "cancelled" });
  },
);

test("a cancel that meets a redo which waits for another one is not lost", async () => {
  const batches = ["batch", "other"].map((id) => ({ id, status: "completed" }) as const);
  const store = await inMemory([finished("a"), finished("b", { batchId: "other" })], batches);
  const { slow, sent, land } = slowToOpen(store.repository);
  const processor = new BatchProcessor({ ...adaptersOf({ ...store, repository: slow }), ...plain });
  const first = processor.rerun({ all: true }, "retry");
  await sent.promise;
  await store.repository.updateBatch("batch", { status: "processing" });
  await processor.cancel("batch");
  const second = processor.rerun({ all: true }, "reprocess-all");
  await new Promise(setImmediate);
  await store.repository.updateBatch("other", { status: "processing" });
  expect(await processor.cancel("other")).toBe(true);
  land.resolve();
  await Promise.all([first, second]);
  expect(await store.repository.findBatch("other")).toMatchObject({ status: "cancelled" });
});

test("a cancel whose answer is late is not lost to a begin that is sent meanwhile", async () => {
  const store = await inMemory([uploadOf("a")], batchOf("cancelled"));
  const { repository } = store;
  const [counting, count, cancelling, answer] = [deferred(), deferred(), deferred(), deferred()];
  const late: Repository = {
    ...repository,
    async countUploads(selection) {
      counting.resolve();
      await count.promise;
      return repository.countUploads(selection);
    },
    async updateBatch(id, changes, expected) {
      const outcome = await repository.updateBatch(id, changes, expected);
      if (changes.status === "processing") answer.resolve();
      if (changes.status !== "cancelled" || expected?.includes("pending") !== true) return outcome;
      cancelling.resolve();
      await answer.promise;
      return outcome;
    },
  };
  const adapters = adaptersOf({ ...store, repository: late });
  const processor = new BatchProcessor({ ...adapters, ...plain });
  const running = processor.process("batch", { resumeCancelled: true });
  await counting.promise;
  const cancelled = processor.cancel("batch");
  await cancelling.promise;
  count.resolve();
  expect(await cancelled).toBe(true);
  expect(await running).toMatchObject({ status: "cancelled", completed: 0 });
  expect(await repository.findBatch("batch")).toMatchObject({ status: "cancelled" });
});

const MANY = Array.from({ length: 120 }, (_, index) => finished(`u${String(index).padStart(3, "0")}`));

/** A repository without resets, with something that comes between its first reset of a row and the next. */
async function oneByOne(meanwhile: (repository: Repository) => Promise<unknown>) {
  const store = await inMemory(MANY, batchOf("completed"));
  const { resetUploads, ...repository } = store.repository;
  let resets = 0;
  const watched: Repository = {
    ...repository,
    async updateUpload(id, changes, claim) {
      if (changes.status === "pending" && ++resets === 2) await meanwhile(repository);
      return repository.updateUpload(id, changes, claim);
    },
  };
  const adapters = adaptersOf({ ...store, repository: watched });
  const pending = async () => (await repository.countUploads({ all: true })).pending;
  return { repository, adapters, processor: new BatchProcessor({ ...adapters, ...plain }), pending };
}

const SELECTIONS: readonly [UploadSelection, object, number][] = [
  [{ batchId: "batch" }, { status: "cancelled" }, 100], // the page that it was at
  [{ batchId: "batch", statuses: ["completed"] }, { status: "cancelled" }, 100],
  [{ all: true }, { status: "processing", error: { code: "BATCH_CANCELLED" } }, 120],
];
test.each(SELECTIONS)("a reset of %j one by one opens no batch that was cancelled meanwhile", async (...each) => {
  const [selection, ended, reset] = each;
  const cancel = (repository: Repository) => repository.updateBatch("batch", { status: "cancelled" });
  const { repository, adapters, processor, pending } = await oneByOne(cancel);
  expect(await processor.rerun(selection, "reprocess-all")).toMatchObject(ended);
  expect(callsOf(adapters.ai).describe).toBe(0);
  expect(await pending()).toBe(reset);
  expect(await repository.findBatch("batch")).toMatchObject({ status: "cancelled" });
});

test("a cancel ends a reset one by one at the row that it is at", async () => {
  const { repository, processor, pending } = await oneByOne(() => processor.cancel("batch"));
  expect(await processor.rerun({ batchId: "batch" }, "reprocess-all")).toMatchObject({ status: "cancelled" });
  expect(await pending()).toBe(2);
  expect(await repository.findBatch("batch")).toMatchObject({ status: "cancelled" });
});

test("a redo under an aborted signal resets nothing; one that is aborted in a reset leaves it at once", async () => {
  const store = await inMemory([finished("a")]);
  const { slow, sent } = slowToOpen(store.repository);
  const processor = new BatchProcessor({ ...adaptersOf({ ...store, repository: slow }), ...plain });
  const controller = new AbortController();
  const running = processor.rerun({ batchId: "batch" }, "reprocess-all", { signal: controller.signal });
  await sent.promise;
  controller.abort(new Error("enough"));
  const stopped = { status: "processing", error: { code: "NOT_COMPLETED", cause: { message: "enough" } } };
  expect(await running).toMatchObject(stopped); // the reset is never answered
  const late = new BatchProcessor({ ...adaptersOf(store), ...plain });
  const { signal } = controller;
  expect(await late.rerun({ batchId: "batch" }, "reprocess-all", { signal })).toMatchObject(stopped);
  expect(await store.repository.findUpload("a")).toMatchObject({ status: "completed" });
});

test("a cancelled redo waits for a reset that is not answered as long as one call may take", async () => {
  const store = await inMemory([finished("a")]);
  const { slow, sent } = slowToOpen(store.repository);
  const processor = new BatchProcessor({ ...adaptersOf({ ...store, repository: slow }), ...plain });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const running = processor.rerun({ batchId: "batch" }, "reprocess-all");
  await sent.promise;
  await vi.advanceTimersByTimeAsync(1);
  await processor.cancel("batch");
  let isOver = false;
  const ended = running.finally(() => {
    isOver = true;
  });
  await vi.advanceTimersByTimeAsync(29_000);
  expect(isOver).toBe(false);
  await vi.advanceTimersByTimeAsync(2000);
  expect(isOver).toBe(true);
  expect(await ended).toMatchObject({ status: "cancelled" });
});
