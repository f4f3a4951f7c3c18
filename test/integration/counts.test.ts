import { beforeAll, expect, test, vi } from "vitest";
import { type AIAdapter, BatchProcessor, type UploadRecord } from "../../src/index.js";
import { CountedStore } from "../support/counted-store.js";
import { settled, useFakeTime } from "../support/fake-time.js";
import { ids, jpeg, uploadOf, worldOf } from "../support/fakes.js";
import { ModelService } from "../support/model-service.js";

/** Every `batch:progress` tells what the store holds, whatever is done to the batch meanwhile. */
useFakeTime();

beforeAll(async () => {
  vi.useRealTimers();
  const { repository, storage, ai } = worldOf(ids(1));
  await new BatchProcessor({ repository, storage, ai }).process("batch");
});

const storage = { open: async () => ({ bytes: jpeg }), write: async () => {}, delete: async () => {} };
const UPLOADS = 200;

function processorOn(store: CountedStore, ai: AIAdapter = new ModelService().ai) {
  const { repository } = store;
  return new BatchProcessor<UploadRecord>({ storage, ai, repository, thumbnail: false, retry: { maxAttempts: 1 } });
}

/** A batch in which every tenth upload has failed, and the others are completed. */
async function settledBatch(): Promise<CountedStore> {
  const store = new CountedStore(ids(UPLOADS));
  await store.note();
  const { ai } = new ModelService();
  const describe: AIAdapter["describe"] = async (media, context) => {
    if (media.upload.id.endsWith("0")) throw Object.assign(new Error("no"), { retryable: false });
    return ai.describe(media, context);
  };
  await settled(processorOn(store, { ...ai, describe }).process("batch"));
  expect(await store.counts()).toEqual({ completed: UPLOADS * 0.9, failed: UPLOADS * 0.1 });
  return store;
}

/** The last event tells how it is now, and it comes once. */
async function expectRightTo(store: CountedStore, { events, problems }: ReturnType<CountedStore["watch"]>) {
  expect(problems).toEqual([]);
  expect(events.length).toBeGreaterThan(3);
  const { completed = 0, failed = 0 } = await store.counts();
  const last = { completed, failed, processed: completed + failed, total: completed + failed, percentage: 100 };
  expect(events.at(-1)).toEqual(last);
  expect(events.filter(({ percentage }) => percentage === 100)).toEqual([last]);
}

test("of a batch that grows, again and again", async () => {
  const store = new CountedStore(ids(UPLOADS));
  await store.note();
  const processor = processorOn(store);
  const watched = store.watch(processor);
  let settledUploads = 0;
  processor.on("upload:settled", () => {
    if (++settledUploads % 20 === 0 && settledUploads < 200)
      void store.repository.addUploads([uploadOf(`more-${settledUploads}`), uploadOf(`most-${settledUploads}`)]);
  });
  await settled(processor.process("batch"));
  await expectRightTo(store, watched);
  expect(watched.events.at(-1)?.total).toBe(UPLOADS + 18);
});

test("of a batch that shrinks: what is done, what is open, what is in work", async () => {
  const uploads = ids(UPLOADS);
  const store = new CountedStore(uploads);
  await store.note();
  const processor = processorOn(store);
  const watched = store.watch(processor);
  let started = 0;
  processor.on("upload:started", ({ uploadId }) => {
    if (++started % 10 !== 0) return;
    void store.repository.deleteUpload(uploads[started - 8]?.id ?? "");
    void store.repository.deleteUpload(uploads[UPLOADS - started]?.id ?? "");
    void store.repository.deleteUpload(uploadId);
    processor.abortUpload(uploadId);
  });
  await settled(processor.process("batch"));
  await expectRightTo(store, watched);
  expect(watched.events.at(-1)?.total).toBeLessThan(UPLOADS - 20);
});

test.each(["retry", "reprocess", "reprocess-all"] as const)("of a redo of the whole batch (%s)", async (mode) => {
  const store = await settledBatch();
  const { ai } = new ModelService();
  const processor = processorOn(store, { ...ai, version: "2" });
  const watched = store.watch(processor);
  await settled(processor.rerun({ batchId: "batch" }, mode));
  await expectRightTo(store, watched);
  // It does not begin with what is still to be done as done.
  expect(watched.events[0]?.percentage).toBeLessThan(mode === "retry" ? 100 : 20);
});

test("of a redo that is left and continued by process", async () => {
  const store = await settledBatch();
  const { ai } = new ModelService();
  const processor = processorOn(store, { ...ai, version: "2" });
  const watched = store.watch(processor);
  const stop = new AbortController();
  processor.on("upload:settled", () => {
    if (watched.events.length === 5) stop.abort();
  });
  const first = await settled(processor.rerun({ batchId: "batch" }, "reprocess", { signal: stop.signal }));
  expect(first.status).toBe("processing");
  expect(watched.problems).toEqual([]);
  await settled(processor.process("batch"));
  await expectRightTo(store, watched);
});

test("of a batch that two processors share: by both", async () => {
  const store = new CountedStore(ids(UPLOADS));
  await store.note();
  const [one, other] = [processorOn(store), processorOn(store)];
  const watched = [store.watch(one), store.watch(other)];
  await settled(Promise.all([one.process("batch"), other.process("batch")]));
  for (const each of watched) await expectRightTo(store, each);
});

test("of a redo of some uploads: how far it is, not how far their batch is", async () => {
  const store = await settledBatch();
  const { ai } = new ModelService();
  const processor = processorOn(store, { ...ai, version: "2" });
  const selected = ids(40).map(({ id }) => id);
  const problems: string[] = [];
  let events = 0;
  processor.on("batch:progress", ({ total, processed, completed, failed }) => {
    events++;
    if (total !== 40 || processed !== completed + failed) problems.push(JSON.stringify({ total, processed }));
  });
  const outcomes: string[] = [];
  processor.on("batch:progress", ({ processed }) => {
    // Those that settle at the same moment are counted one after the other.
    if (processed > outcomes.length || processed < outcomes.length - 3)
      problems.push(`${processed} of ${outcomes.length}`);
  });
  processor.on("upload:settled", ({ status }) => outcomes.push(status));
  const result = await settled(processor.rerun({ ids: selected }, "reprocess-all"));
  expect(result).toMatchObject({ status: "completed", total: 40, completed: 40 });
  expect(problems).toEqual([]);
  expect(events).toBeGreaterThan(3);
});
