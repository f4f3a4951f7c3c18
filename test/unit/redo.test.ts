import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { memoryRepository } from "../../src/adapters/memory.js";
import {
  BatchProcessor,
  hasResult,
  processUploadWithRetry,
  type RerunMode,
  type UploadRecord,
} from "../../src/index.js";
import { uploadOf } from "../support/fakes.js";
import { adaptersOf, callsOf, finished, inMemory, overStores, watched } from "../support/stores.js";

const quick = { retry: { minTimeout: 1, randomize: false } } as const;
const boom = (status: number) => Object.assign(new Error("refused"), { status });

/** One upload of each kind that a mode tells apart. */
const KINDS: readonly UploadRecord[] = [
  uploadOf("pending"),
  uploadOf("failed", { status: "failed", errorCode: "DESCRIBE_FAILED", aiVersion: "v2", description: "so far" }),
  uploadOf("old-failed", { status: "failed", errorCode: "DESCRIBE_FAILED" }),
  finished("old"),
  finished("unversioned", { aiVersion: null }),
  finished("current", { aiVersion: "v2" }),
  finished("redo-failed", {
    aiVersion: "v2",
    errorCode: "DESCRIBE_FAILED",
    draft: { was: "completed", redo: "earlier", description: "half done" },
  }),
];

const TAKEN: Readonly<Record<RerunMode, readonly string[]>> = {
  retry: ["failed", "old-failed", "redo-failed"],
  reprocess: ["old-failed", "old", "unversioned"],
  "reprocess-all": ["failed", "old-failed", "old", "unversioned", "current", "redo-failed"],
};

test("where nothing is described anew the vector stays, also when this adapter makes none", async () => {
  const store = await inMemory([finished("a", { thumbnailKey: null })]);
  const { repository, storage, ai } = adaptersOf(store);
  const before = await repository.findUpload("a");
  const processor = new BatchProcessor({ storage, ai: { describe: ai.describe, version: "v2" }, repository });
  const lacking = { statuses: ["completed"], missing: ["thumbnailKey"] } as const;
  expect(await processor.rerun(lacking, "retry")).toMatchObject({ completed: 1 });
  const { description, embedding, aiVersion } = before as UploadRecord;
  expect(await repository.findUpload("a")).toMatchObject({ description, embedding, aiVersion });
  expect((await repository.findUpload("a"))?.thumbnailKey).toBeTruthy();
});

