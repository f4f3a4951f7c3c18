import { describe, expect, test } from "vitest";
import {
  BatchProcessor,
  ConfigurationError,
  defineStage,
  processUploadWithRetry,
  type RerunMode,
  type UploadRecord,
  type UploadSelection,
} from "../../src/index.js";
import { uploadOf } from "../support/fakes.js";
import { adaptersOf, callsOf, finished, inMemory, overStores, type Store, withoutClaims } from "../support/stores.js";

const refused = () => Object.assign(new Error("refused"), { status: 400 });
const half = { was: "completed", redo: "one", description: "half done", aiVersion: "v2" } as const;

const MIXED: readonly UploadRecord[] = [
  uploadOf("pending"),
  uploadOf("failed", { status: "failed", errorCode: "EMBED_FAILED", description: "so far", aiVersion: "v1" }),
  uploadOf("bare", { status: "failed", errorCode: "DESCRIBE_FAILED", metadata: { scan: { safe: true } } }),
  finished("old"),
  finished("mixed", { aiVersion: "describe=v2 embed=v1", thumbnailKey: "thumbnails/mixed.jpg" }),
  finished("current", { aiVersion: "v2", metadata: { scan: { safe: true } } }),
  finished("half", { errorCode: "EMBED_FAILED", draft: half }),
  finished("vectorless", { embedding: null, metadata: { scan: null } }),
];

overStores((open) => {
  const SELECTIONS: readonly [RerunMode, UploadSelection][] = [
    ["retry", { all: true }],
    ["retry", { statuses: ["completed"], missing: ["embedding"] }],
    ["reprocess", { all: true }],
    ["reprocess", { ids: ["mixed", "half"] }],
    ["reprocess-all", { batchId: "batch" }],
  ];
  test.each(SELECTIONS)("a plan of %s of %j is what rerun then does", async (mode, selection) => {
    const store = await open(MIXED);
    const before = await store.repository.listUploads({ all: true }, { limit: 100 });
    const adapters = adaptersOf(store);
    let scanned = 0;
    const stages = [defineStage({ name: "scan", run: async () => void scanned++ })];
    const processor = new BatchProcessor({ ...adapters, stages });
    const plan = await processor.plan(selection, mode);
    expect(await store.repository.listUploads({ all: true }, { limit: 100 })).toEqual(before);
    expect(adapters.ai.calls).toEqual([]);

    const result = await processor.rerun(selection, mode);
    expect(plan).toMatchObject({ uploads: result.completed, cost: null });
    const written = adapters.storage.calls.filter(({ method }) => method === "write").length;
    const calls = { thumbnail: written, ...callsOf(adapters.ai), scan: scanned };
    expect({ thumbnail: 0, describe: 0, embed: 0, scan: 0, ...plan.calls }).toEqual(calls);
    expect(plan.uploads).toBeGreaterThan(0);
  });

  test("a code that is empty selects no upload that has none", async () => {
    const store = await open([finished("a"), uploadOf("b", { status: "failed", errorCode: "X" })]);
    const processor = new BatchProcessor(adaptersOf(store));
    expect(await processor.rerun({ errorCodes: [""] }, "reprocess-all")).toMatchObject({ total: 0, completed: 0 });
  });

  test("what is missing in metadata goes by keys of objects, not by places in arrays and texts", async () => {
    const metadata = { list: ["cat"], text: "cat", sizes: { 0: "cat" } };
    const store = await open([finished("a", { metadata })]);
    const processor = new BatchProcessor({ ...adaptersOf(store), thumbnail: false });
    const done = async (place: string) => {
      const selection: UploadSelection = { statuses: ["completed"], missing: [`metadata.${place}`] };
      return (await processor.rerun(selection, "retry")).completed;
    };
    for (const place of ["list.0", "list.-1", "list.length", "text.0", "text.length"])
      expect(await done(place)).toBe(1);
    for (const place of ["list", "text", "sizes.0"]) expect(await done(place)).toBe(0);
  });

  test("many ids are asked for in parts, and each is counted once", async () => {
    const store = await open([finished("a"), finished("b"), finished("c")]);
    const { repository } = store;
    let most = 0;
    const watched: typeof repository = {
      ...repository,
      async listUploads(selection, page) {
        most = Math.max(most, ("ids" in selection && selection.ids?.length) || 0);
        return repository.listUploads(selection, page);
      },
    };
    const processor = new BatchProcessor({ ...adaptersOf({ ...store, repository: watched }), thumbnail: false });
    const others = Array.from({ length: 2000 }, (_, index) => `other ${index}`);
    const ids = ["a", "b", ...others, "c", "a"];
    expect(await processor.plan({ ids }, "reprocess")).toMatchObject({ uploads: 3, calls: { describe: 3 } });
    expect(await processor.rerun({ ids }, "reprocess")).toMatchObject({ total: 3, completed: 3 });
    expect(await processor.plan({ ids }, "reprocess")).toMatchObject({ uploads: 0 });
    expect(most).toBe(1000);
  });
});

