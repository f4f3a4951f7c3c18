import { expect, test } from "vitest";
import {
  type AIAdapter,
  BatchProcessor,
  defineStage,
  processUploadWithRetry,
  type UploadDraft,
  type UploadRecord,
} from "../../src/index.js";
import { adaptersOf, callsOf, finished, inMemory, overStores } from "../support/stores.js";

const quick = { retry: { minTimeout: 1, randomize: false } } as const;

overStores((open) => {
  /** What a reprocess with models of this version calls and stores. */
  async function reprocessed(row: UploadRecord, version: NonNullable<AIAdapter["version"]>) {
    const store = await open([row]);
    const { ai: fake, ...adapters } = adaptersOf(store);
    const ai: AIAdapter = { describe: fake.describe, embed: fake.embed, version };
    const processor = new BatchProcessor({ ...adapters, ...quick, ai });
    await processor.rerun({ all: true }, "reprocess");
    const left = await processor.plan({ all: true }, "reprocess");
    return { calls: callsOf(fake), row: await store.repository.findUpload(row.id), left: left.uploads };
  }

  test("a new embedding model makes no describe call", async () => {
    const { calls, row, left } = await reprocessed(finished("a", { aiVersion: "describe=d1 embed=e1" }), {
      describe: "d1",
      embed: "e2",
    });
    expect(calls).toEqual({ describe: 0, embed: 1 });
    expect(row).toMatchObject({ description: "old words", aiVersion: "describe=d1 embed=e2", draft: null });
    expect(row?.embedding).not.toEqual([9, 9, 9]);
    expect(left).toBe(0);
  });

  test("a new description is embedded anew, whatever the version of the embedding", async () => {
    const { calls, row } = await reprocessed(finished("a", { aiVersion: "describe=d1 embed=e1" }), {
      describe: "d2",
      embed: "e1",
    });
    expect(calls).toEqual({ describe: 1, embed: 1 });
    expect(row).toMatchObject({ description: "A photo called a.jpg", aiVersion: "describe=d2 embed=e1" });
  });

  test("what a stage that is not required has made of the old description does not stand beside the new one", async () => {
    const made = { tags: { of: "old words" }, facts: { of: "the picture" }, labels: { of: "old words" } };
    const store = await open([finished("a", { metadata: { camera: "X100", ...made } })]);
    let isDown = true;
    const stageOf = (name: string, before: "describe" | "embed" | "save") =>
      defineStage({
        name,
        before,
        required: false,
        run: async ({ upload }) => {
          if (isDown) throw Object.assign(new Error("down"), { status: 400 });
          return { of: upload.description };
        },
      });
    const stages = [stageOf("facts", "describe"), stageOf("tags", "embed"), stageOf("labels", "save")];
    const processor = new BatchProcessor({ ...adaptersOf(store), ...quick, stages });
    expect(await processor.rerun({ all: true }, "reprocess")).toMatchObject({ completed: 1 });
    const left = { camera: "X100", facts: made.facts, tags: null, labels: null };
    expect((await store.repository.findUpload("a"))?.metadata).toMatchObject(left);

    isDown = false;
    const lacking = { statuses: ["completed"], missing: ["metadata.tags", "metadata.labels"] } as const;
    expect(await processor.plan(lacking, "retry")).toMatchObject({ uploads: 1, calls: { tags: 1, labels: 1 } });
    expect(await processor.rerun(lacking, "retry")).toMatchObject({ completed: 1 });
    const row = await store.repository.findUpload("a");
    expect(row?.metadata).toMatchObject({ tags: { of: row?.description }, labels: { of: row?.description } });

    // Nothing is described anew here, so all of it stays.
    isDown = true;
    await processor.rerun({ ids: ["a"], statuses: ["completed"], missing: ["metadata.other"] }, "retry");
    expect((await store.repository.findUpload("a"))?.metadata).toMatchObject({ tags: { of: row?.description } });
  });

  test("a plain stamp belongs to both stages; what is up to date gets the new stamp, and is not taken again", async () => {
    const { calls, row, left } = await reprocessed(finished("a"), { describe: "v1", embed: "v1" });
    expect(calls).toEqual({ describe: 0, embed: 0 });
    expect(row).toMatchObject({ description: "old words", embedding: [9, 9, 9], aiVersion: "describe=v1 embed=v1" });
    expect(left).toBe(0);
  });

  test("a finished upload that lacks its vector gets it, and the stamp says of which version each part is", async () => {
    const store = await open([
      finished("a", { embedding: null }),
      finished("b"),
      finished("c", { thumbnailKey: null }),
      finished("d", { embedding: null, aiVersion: "v2" }),
    ]);
    const adapters = adaptersOf(store);
    const processor = new BatchProcessor({ ...adapters, ...quick });
    const selection = { statuses: ["completed"], missing: ["embedding"] } as const;
    expect(await processor.rerun({ statuses: ["completed"] }, "retry")).toMatchObject({ completed: 0 });
    expect(await processor.rerun(selection, "retry")).toMatchObject({ completed: 2 });
    expect(callsOf(adapters.ai)).toEqual({ describe: 0, embed: 2 });
    const find = (id: string) => store.repository.findUpload(id);
    expect(await find("a")).toMatchObject({ description: "old words", aiVersion: "describe=v1 embed=v2", draft: null });
    expect((await find("a"))?.embedding).toHaveLength(3);
    expect(await find("d")).toMatchObject({ description: "old words", aiVersion: "v2" });

    await processor.rerun({ statuses: ["completed"], missing: ["thumbnailKey"] }, "retry");
    expect(callsOf(adapters.ai)).toEqual({ describe: 0, embed: 2 });
    expect(await find("c")).toMatchObject({ thumbnailKey: "thumbnails/c.jpg", aiVersion: "v1", embedding: [9, 9, 9] });
  });

  test("a third version goes on with an old draft, and the stamp says so", async () => {
    const store = await open([finished("a")]);
    const second = adaptersOf(store, "v2");
    second.ai.script.embed.throws(Object.assign(new Error("refused"), { status: 400 }));
    await processUploadWithRetry("a", second, { ...quick, rerun: "reprocess" });

    const third = adaptersOf(store, "v3");
    const result = await processUploadWithRetry("a", third, { ...quick, rerun: "retry" });
    expect(result.status).toBe("completed");
    expect(callsOf(third.ai)).toEqual({ describe: 0, embed: 1 });
    expect(await store.repository.findUpload("a")).toMatchObject({ aiVersion: "describe=v2 embed=v3" });

    // The next reprocess makes it all of one version.
    await processUploadWithRetry("a", third, { ...quick, rerun: "reprocess" });
    expect(callsOf(third.ai)).toEqual({ describe: 1, embed: 2 });
    expect(await store.repository.findUpload("a")).toMatchObject({ aiVersion: "v3" });
  });

  test("what an interrupted redo made of the old description is not taken for a result of the new one", async () => {
    const draft: UploadDraft = {
      was: "completed",
      redo: "first",
      keeps: "same-version",
      embedding: [9, 9, 8],
      aiVersion: "describe=d1 embed=e2",
      metadata: { mood: "of the old words", size: "kept" },
    };
    const row = finished("a", { status: "pending", aiVersion: "describe=d1 embed=e1", draft });
    const store = await open([row]);
    const { ai: fake, ...adapters } = adaptersOf(store);
    fake.script.embed.throws(Object.assign(new Error("refused"), { status: 400 }));
    const ai: AIAdapter = { describe: fake.describe, embed: fake.embed, version: { describe: "d2", embed: "e2" } };
    const stages = [
      defineStage({ name: "mood", before: "save", run: async ({ upload }) => ({ of: upload.description }) }),
      defineStage({ name: "size", before: "describe", run: async () => ({ never: "asked" }) }),
    ];
    const processor = new BatchProcessor({ ...adapters, ...quick, ai, stages });
    expect(await processor.processUpload("a")).toMatchObject({ status: "failed", kept: true });
    const left = (await store.repository.findUpload("a"))?.draft;
    expect(left).toMatchObject({ description: "A photo called a.jpg", embedding: [], metadata: { size: "kept" } });
    expect(left?.metadata).not.toHaveProperty("mood");

    expect(await processor.processUpload("a", { rerun: "retry" })).toMatchObject({ status: "completed" });
    expect(await store.repository.findUpload("a")).toMatchObject({
      ...{ description: "A photo called a.jpg", aiVersion: "describe=d2 embed=e2", draft: null },
      metadata: { mood: { of: "A photo called a.jpg" }, size: "kept" },
    });
    expect((await store.repository.findUpload("a"))?.embedding).not.toEqual([9, 9, 8]);
  });

  test("the key of an embedding names its text: a service that goes by it answers with no vector of another one", async () => {
    const keyOf = async (description: string) => {
      const store = await open([finished("a", { status: "pending", description, embedding: null })]);
      const adapters = adaptersOf(store);
      expect(await processUploadWithRetry("a", adapters, quick)).toMatchObject({ status: "completed" });
      const [call] = adapters.ai.calls.filter(({ method }) => method === "embed");
      return call?.args[1]?.idempotencyKey;
    };
    const [one, again, other] = [await keyOf("a cat"), await keyOf("a cat"), await keyOf("a dog")];
    expect(again).toBe(one);
    expect(other).not.toBe(one);
  });
});

test("a retry of a finished upload without models of a version leaves the stamp of what it keeps", async () => {
  const store = await inMemory([finished("a", { thumbnailKey: null })]);
  const { ai, ...adapters } = adaptersOf(store);
  const unversioned: AIAdapter = { describe: ai.describe, embed: ai.embed };
  const processor = new BatchProcessor({ ...adapters, ai: unversioned });
  await processor.rerun({ statuses: ["completed"], missing: ["thumbnailKey"] }, "retry");
  expect(await store.repository.findUpload("a")).toMatchObject({ aiVersion: "v1", thumbnailKey: "thumbnails/a.jpg" });
});
