import { expect, test } from "vitest";
import {
  BatchProcessor,
  derivedKeys,
  processUploadWithRetry,
  UploadError,
  type UploadRecord,
} from "../../src/index.js";
import { deferred, until, untilAborted, uploadOf } from "../support/fakes.js";
import { adaptersOf, callsOf, finished, inMemory, overStores, withoutClaims } from "../support/stores.js";

const quick = { retry: { minTimeout: 1, randomize: false } } as const;
const OLD = { description: "old words", embedding: [9, 9, 9], thumbnailKey: "old/a.jpg", aiVersion: "v1" };

overStores((open) => {
  /** A redo that is stopped by its signal while it embeds: what it has described stands in the draft. */
  async function stoppedRedo() {
    const store = await open([finished("a")]);
    const adapters = adaptersOf(store);
    const controller = new AbortController();
    adapters.ai.script.embed.does((_, { signal }) => untilAborted(signal));
    const rerun = { mode: "reprocess-all", name: "one" } as const;
    const running = processUploadWithRetry("a", adapters, { signal: controller.signal, rerun });
    await until(() => callsOf(adapters.ai).embed === 1);
    controller.abort(new Error("shutting down"));
    return { store, adapters, result: await running };
  }

  test("an abort hands it back as pending, the old result with it; the next call goes on", async () => {
    const { store, adapters, result } = await stoppedRedo();
    expect(result).toMatchObject({ status: "aborted", reason: { message: "shutting down" } });
    const row = await store.repository.findUpload("a");
    expect(row).toMatchObject({
      ...OLD,
      status: "pending",
      starts: 0,
      draft: { was: "completed", redo: "one", description: "A photo called a.jpg", thumbnailKey: "thumbnails/a.jpg" },
    });
    expect(derivedKeys(row ?? finished("a")).toSorted()).toEqual(["old/a.jpg", "thumbnails/a.jpg"]);

    const next = await processUploadWithRetry("a", adapters, quick);
    expect(next.status).toBe("completed");
    expect(callsOf(adapters.ai)).toEqual({ describe: 1, embed: 2 });
    expect(await store.repository.findUpload("a")).toMatchObject({ aiVersion: "v2", draft: null });
  });

  test.each(["goes on", "undoes it"])(
    "lost when the new result is in its place: who %s removes the old object",
    async (how) => {
      const { store, adapters } = await stoppedRedo();
      const { updateUpload } = store.repository;
      let isLost = false;
      const losing: typeof updateUpload = async (id, changes, claim) => {
        const outcome = await updateUpload(id, changes, claim);
        if (changes.thumbnailKey === undefined || changes.status !== undefined) return outcome;
        isLost = true;
        return "stale";
      };
      const lost = { ...adapters, repository: { ...adapters.repository, updateUpload: losing } };
      expect(await processUploadWithRetry("a", lost, quick)).toMatchObject({ status: "skipped" });
      expect(isLost).toBe(true);
      const row = await store.repository.findUpload("a");
      // What was made and not stored yet stands in the draft, too.
      const draft = { leftovers: ["old/a.jpg"], embedding: expect.anything() };
      expect(row).toMatchObject({ thumbnailKey: "thumbnails/a.jpg", draft });
      expect(adapters.storage.get("old/a.jpg")).toBeDefined();

      await updateUpload("a", { status: "pending" });
      if (how === "goes on")
        expect(await processUploadWithRetry("a", adapters, quick)).toMatchObject({ status: "completed" });
      else expect(await new BatchProcessor(adapters).undo({ all: true })).toBe(1);
      expect(adapters.storage.get("old/a.jpg")).toBeUndefined();
      expect(adapters.storage.get("thumbnails/a.jpg")).toBeDefined();
      expect(await store.repository.findUpload("a")).toMatchObject({ thumbnailKey: "thumbnails/a.jpg", draft: null });
    },
  );

  test("undo makes it what it was, and removes what was made for it alone", async () => {
    const { store, adapters } = await stoppedRedo();
    const processor = new BatchProcessor({ ...adapters, thumbnail: { key: ({ id }) => `small/${id}.jpg` } });
    expect(await processor.undo({ ids: ["a", "b"] })).toBe(1);
    expect(await store.repository.findUpload("a")).toMatchObject({
      ...OLD,
      status: "completed",
      draft: null,
      starts: 0,
    });
    expect(adapters.storage.get("thumbnails/a.jpg")).toBeUndefined();
    expect(adapters.storage.get("old/a.jpg")).toBeDefined();
    expect(await processor.undo({ all: true })).toBe(0);
  });

  test("undo leaves what lies under the upload's own key: another redo may be writing it just now", async () => {
    const { adapters } = await stoppedRedo();
    expect(await new BatchProcessor(adapters).undo({ all: true })).toBe(1);
    expect(adapters.storage.get("thumbnails/a.jpg")).toBeDefined();
  });

  test("undo of an upload that is deleted meanwhile leaves no object behind", async () => {
    const { store, adapters } = await stoppedRedo();
    const { repository } = adapters;
    const resetUploads = async (...args: Parameters<NonNullable<typeof repository.resetUploads>>) => {
      const reset = await store.repository.resetUploads?.(...args);
      await store.remove("a");
      return reset ?? 0;
    };
    if (store.repository.resetUploads === undefined) return;
    await new BatchProcessor({ ...adapters, repository: { ...repository, resetUploads } }).undo({ all: true });
    expect(adapters.storage.get("thumbnails/a.jpg")).toBeUndefined();
  });

  test("undo whose storage fails leaves what another redo has begun to make under that key meanwhile", async () => {
    const { store, adapters } = await stoppedRedo();
    const { storage } = adapters;
    const { repository } = store;
    if (repository.resetUploads === undefined) return;
    let deletes = 0;
    const failing = {
      ...storage,
      delete: async (key: string) => {
        if (++deletes > 1) return storage.delete(key);
        await repository.resetUploads?.({ all: true }, "reprocess-all", "another");
        throw Object.assign(new Error("unavailable"), { status: 503 });
      },
    };
    const thumbnail = { key: ({ id }: UploadRecord) => `small/${id}.jpg` };
    const processor = new BatchProcessor({ ...adapters, storage: failing, thumbnail });
    expect(await processor.undo({ ids: ["a"] })).toBe(1);
    expect(deletes).toBe(1);
    expect(storage.get("thumbnails/a.jpg")).toBeDefined();
  });

  test("undo is undone also where nobody can tell any more what the row refers to: its object is left, and told", async () => {
    const { store, adapters } = await stoppedRedo();
    let isDown = false;
    const repository = {
      ...store.repository,
      resetUploads: async (...args: Parameters<NonNullable<typeof store.repository.resetUploads>>) => {
        const reset = await store.repository.resetUploads?.(...args);
        isDown = true;
        return reset ?? 0;
      },
      findUpload: async (id: string) => {
        if (isDown) throw new UploadError("no such host", { code: "REPOSITORY_FAILED", retryable: false });
        return store.repository.findUpload(id);
      },
    };
    if (store.repository.resetUploads === undefined) return;
    const warnings: unknown[] = [];
    const warn = (fields: unknown, message: string) => void warnings.push({ fields, message });
    const logger = { debug: () => {}, info: () => {}, warn, error: () => {} };
    const thumbnail = { key: ({ id }: UploadRecord) => `small/${id}.jpg` };
    const processor = new BatchProcessor({ ...adapters, repository, thumbnail, logger });
    expect(await processor.undo({ ids: ["a"] })).toBe(1);
    expect(adapters.storage.get("thumbnails/a.jpg")).toBeDefined();
    expect(warnings).toMatchObject([
      { message: "not removed", fields: { key: "old/a.jpg" } },
      { fields: { key: "thumbnails/a.jpg" } },
    ]);
  });

  test("undo is not ended by a thumbnail.key that throws", async () => {
    const { store, adapters } = await stoppedRedo();
    const key = () => {
      throw new Error("no key");
    };
    expect(await new BatchProcessor({ ...adapters, thumbnail: { key } }).undo({ all: true })).toBe(1);
    expect(await store.repository.findUpload("a")).toMatchObject({ ...OLD, draft: null });
  });

  test("undo of a redo that failed takes its reason away, and of one of a failed upload leaves that failed", async () => {
    const draft = { redo: "one", description: "half done" };
    const reason = { errorCode: "EMBED_FAILED", errorStage: "embed", errorMessage: "refused" };
    const store = await open([
      finished("a", { ...reason, draft: { was: "completed", ...draft } }),
      uploadOf("b", { status: "pending", draft: { was: "failed", ...draft } }),
      uploadOf("c"),
    ]);
    expect(await new BatchProcessor(adaptersOf(store)).undo({ batchId: "batch" })).toBe(2);
    const none = { errorCode: null, errorStage: null, errorMessage: null };
    expect(await store.repository.findUpload("a")).toMatchObject({ ...OLD, ...none, status: "completed", draft: null });
    expect(await store.repository.findUpload("b")).toMatchObject({ status: "failed", draft: null });
    expect(await store.repository.findUpload("c")).toMatchObject({ status: "pending" });
  });

  test("cancelled, all of a batch keep their results, and undo makes them what they were", async () => {
    const store = await open(["a", "b", "c"].map((id) => finished(id)));
    const adapters = adaptersOf(store);
    adapters.ai.script.describe.does((_, { signal }) => untilAborted(signal), { times: 2 });
    const processor = new BatchProcessor({ ...adapters, ...quick, concurrency: 2 });
    const running = processor.rerun({ batchId: "batch" }, "reprocess-all");
    await until(() => callsOf(adapters.ai).describe === 2);
    expect(await processor.cancel("batch")).toBe(true);
    expect(await running).toMatchObject({ status: "cancelled", completed: 0, aborted: 2 });
    for (const id of ["a", "b", "c"])
      expect(await store.repository.findUpload(id)).toMatchObject({ description: "old words", status: "pending" });
    expect(await processor.undo({ batchId: "batch" })).toBe(3);
    expect(await store.repository.countUploads({ batchId: "batch" })).toEqual({ completed: 3 });
    expect(await store.repository.findBatch("batch")).toMatchObject({ status: "cancelled" });
    const resumed = await processor.process("batch", { resumeCancelled: true });
    expect(resumed).toMatchObject({ status: "completed", skipped: 3 });
  });

  test("deleted under way, the objects of the row and of the draft go with it", async () => {
    const store = await open([finished("a")]);
    const adapters = adaptersOf(store);
    const { ai, storage } = adapters;
    ai.script.embed.does(async () => {
      await store.remove("a");
      return [1, 2, 3];
    });
    const result = await processUploadWithRetry("a", adapters, { rerun: "reprocess-all" });
    expect(result.status).toBe("deleted");
    expect(storage.get("thumbnails/a.jpg")).toBeUndefined();
    expect(storage.get("old/a.jpg")).toBeUndefined();
    expect(await storage.open("originals/a.jpg", { signal: new AbortController().signal })).not.toBeNull();
  });

  test("a reprocess that was interrupted is recovered, and pays for nothing twice", async () => {
    const uploads = ["a", "b", "c", "d"].map((id) => finished(id));
    const store = await open(uploads);
    const first = adaptersOf(store);
    const controller = new AbortController();
    // Two are done, then the process is told to end while the third is described and the fourth is waiting.
    first.ai.script.describe.passes({ times: 2 }).does((_, { signal }) => untilAborted(signal));
    first.ai.script.embed.passes().does(async (_, { signal }) => untilAborted(signal));
    const stopping = new BatchProcessor({ ...first, ...quick, concurrency: 2 }).rerun({ all: true }, "reprocess", {
      signal: controller.signal,
    });
    await until(() => callsOf(first.ai).describe === 3 && callsOf(first.ai).embed === 2);
    controller.abort();
    expect(await stopping).toMatchObject({ status: "processing", completed: 1 });
    expect(await store.repository.findBatch("batch")).toMatchObject({ status: "processing" });
    const made = (await store.repository.listUploads({ all: true }, { limit: 10 })).filter(
      ({ draft, aiVersion }) => draft?.description !== undefined || aiVersion === "v2",
    );
    expect(made).toHaveLength(2);

    const second = adaptersOf(store);
    const [recovered, ...others] = await new BatchProcessor({ ...second, ...quick }).recover();
    expect(others).toEqual([]);
    expect(recovered).toMatchObject({ batchId: "batch", status: "completed", completed: 3, skipped: 1 });
    expect(callsOf(second.ai)).toEqual({ describe: 2, embed: 3 });
    const rows = await store.repository.listUploads({ all: true }, { limit: 10 });
    expect(rows.map(({ aiVersion }) => aiVersion)).toEqual(["v2", "v2", "v2", "v2"]);
  });

  test("the same call with the same name goes on with what is open of it, uploads without a batch too", async () => {
    const store = await open([finished("a", { batchId: null }), finished("b", { batchId: null }), uploadOf("c")]);
    const first = adaptersOf(store);
    const controller = new AbortController();
    first.ai.script.describe.passes().does((_, { signal }) => untilAborted(signal));
    const options = { name: "one", signal: controller.signal, concurrency: 1 };
    const stopping = new BatchProcessor({ ...first, ...quick }).rerun({ all: true }, "reprocess-all", options);
    await until(() => callsOf(first.ai).describe === 2);
    controller.abort();
    await stopping;

    const second = adaptersOf(store);
    const result = await new BatchProcessor(second).rerun({ all: true }, "reprocess-all", { name: "one" });
    expect(result).toMatchObject({ status: "completed", completed: 1 });
    expect(callsOf(second.ai)).toEqual({ describe: 1, embed: 1 });
    expect(await store.repository.findUpload("c")).toMatchObject({ status: "pending" });
  });
});