test("cost and time are told by the means of what this runtime has seen; null before", async () => {
  const store = await inMemory(["a", "b", "c", "d"].map((id) => finished(id)));
  const { ai, ...adapters } = adaptersOf(store);
  ai.script.describe.returns({ text: "words", usage: { cost: 3, durationMs: 1000 } }, { times: 2 });
  ai.script.embed.returns({ vector: [1, 2, 3], usage: { cost: 1, durationMs: 10 } }, { times: 2 });
  const processor = new BatchProcessor({ ...adapters, ai, concurrency: 2, thumbnail: false });
  const plan = () => processor.plan({ all: true }, "reprocess");
  expect(await plan()).toEqual({ uploads: 4, calls: { describe: 4, embed: 4 }, cost: null, durationMs: null });
  await processor.rerun({ ids: ["a", "b"] }, "reprocess");
  expect(await plan()).toEqual({ uploads: 2, calls: { describe: 2, embed: 2 }, cost: 8, durationMs: 1000 });
});

describe("a selection", () => {
  test.each([
    {},
    undefined,
    null,
    "batch",
    { all: false },
    { all: true, batchId: "batch" },
    { batchId: undefined },
    { all: undefined },
    { batchId: "batch", userId: undefined },
    { batch: "batch" },
    { batchId: "batch", status: ["failed"] },
    { batchId: 5 },
    { ids: "a" },
    { ids: [undefined] },
    { statuses: ["done"] },
    { statuses: ["completed"], missing: ["thumbnail"] },
    { errorCodes: [null] },
  ])("%j is refused, and nothing is touched", async (selection) => {
    const store = await inMemory([finished("a"), uploadOf("b", { status: "failed" })]);
    const adapters = adaptersOf(store);
    const processor = new BatchProcessor(adapters);
    const wrong = selection as unknown as UploadSelection;
    await expect(processor.rerun(wrong, "reprocess-all")).rejects.toThrow(ConfigurationError);
    await expect(processor.plan(wrong, "retry")).rejects.toThrow(ConfigurationError);
    await expect(processor.undo(wrong)).rejects.toThrow(ConfigurationError);
    expect(await store.repository.findUpload("a")).toEqual(finished("a"));
    expect(adapters.ai.calls).toEqual([]);
  });

  test("narrows what is taken: all keys hold, within a list any", async () => {
    const failed = (id: string, errorCode: string, userId: string) =>
      uploadOf(id, { status: "failed", errorCode, userId });
    const uploads = [failed("a", "X", "1"), failed("b", "Y", "1"), failed("c", "Z", "1"), failed("d", "X", "2")];
    const store = await inMemory(uploads);
    const processor = new BatchProcessor(adaptersOf(store));
    const plan = async (selection: UploadSelection) => (await processor.plan(selection, "retry")).uploads;
    expect(await plan({ userId: "1", errorCodes: ["X", "Y"] })).toBe(2);
    expect(await plan({ ids: [] })).toBe(0);
    expect(await processor.rerun({ userId: "1", errorCodes: ["X", "Y"] }, "retry")).toMatchObject({ completed: 2 });
    expect(await store.repository.countUploads({ all: true })).toEqual({ completed: 2, failed: 2 });
  });
});

