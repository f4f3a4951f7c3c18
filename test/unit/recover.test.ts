import { expect, test } from "vitest";
import { BatchProcessor, type BatchStatus, ConfigurationError } from "../../src/index.js";
import { deferred, uploadOf } from "../support/fakes.js";
import { adaptersOf, callsOf, finished, inMemory, overStores, type Store } from "../support/stores.js";

const STATUSES: readonly BatchStatus[] = ["pending", "processing", "completed", "failed", "cancelled"];

/** A batch of each status, each with an open upload and a finished one; and an upload without a batch. */
const uploads = [
  ...STATUSES.flatMap((batchId) => [
    uploadOf(`open-${batchId}`, { batchId }),
    finished(`done-${batchId}`, { batchId }),
  ]),
  uploadOf("alone", { batchId: null }),
];
const batches = STATUSES.map((status) => ({ id: status, status }));

function processorOf(store: Store) {
  const adapters = adaptersOf(store);
  const processor = new BatchProcessor({ ...adapters, thumbnail: false });
  const done: string[] = [];
  processor.on("upload:settled", ({ uploadId, status }) => void (status === "completed" && done.push(uploadId)));
  return { processor, adapters, done };
}

overStores((open) => {
  test("goes on with batches in work, and with settled ones that have open uploads", async () => {
    const store = await open(uploads, [...batches, { id: "whole", status: "completed" }]);
    const { processor, done, adapters } = processorOf(store);
    const results = await processor.recover();
    expect(results.map(({ batchId }) => batchId).toSorted()).toEqual(["completed", "failed", "processing"]);
    for (const result of results) expect(result).toMatchObject({ status: "completed", completed: 1, skipped: 1 });
    expect(done.toSorted()).toEqual(["open-completed", "open-failed", "open-processing"]);
    expect(await store.repository.findBatch("failed")).toMatchObject({ status: "completed" });
    expect(callsOf(adapters.ai).describe).toBe(3);
    expect(await processor.recover()).toEqual([]);
  });

  test("takes batches of the statuses that it is told, cancelled ones too", async () => {
    const store = await open(uploads, batches);
    const { processor, done } = processorOf(store);
    const results = await processor.recover({ statuses: ["pending", "cancelled"] });
    expect(results.map(({ batchId }) => batchId)).toEqual(["pending", "cancelled"]);
    expect(done.toSorted()).toEqual(["open-cancelled", "open-pending"]);
    expect(await store.repository.findBatch("cancelled")).toMatchObject({ status: "completed" });
    expect(await store.repository.findBatch("processing")).toMatchObject({ status: "processing" });
  });

  test("takes uploads without a batch when it is told to", async () => {
    const store = await open(uploads, batches);
    const { processor, done } = processorOf(store);
    const results = await processor.recover({ statuses: [], withoutBatch: true });
    expect(results).toMatchObject([{ batchId: null, status: "completed", completed: 1 }]);
    expect(done).toEqual(["alone"]);
  });
});

test("an unfinished redo of a settled batch is gone on with", async () => {
  const draft = { was: "completed", redo: "one", description: "half done", aiVersion: "v2" } as const;
  const store = await inMemory([finished("a", { status: "pending", draft }), finished("b")]);
  const { processor, adapters } = processorOf(store);
  expect(await processor.recover()).toMatchObject([{ batchId: "batch", status: "completed", completed: 1 }]);
  expect(callsOf(adapters.ai)).toEqual({ describe: 0, embed: 1 });
  expect(await store.repository.findUpload("a")).toMatchObject({ description: "half done", aiVersion: "v2" });
});

test("a batch that nobody has begun is not completed by what was redone in it", async () => {
  const draft = { was: "completed", redo: "one", description: "half done", aiVersion: "v2" } as const;
  const store = await inMemory([finished("a", { status: "pending", draft })], [{ id: "batch", status: "pending" }]);
  const { processor } = processorOf(store);
  await processor.rerun({ batchId: "batch" }, "retry", { name: "one" });
  expect(await store.repository.findUpload("a")).toMatchObject({ status: "completed", description: "half done" });
  expect(await store.repository.findBatch("batch")).toMatchObject({ status: "pending" });
});

const inWork = ["a", "b", "c"].map((id) => ({ id, status: "processing" as const }));
const oneEach = inWork.map(({ id }) => uploadOf(`of-${id}`, { batchId: id }));

test("a batch that vanishes meanwhile is passed over", async () => {
  const store = await inMemory(oneEach, inWork);
  const { repository } = store;
  const findBatch: typeof repository.findBatch = async (id) => (id === "b" ? null : repository.findBatch(id));
  const { processor } = processorOf({ ...store, repository: { ...repository, findBatch } });
  const results = await processor.recover();
  expect(results.map(({ batchId }) => batchId)).toEqual(["a", "c"]);
});

test("what is wrong with the deployment is told when the other batches have ended; nothing is left unhandled", async () => {
  const store = await inMemory(oneEach, inWork);
  const { repository } = store;
  const broken = new ConfigurationError("the column status is missing");
  const listed = deferred();
  let refusals = 0;
  const adapter: typeof repository = {
    ...repository,
    async findBatch(id) {
      if (id !== "a" || ++refusals > 1) return repository.findBatch(id);
      throw broken;
    },
    async listBatches(page) {
      // The next page comes long after the first batch has failed.
      if (page.after !== undefined) await listed.promise;
      return repository.listBatches(page);
    },
  };
  const { processor, done } = processorOf({ ...store, repository: adapter });
  const recovering = processor.recover();
  recovering.catch(() => {});
  while (done.length < 2) await new Promise((resolve) => setImmediate(resolve));
  listed.resolve();
  await expect(recovering).rejects.toThrow("the column status is missing");
});

test("a signal ends it, and so does close", async () => {
  const store = await inMemory(oneEach, inWork);
  const { processor, done } = processorOf(store);
  expect(await processor.recover({ signal: AbortSignal.abort(), withoutBatch: true })).toEqual([]);
  await processor.close();
  await expect(processor.recover()).rejects.toThrow("closed");
  expect(done).toEqual([]);
});
