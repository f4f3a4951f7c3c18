import assert from "node:assert/strict";
import type { UploadRecord } from "../../contracts/upload.js";
import { assertFields, type Bench, checkpoints, newId, newUpload, STATUSES } from "./fixture.js";

/** Reading, and writing without a claim. */
export function testUploads<U extends UploadRecord>({ test }: Bench<U>): void {
  test("findUpload answers null for an unknown id", async ({ repository }) => {
    assert.equal(await repository.findUpload(newId()), null);
  });

  test("findUpload answers with every field", async ({ addUploads, read, vector }) => {
    const upload = newUpload({
      ...{ status: "failed", batchId: newId(), userId: "user-1", fileName: "cat.jpg", mimeType: "image/jpeg" },
      fileSize: 5_000_000_000, // more than a 32-bit integer holds
      ...checkpoints(vector()),
      ...{ errorCode: "DESCRIBE_FAILED", errorStage: "describe", errorMessage: "503", starts: 2 },
    });
    await addUploads([upload]);
    assertFields(await read(upload.id), upload);
  });

  test("a record that was handed out is a snapshot", async ({ repository, add, read }) => {
    const id = await add({ metadata: { tags: ["cat"] } });
    const before = await read(id);
    await repository.updateUpload(id, { description: "A cat" });
    assertFields(before, { description: null });
    Object.assign(before.metadata ?? {}, { tags: ["dog"] });
    assertFields(await read(id), { description: "A cat", metadata: { tags: ["cat"] } });
  });

  test("updateUpload leaves other columns and other uploads alone", async ({ repository, add, read, vector }) => {
    const fields = { userId: "user-1", fileName: "cat.jpg", ...checkpoints(vector()), starts: 1 };
    const [id, other] = [await add(fields), await add(fields)];
    assert.equal(await repository.updateUpload(id, { description: "A dog", errorCode: "X" }), "saved");
    assertFields(await read(id), { ...fields, status: "pending", description: "A dog", errorCode: "X" });
    assertFields(await read(other), { ...fields, status: "pending", errorCode: null });
  });

  test("updateUpload clears a column with null", async ({ repository, add, read, vector }) => {
    const id = await add(checkpoints(vector()));
    const cleared = { thumbnailKey: null, description: null, embedding: null, metadata: null, aiVersion: null };
    assert.equal(await repository.updateUpload(id, cleared), "saved");
    assertFields(await read(id), cleared);
  });

  test("updateUpload takes empty changes", async ({ repository, add, read, vector }) => {
    const id = await add(checkpoints(vector()));
    assert.equal(await repository.updateUpload(id, {}), "saved");
    assertFields(await read(id), { status: "pending", ...checkpoints(vector()) });
  });

  test('updateUpload of an upload that is not there says "deleted"', async ({ repository, add, deleteUpload }) => {
    assert.equal(await repository.updateUpload(newId(), { description: "A cat" }), "deleted");
    const id = await add();
    await deleteUpload(id);
    assert.equal(await repository.updateUpload(id, { description: "A cat" }), "deleted");
    assert.equal(await repository.updateUpload(id, {}), "deleted");
    assert.equal(await repository.findUpload(id), null);
  });

  for (const settled of ["completed", "failed"] as const) {
    test(`without a claim, a late write to a ${settled} upload is stale`, async ({ repository, add, read }) => {
      const id = await add({ status: settled, description: "A cat" });
      assert.equal(await repository.updateUpload(id, { description: "late" }), "stale");
      assert.equal(await repository.updateUpload(id, {}), "stale");
      for (const status of STATUSES.filter((status) => status !== settled))
        assert.equal(await repository.updateUpload(id, { status, description: "late" }), "stale", `status ${status}`);
      assertFields(await read(id), { status: settled, description: "A cat" });
    });

    test(`without a claim, the final write to a ${settled} upload may be repeated`, async ({
      repository,
      add,
      read,
    }) => {
      const id = await add({ status: "embedding" });
      const final = { status: settled, description: "A cat" };
      assert.equal(await repository.updateUpload(id, final), "saved");
      assert.equal(await repository.updateUpload(id, final), "saved");
      assertFields(await read(id), final);
    });

    test(`without a claim, work on a ${settled} upload is begun by "analyzing" with starts`, async (setup) => {
      const { repository, add, read } = setup;
      const id = await add({ status: settled });
      assert.equal(await repository.updateUpload(id, { status: "analyzing", starts: 1 }), "saved");
      assertFields(await read(id), { status: "analyzing", starts: 1 });
    });
  }

  test("an embedding survives, from an array of numbers", async ({ repository, add, read, vector }) => {
    const id = await add();
    for (const first of [0.1, -0.25, 0, 1e-30, 1e-46, -1e-46, 12_345.678]) {
      assert.equal(await repository.updateUpload(id, { embedding: vector(first) }), "saved", `component ${first}`);
      assertFields(await read(id), { embedding: vector(first) });
    }
  });

  test("metadata survives: nesting, Unicode, quotes, and it replaces what was there", async (setup) => {
    const { repository, add, read } = setup;
    const id = await add({ metadata: { gone: true } });
    const metadata = {
      media: { mimeType: "image/jpeg", width: 4032, ratio: 1.5, upright: true, gps: null },
      tags: ["猫", "🐈‍⬛", "é", ""],
      list: [[1, [2, { three: 3 }]], []],
      empty: {},
      "a key with \"quotes\", 'quotes', \\ and \\u0000": "line\nbreak\ttab \\ \\u0000 \\\\u0000",
    };
    assert.equal(await repository.updateUpload(id, { metadata }), "saved");
    assertFields(await read(id), { metadata });
  });

  test("texts survive: Unicode, quotes, SQL, and long ones", async ({ repository, addUploads, read }) => {
    const hostile = `'; drop table uploads; -- "{a,b}" \\ $1 \${x} %s\nNULL 猫🐈‍⬛`;
    const upload = newUpload({ fileName: hostile, userId: hostile, description: hostile, metadata: { hostile } });
    await addUploads([upload]);
    assertFields(await read(upload.id), upload);
    const changes = { description: "猫 ".repeat(20_000), errorMessage: hostile, thumbnailKey: hostile };
    assert.equal(await repository.updateUpload(upload.id, changes), "saved");
    assertFields(await read(upload.id), changes);
  });

  test("characters that the store cannot keep do not fail the write", async ({ repository, addUploads, read }) => {
    // A model can return a NUL or half a surrogate pair, and would return it again: the rest has to be saved.
    const broken = "left\0right \ud83d";
    const upload = newUpload({ fileName: "a\0b.jpg", description: broken, metadata: { [broken]: [broken] } });
    await addUploads([upload]);
    const changes = { description: broken, errorMessage: broken, metadata: { "a\0b": { text: broken } } };
    assert.equal(await repository.updateUpload(upload.id, changes), "saved");
    const { description, errorMessage, metadata } = await read(upload.id);
    for (const text of [description, errorMessage, JSON.stringify(metadata)])
      assert.match(text ?? "", /left(\0|\\u0000)?right /);
  });
}