test("reprocess without a version, and with another one than the adapter's, is refused", async () => {
  const store = await inMemory([finished("a")]);
  const { ai, ...adapters } = adaptersOf(store);
  const unversioned = { ...adapters, ai: { describe: ai.describe } };
  const processor = new BatchProcessor(unversioned);
  for (const refusing of [
    processor.rerun({ all: true }, "reprocess"),
    processor.plan({ all: true }, "reprocess"),
    processUploadWithRetry("a", unversioned, { rerun: "reprocess" }),
  ])
    await expect(refusing).rejects.toThrow("ai.version");
  const other = new BatchProcessor({ ...adapters, ai }).rerun({ notAiVersion: "v9" }, "reprocess");
  await expect(other).rejects.toThrow("notAiVersion");
  expect(await store.repository.findUpload("a")).toEqual(finished("a"));
});

test.each([
  "again",
  "undo",
  null,
  { mode: "retry", name: "" },
  { mode: "retry", name: "a\0b" }, // a store would keep it as another text
  { mode: "retry", name: "a\ud800" },
  { mode: "retry", nam: "one" },
])("a single call refuses the mode %j", async (rerun) => {
  const adapters = adaptersOf(await inMemory([finished("a")]));
  const refusing = processUploadWithRetry("a", adapters, { rerun: rerun as RerunMode });
  await expect(refusing).rejects.toThrow(ConfigurationError);
  expect(adapters.ai.calls).toEqual([]);
});

test("a repository that keeps no draft is found out before anything is reset", async () => {
  const store = await withoutClaims([finished("a"), finished("b")]);
  const { repository } = store;
  const updateUpload: typeof repository.updateUpload = (id, { draft, ...changes }, claim) =>
    repository.updateUpload(id, changes, claim);
  const adapters = { ...adaptersOf(store), repository: { ...repository, updateUpload } };
  await expect(new BatchProcessor(adapters).rerun({ all: true }, "reprocess-all")).rejects.toThrow("field draft");
  await expect(processUploadWithRetry("a", adapters, { rerun: "reprocess" })).rejects.toThrow(ConfigurationError);
  for (const id of ["a", "b"]) expect(await repository.findUpload(id)).toMatchObject(finished(id));
  expect(adapters.ai.calls).toEqual([]);
  // What has no result to lose needs none.
  adapters.ai.script.describe.throws(refused());
  await store.repository.updateUpload("b", { status: "pending" });
  expect((await processUploadWithRetry("b", adapters)).status).toBe("completed");
});

const MEANWHILE: readonly [string, (store: Store) => Promise<unknown>, string | null][] = [
  ["deleted", (store) => store.remove("a"), null],
  ["taken by another redo", ({ repository }) => repository.updateUpload("a", { draft: { redo: "other" } }), "other"],
  ["begun", ({ repository }) => repository.updateUpload("a", { status: "pending", draft: null }), null],
  ["undone", ({ repository }) => repository.updateUpload("a", { draft: null }), "one"],
];
test.each(MEANWHILE)(
  "a reset one by one of what is %s meanwhile is no fault of the repository",
  async (...[, come, redo]) => {
    const store = await withoutClaims([finished("a"), finished("b")]);
    const { repository } = store;
    let hasCome = false;
    const raced: typeof repository = {
      ...repository,
      async updateUpload(id, changes, claim) {
        const outcome = await repository.updateUpload(id, changes, claim);
        if (id === "a" && changes.draft != null && !hasCome) {
          hasCome = true;
          await come(store);
        }
        return outcome;
      },
    };
    const processor = new BatchProcessor({ ...adaptersOf({ ...store, repository: raced }), thumbnail: false });
    const taken = redo === "one" ? 2 : 1;
    const result = await processor.rerun({ batchId: "batch" }, "reprocess-all", { name: "one" });
    expect(result).toMatchObject({ status: "completed", completed: taken });
    const row = await repository.findUpload("a");
    expect(row?.draft?.redo ?? row?.metadata?.redo ?? null).toBe(redo);
  },
);