test("close waits for what is being undone, and a closed processor undoes nothing", async () => {
  const store = await inMemory([finished("a", { draft: { was: "completed", redo: "one", description: "half done" } })]);
  const read = deferred();
  const { repository } = store;
  const asked = deferred();
  const resetUploads: typeof repository.resetUploads = async (...args) => {
    asked.resolve();
    await read.promise;
    return repository.resetUploads?.(...args) ?? 0;
  };
  const processor = new BatchProcessor({ ...adaptersOf(store), repository: { ...repository, resetUploads } });
  const undoing = processor.undo({ all: true });
  await asked.promise;
  let isClosed = false;
  const closing = processor.close().then(() => {
    isClosed = true;
  });
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
  expect(isClosed).toBe(false);
  read.resolve();
  expect(await undoing).toBe(1);
  await closing;
  await expect(processor.undo({ all: true })).rejects.toThrow("closed");
});

test("undo goes by pages, and keeps no more than one of them", async () => {
  const draft = { was: "completed", redo: "one", description: "half done", thumbnailKey: "drafts/a.jpg" } as const;
  const store = await inMemory(Array.from({ length: 250 }, (_, index) => finished(`u${index}`, { draft })));
  const { repository } = store;
  const sizes: number[] = [];
  let reading = 0;
  let most = 0;
  const adapter: typeof repository = {
    ...repository,
    async resetUploads(selection, ...how) {
      sizes.push(("ids" in selection && selection.ids?.length) || 0);
      return repository.resetUploads?.(selection, ...how) ?? 0;
    },
    async findUpload(id) {
      most = Math.max(most, ++reading);
      const upload = await repository.findUpload(id);
      reading--;
      return upload;
    },
  };
  const processor = new BatchProcessor({ ...adaptersOf(store), repository: adapter });
  expect(await processor.undo({ all: true })).toBe(250);
  expect(sizes).toEqual([100, 100, 50]);
  expect(most).toBeLessThanOrEqual(100);
  expect(await repository.countUploads({ all: true })).toMatchObject({ completed: 250 });
});

