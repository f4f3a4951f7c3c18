import assert from "node:assert/strict";
import type { UploadDraft, UploadRecord } from "../../contracts/upload.js";
import type { Bench } from "./fixture.js";
import { assertFields, checkpoints } from "./records.js";

/** What is merged key by key: metadata, and the draft of an upload that is done again. */
export function testDrafts<U extends UploadRecord>({ test }: Bench<U>): void {
  test("metadata is merged: a key that is written replaces its own, the others stay", async (setup) => {
    const { repository, add, read } = setup;
    const id = await add({ metadata: { camera: "X100", media: { width: 1, height: 2 } } });
    assert.equal(
      await repository.updateUpload(id, { metadata: { media: { width: 3 }, usage: { tokens: 5 } } }),
      "saved",
    );
    const merged = { camera: "X100", media: { width: 3 }, usage: { tokens: 5 } };
    assertFields(await read(id), { metadata: merged });
    assert.equal(await repository.updateUpload(id, { metadata: {} }), "saved");
    assertFields(await read(id), { metadata: merged });
  });

  test("metadata is begun by the first write, and cleared by null", async ({ repository, add, read }) => {
    const id = await add();
    await repository.updateUpload(id, { metadata: { one: 1 } });
    await repository.updateUpload(id, { metadata: { two: null } });
    assertFields(await read(id), { metadata: { one: 1, two: null } });
    await repository.updateUpload(id, { metadata: null });
    assertFields(await read(id), { metadata: null });
    await repository.updateUpload(id, { metadata: { three: 3 } });
    assertFields(await read(id), { metadata: { three: 3 } });
  });

  test("a draft is merged: each checkpoint sends its own keys, in any order", async (setup) => {
    const { repository, add, read, vector } = setup;
    const old = checkpoints(vector());
    const draft = { was: "completed", redo: "redo-1", keeps: "all" } as const;
    const id = await add({ ...old, draft });
    const parts = [
      { embedding: [0.25, -1e-7, 3], aiVersion: "model-2" },
      { description: "A dog “asleep”" },
      { metadata: { media: { width: 1 } } },
      { thumbnailKey: "thumbnails/2.jpg" },
    ] satisfies Partial<UploadDraft>[];
    for (const part of parts) assert.equal(await repository.updateUpload(id, { draft: part }), "saved");
    const whole = Object.assign({}, draft, ...parts);
    assertFields(await read(id), { ...old, draft: whole });
    const metadata = { usage: { tokens: 5 } };
    await repository.updateUpload(id, { draft: { metadata } });
    assertFields(await read(id), { ...old, draft: { ...whole, metadata } });
  });

  test("the write that completes an upload drops its draft with null", async ({ repository, add, read, vector }) => {
    const draft = { was: "completed", redo: "redo-1", description: "A dog" } as const;
    const id = await add({ ...checkpoints(vector()), status: "embedding", draft });
    const final = { status: "completed" as const, description: "A dog", embedding: vector(2), draft: null };
    assert.equal(await repository.updateUpload(id, final), "saved");
    assertFields(await read(id), { ...checkpoints(vector()), ...final });
    assert.equal(await repository.updateUpload(id, { ...final, metadata: { redo: "redo-1" } }), "saved");
    const metadata = { ...checkpoints(vector()).metadata, redo: "redo-1" };
    assertFields(await read(id), { ...checkpoints(vector()), ...final, metadata });
  });

  test("writes of different keys at once all arrive", async ({ repository, add, read }) => {
    const id = await add({ draft: { was: "failed", redo: "redo-1" } });
    const keys = Array.from({ length: 20 }, (_, index) => `stage-${index}`);
    await Promise.all(keys.map((key) => repository.updateUpload(id, { metadata: { [key]: { done: true } } })));
    const { metadata } = await read(id);
    assert.deepEqual(Object.keys(metadata ?? {}).sort(), keys.sort());
  });
}