overStores((open) => {
  for (const mode of Object.keys(TAKEN) as RerunMode[]) {
    test(`${mode} takes what the table says, in a rerun and in single calls`, async () => {
      const store = await open(KINDS);
      const adapters = adaptersOf(store);
      const done: string[] = [];
      const processor = new BatchProcessor({ ...adapters, ...quick });
      processor.on("upload:settled", ({ uploadId }) => done.push(uploadId));
      const result = await processor.rerun({ all: true }, mode);
      expect(result).toMatchObject({ status: "completed", completed: TAKEN[mode].length, skipped: 0 });
      expect(done.toSorted()).toEqual([...TAKEN[mode]].toSorted());
      expect(await store.repository.findUpload("pending")).toMatchObject({ status: "pending" });

      const singles = await open(KINDS);
      const completed: string[] = [];
      for (const { id } of KINDS) {
        const single = await processUploadWithRetry(id, adaptersOf(singles), { ...quick, rerun: mode });
        if (single.status === "completed") completed.push(id);
      }
      expect(completed).toEqual(["pending", ...TAKEN[mode]]);
    });
  }

  test("the old result is whole at every write, and the new one replaces it as a set", async () => {
    const store = await open([finished("a")]);
    const rows: UploadRecord[] = [];
    const repository = watched(store.repository, (row) => rows.push(row));
    const adapters = adaptersOf(store);
    const result = await processUploadWithRetry("a", { ...adapters, repository }, { rerun: "reprocess-all" });
    expect(result.status).toBe("completed");
    expect(rows.length).toBeGreaterThan(2);
    const last = rows.at(-1);
    const OLD = { thumbnailKey: "old/a.jpg", description: "old words", embedding: [9, 9, 9], aiVersion: "v1" };
    const replacedAt = rows.findIndex(({ aiVersion }) => aiVersion === "v2");
    expect(replacedAt).toBeGreaterThan(1);
    for (const [at, row] of rows.entries()) {
      const { thumbnailKey, description, embedding, aiVersion } = row;
      const shown = { thumbnailKey, description, embedding, aiVersion };
      if (at < replacedAt) expect(shown).toEqual(OLD);
      else expect(shown).toMatchObject({ thumbnailKey: "thumbnails/a.jpg", description: "A photo called a.jpg" });
      expect(hasResult(row)).toBe(true);
    }
    expect(last).toMatchObject({
      status: "completed",
      thumbnailKey: "thumbnails/a.jpg",
      description: "A photo called a.jpg",
      aiVersion: "v2",
      draft: null,
      starts: 0,
    });
    expect(last?.embedding).not.toEqual([9, 9, 9]);
    expect(last?.metadata).toMatchObject({ camera: "X100", media: { kind: "image" }, redo: expect.any(String) });
  });

  test("without an embed stage the old vector goes, and without a version the old stamp does", async () => {
    const store = await open([finished("a")]);
    const { ai, ...adapters } = adaptersOf(store);
    const only = { describe: ai.describe };
    const result = await processUploadWithRetry("a", { ...adapters, ai: only }, { rerun: "reprocess-all" });
    expect(result).toMatchObject({ status: "completed" });
    const row = await store.repository.findUpload("a");
    expect(row).toMatchObject({ description: "A photo called a.jpg", embedding: null, aiVersion: null });
  });

  test("a thumbnail under another key is recorded, and then the old object deleted; never before", async () => {
    const store = await open([finished("a")]);
    const adapters = adaptersOf(store);
    const { storage } = adapters;
    const missing: string[] = [];
    const repository = watched(store.repository, ({ thumbnailKey }) => {
      if (storage.get(thumbnailKey ?? "") === undefined) missing.push(thumbnailKey ?? "none");
    });
    await processUploadWithRetry("a", { ...adapters, repository }, { rerun: "reprocess-all" });
    expect(missing).toEqual([]);
    expect(storage.get("old/a.jpg")).toBeUndefined();
    expect(storage.get("thumbnails/a.jpg")).toBeDefined();
  });

  test("while the old object is being deleted, nobody begins a redo that writes under its key again", async () => {
    const store = await open([finished("a")]);
    const adapters = adaptersOf(store);
    const { storage } = adapters;
    const reset: number[] = [];
    const adapter = {
      ...storage,
      delete: async (key: string) => {
        const { repository } = store;
        reset.push((await repository.resetUploads?.({ all: true }, "reprocess-all", "back")) ?? 0);
        expect(await repository.findUpload("a")).toMatchObject({
          status: "embedding",
          thumbnailKey: "thumbnails/a.jpg",
        });
        return storage.delete(key);
      },
    };
    const result = await processUploadWithRetry("a", { ...adapters, storage: adapter }, { rerun: "reprocess-all" });
    expect(result).toMatchObject({ status: "completed", warnings: [] });
    expect(reset).toEqual([0]);
    const back = await processUploadWithRetry("a", adapters, {
      rerun: "reprocess-all",
      thumbnail: { key: () => "old/a.jpg" },
    });
    expect(back.status).toBe("completed");
    expect(storage.get("old/a.jpg")).toBeDefined();
  });

  test("an abort while the old object is being deleted comes too late", async () => {
    const store = await open([finished("a")]);
    const adapters = adaptersOf(store);
    const { storage } = adapters;
    const controller = new AbortController();
    const adapter = {
      ...storage,
      delete: async (key: string) => {
        controller.abort();
        return storage.delete(key);
      },
    };
    const options = { rerun: "reprocess-all", signal: controller.signal } as const;
    const result = await processUploadWithRetry("a", { ...adapters, storage: adapter }, options);
    expect(result.status).toBe("completed");
    expect(storage.get("old/a.jpg")).toBeUndefined();
    expect(await store.repository.findUpload("a")).toMatchObject({ status: "completed", draft: null });
  });

  test("under the same key the object is replaced, and nothing deleted", async () => {
    const store = await open([finished("a")]);
    const adapters = adaptersOf(store);
    const thumbnail = { key: () => "old/a.jpg", size: 16 };
    await processUploadWithRetry("a", adapters, { rerun: "reprocess-all", thumbnail });
    expect(adapters.storage.calls.filter(({ method }) => method === "delete")).toEqual([]);
    expect(adapters.storage.calls.filter(({ method }) => method === "write")).toHaveLength(1);
    expect(await store.repository.findUpload("a")).toMatchObject({ status: "completed", thumbnailKey: "old/a.jpg" });
  });

  test("a thumbnail that cannot be made anew leaves the old one where it is", async () => {
    const store = await open([finished("a")]);
    const adapters = adaptersOf(store);
    adapters.storage.script.write.throws(boom(400), { times: Number.POSITIVE_INFINITY });
    const result = await processUploadWithRetry("a", adapters, { ...quick, rerun: "reprocess-all" });
    expect(result.warnings.map(({ code }) => code)).toEqual(["THUMBNAIL_FAILED"]);
    expect(await store.repository.findUpload("a")).toMatchObject({ aiVersion: "v2", thumbnailKey: "old/a.jpg" });
    expect(adapters.storage.get("old/a.jpg")).toBeDefined();
  });

  test("one that fails leaves the row as it was, with the reason and the draft; retry goes on behind it", async () => {
    const store = await open([finished("a")]);
    const adapters = adaptersOf(store);
    adapters.ai.script.embed.throws(boom(400));
    const failed = await processUploadWithRetry("a", adapters, {
      ...quick,
      rerun: { mode: "reprocess-all", name: "one" },
    });
    expect(failed).toMatchObject({ status: "failed", kept: true, error: { code: "EMBED_FAILED" } });
    const row = await store.repository.findUpload("a");
    expect(row).toMatchObject({
      status: "completed",
      description: "old words",
      embedding: [9, 9, 9],
      thumbnailKey: "old/a.jpg",
      errorCode: "EMBED_FAILED",
      errorStage: "embed",
      errorMessage: "refused",
      draft: { was: "completed", redo: "one", description: "A photo called a.jpg", thumbnailKey: "thumbnails/a.jpg" },
    });
    expect(adapters.storage.get("old/a.jpg")).toBeDefined();

    const again = await processUploadWithRetry("a", adapters, { ...quick, rerun: "retry" });
    expect(again.status).toBe("completed");
    expect(callsOf(adapters.ai)).toEqual({ describe: 1, embed: 2 });
    expect(adapters.storage.calls.filter(({ method }) => method === "write")).toHaveLength(1);
    expect(await store.repository.findUpload("a")).toMatchObject({
      status: "completed",
      description: "A photo called a.jpg",
      thumbnailKey: "thumbnails/a.jpg",
      errorCode: null,
      draft: null,
    });
    expect(adapters.storage.get("old/a.jpg")).toBeUndefined();
  });

  test("one of a failed upload that fails is failed as before, and not kept", async () => {
    const store = await open([uploadOf("a", { status: "failed", errorCode: "EMBED_FAILED", description: "so far" })]);
    const adapters = adaptersOf(store);
    adapters.ai.script.describe.throws(boom(400));
    const failed = await processUploadWithRetry("a", adapters, { ...quick, rerun: "reprocess-all" });
    expect(failed).toMatchObject({ status: "failed", kept: false });
    expect(await store.repository.findUpload("a")).toMatchObject({
      status: "failed",
      errorCode: "DESCRIBE_FAILED",
      description: "so far",
      draft: { was: "failed" },
    });
  });

  test("a batch counts failed redos as failed, and of those the kept ones", async () => {
    const store = await open([finished("a"), uploadOf("b", { status: "failed", errorCode: "DESCRIBE_FAILED" })]);
    const adapters = adaptersOf(store);
    adapters.ai.script.describe.throws(boom(400), { times: 2 });
    const result = await new BatchProcessor({ ...adapters, ...quick }).rerun({ batchId: "batch" }, "reprocess-all");
    expect(result).toMatchObject({ status: "completed", total: 2, completed: 0, failed: 2, kept: 1 });
    expect(await store.repository.countUploads({ all: true })).toEqual({ completed: 1, failed: 1 });
    expect(await store.repository.findBatch("batch")).toMatchObject({ status: "completed" });
  });

  test("one that takes the process down is quarantined: back to what it was, its media not touched", async () => {
    const row = finished("a", { status: "analyzing", starts: 3, draft: { was: "completed", redo: "one" } });
    const store = await open([row]);
    const adapters = adaptersOf(store);
    const result = await processUploadWithRetry("a", adapters, quick);
    expect(result).toMatchObject({ status: "failed", kept: true, error: { code: "QUARANTINED" } });
    expect(adapters.storage.calls).toEqual([]);
    expect(await store.repository.findUpload("a")).toMatchObject({
      status: "completed",
      description: "old words",
      errorCode: "QUARANTINED",
      draft: { was: "completed", redo: "one" },
    });
  });

  test("retry goes on behind the checkpoints of a failed upload, in the row itself", async () => {
    const store = await open([uploadOf("a", { status: "failed", errorCode: "EMBED_FAILED", description: "so far" })]);
    const drafts: unknown[] = [];
    const repository = watched(store.repository, ({ draft }) => drafts.push(draft ?? null));
    const adapters = adaptersOf(store);
    const result = await processUploadWithRetry("a", { ...adapters, repository }, { rerun: "retry" });
    expect(result.status).toBe("completed");
    expect(callsOf(adapters.ai)).toEqual({ describe: 0, embed: 1 });
    expect(new Set(drafts)).toEqual(new Set([null]));
    expect(await store.repository.findUpload("a")).toMatchObject({ description: "so far", errorCode: null });
  });
});