test("undo leaves what somebody is at work on", async () => {
  const store = await inMemory([finished("a")]);
  const adapters = adaptersOf(store);
  const described = deferred<string>();
  adapters.ai.script.describe.does(() => described.promise);
  const running = processUploadWithRetry("a", adapters, { rerun: "reprocess-all" });
  await until(() => callsOf(adapters.ai).describe === 1);
  expect(await new BatchProcessor(adapters).undo({ all: true })).toBe(0);
  expect(adapters.storage.get("thumbnails/a.jpg")).toBeDefined();
  described.resolve("new words");
  expect(await running).toMatchObject({ status: "completed", upload: { description: "new words" } });
});

test("without resets of the repository's own, a retry that is interrupted loses nothing of the draft", async () => {
  const store = await withoutClaims([
    finished("a", { errorCode: "EMBED_FAILED", draft: { was: "completed", redo: "one", description: "half done" } }),
  ]);
  const { repository } = store;
  const drafts: unknown[] = [];
  const updateUpload: typeof repository.updateUpload = async (id, changes, claim) => {
    const outcome = await repository.updateUpload(id, changes, claim);
    const row = await repository.findUpload(id);
    if (row?.aiVersion === "v1") drafts.push(row.draft?.description);
    return outcome;
  };
  const adapters = { ...adaptersOf(store), repository: { ...repository, updateUpload } };
  expect((await processUploadWithRetry("a", adapters, { rerun: "retry" })).status).toBe("completed");
  expect(new Set(drafts)).toEqual(new Set(["half done"]));
  expect(callsOf(adapters.ai)).toEqual({ describe: 0, embed: 1 });
});
