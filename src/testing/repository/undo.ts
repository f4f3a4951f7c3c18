import assert from "node:assert/strict";
import type { UploadDraft, UploadRecord } from "../../contracts/upload.js";
import { type Bench, LONG_MS, newRedo, PAST_SHORT_MS, SETTLED, SHORT_MS } from "./fixture.js";
import { assertFields, assertUnchanged, checkpoints, ERROR, NO_ERROR } from "./records.js";

/** Taking a redo back: the upload is what it was before. */
export function testUndo<U extends UploadRecord>({ test }: Bench<U>, { claims }: { readonly claims: boolean }): void {
  for (const was of SETTLED) {
    test(`undo makes an upload that was ${was} what it was, and drops its draft`, async (setup) => {
      const { reset, add, read, vector } = setup;
      const draft: UploadDraft = { was, redo: newRedo(), description: "A dog" };
      const fields = { ...checkpoints(vector()), ...ERROR };
      for (const status of ["pending", "analyzing", "embedding", was] as const) {
        const id = await add({ status, ...fields, draft, starts: 2 });
        assert.equal(await reset({ ids: [id] }, "undo", newRedo()), 1, `an upload that is ${status} and not held`);
        const errors = was === "completed" ? NO_ERROR : ERROR;
        assertFields(await read(id), { ...fields, ...errors, status: was, draft: null, starts: 0 });
        assert.equal(await reset({ ids: [id] }, "undo", newRedo()), 0);
      }
    });
  }

  test("undo takes back what a reset did", async ({ reset, add, read, vector }) => {
    const id = await add({ status: "completed", ...checkpoints(vector()) });
    const before = await read(id);
    const redo = newRedo();
    assert.equal(await reset({ ids: [id] }, "reprocess", redo), 1);
    assert.equal(await reset({ ids: [id] }, "undo", redo), 1);
    assertUnchanged(await read(id), { ...before, starts: 0 });
  });

  test("undo passes over uploads without a draft, and over those that are not selected", async (setup) => {
    const { reset, add, read } = setup;
    const ids = [await add(), await add({ status: "failed", ...ERROR }), await add({ status: "completed" })];
    const other = await add({ draft: { was: "completed", redo: "redo-1" } });
    const before = await Promise.all([...ids, other].map(read));
    assert.equal(await reset({ ids }, "undo", newRedo()), 0);
    for (const upload of before) assertUnchanged(await read(upload.id), upload);
  });

  test("undo leaves the batch as it is", async ({ repository, knows, reset, add, newBatch }) => {
    if (!knows.batches) return;
    const batchId = await newBatch("cancelled");
    const id = await add({ batchId, draft: { was: "completed", redo: "redo-1" } });
    assert.equal(await reset({ ids: [id] }, "undo", newRedo()), 1);
    assert.equal((await repository.findBatch(batchId))?.status, "cancelled");
  });

  test("of 20 undos at once, one takes the row", async ({ reset, add }) => {
    const id = await add({ draft: { was: "completed", redo: "redo-1" } });
    const counts = await Promise.all(Array.from({ length: 20 }, () => reset({ ids: [id] }, "undo", newRedo())));
    assert.deepEqual(
      counts.filter((count) => count > 0),
      [1],
    );
  });

  if (!claims) return;

  test("undo leaves alone what somebody holds", async ({ repository, reset, granted, add, read }) => {
    const id = await add({ draft: { was: "completed", redo: "redo-1" } });
    const { fence, upload } = await granted(id);
    assert.equal(await reset({ ids: [id] }, "undo", newRedo()), 0);
    assertUnchanged(await read(id), upload);
    assert.equal(await repository.updateUpload(id, {}, { fence, leaseMs: LONG_MS }), "saved");
  });

  test("undo takes what is held no longer, and its holder's writes come too late", async (setup) => {
    const { repository, reset, granted, add, read, advance } = setup;
    const id = await add({ description: "A cat", draft: { was: "completed", redo: "redo-1" } });
    const { fence } = await granted(id, { leaseMs: SHORT_MS });
    await advance(PAST_SHORT_MS);
    assert.equal(await reset({ ids: [id] }, "undo", newRedo()), 1);
    const late = { status: "completed" as const, description: "late", draft: null };
    assert.equal(await repository.updateUpload(id, late, { fence, leaseMs: LONG_MS }), "stale");
    assertFields(await read(id), { status: "completed", description: "A cat" });
    await repository.updateUpload(id, { status: "pending" });
    assert.ok((await granted(id)).fence > fence, "the fence has to increase");
  });

  test("a release that comes after the undo of its upload is stale", async (setup) => {
    const { repository, reset, granted, add, read } = setup;
    const id = await add({ draft: { was: "failed", redo: "redo-1" } });
    const { fence } = await granted(id);
    await repository.updateUpload(id, { status: "pending", starts: 0 }, { fence });
    assert.equal(await reset({ ids: [id] }, "undo", newRedo()), 1);
    assert.equal(await repository.updateUpload(id, { status: "failed", draft: {} }, { fence }), "stale");
    assertFields(await read(id), { status: "failed", draft: null });
  });
}