test("who has lost the upload while the storage failed deletes the old object no more", async () => {
  const repository = memoryRepository<UploadRecord>({
    uploads: [finished("a")],
    batches: [{ id: "batch", status: "completed" }],
  });
  const adapters = adaptersOf({ repository, remove: (id) => repository.deleteUpload(id) });
  const { storage } = adapters;
  let isCutOff = false;
  const cut = {
    ...repository,
    updateUpload: async (...args: Parameters<typeof repository.updateUpload>) => {
      if (isCutOff) throw Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
      return repository.updateUpload(...args);
    },
  };
  let deletes = 0;
  const failing = {
    ...storage,
    delete: async (key: string) => {
      if (++deletes > 1) return storage.delete(key);
      // The lease runs out, and another worker is first to come back.
      isCutOff = true;
      while ((await repository.claimUpload("a", { leaseMs: 60_000, token: "another" })).outcome !== "claimed")
        await sleep(5);
      isCutOff = false;
      throw boom(503);
    },
  };
  const options = { rerun: "reprocess-all", lease: { durationMs: 1000 } } as const;
  const result = await processUploadWithRetry("a", { ...adapters, repository: cut, storage: failing }, options);
  expect(result).toMatchObject({ status: "skipped", reason: "claimed-elsewhere" });
  expect(deletes).toBe(1);
  expect(storage.get("old/a.jpg")).toBeDefined();
});
