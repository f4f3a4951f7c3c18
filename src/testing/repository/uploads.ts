import assert from "node:assert/strict";
import type { UploadChanges } from "../../contracts/repository.js";
import type { UploadRecord } from "../../contracts/upload.js";
import { CODES } from "../../errors.js";
import { type Bench, SETTLED, STATUSES } from "./fixture.js";
import { assertFields, checkpoints, ERROR, everyField } from "./records.js";

/** Messages of errors are stored up to this length, in characters. */
const LONGEST_MESSAGE = 500;

/** Reading, and writing without a claim. */
export function testUploads<U extends UploadRecord>({ test }: Bench<U>): void {
  test("findUpload answers null for an unknown id", async ({ repository, unknownIds }) => {
    for (const id of unknownIds()) assert.equal(await repository.findUpload(id), null);
  });

  test("findUpload answers with every field", async (setup) => {
    const upload = await everyField(setup);
    assertFields(await setup.read(upload.id), upload);
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
    const fields = { fileName: "cat.jpg", ...checkpoints(vector()), starts: 1 };
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

  test("updateUpload leaves alone what is undefined", async ({ repository, add, read, vector }) => {
    const fields = { ...checkpoints(vector()), ...ERROR, starts: 1, draft: { was: "failed", redo: "redo-1" } as const };
    const id = await add(fields);
    const nothing: object = Object.fromEntries(["status", ...Object.keys(fields)].map((key) => [key, undefined]));
    assert.equal(await repository.updateUpload(id, nothing as UploadChanges), "saved");
    assertFields(await read(id), { status: "pending", ...fields });
  });

  test('updateUpload of an upload that is not there says "deleted"', async ({
    repository,
    add,
    deleteUpload,
    unknownIds,
  }) => {
    for (const unknown of unknownIds())
      assert.equal(await repository.updateUpload(unknown, { description: "A cat" }), "deleted");
    const id = await add();
    await deleteUpload(id);
    assert.equal(await repository.updateUpload(id, { description: "A cat" }), "deleted");
    assert.equal(await repository.updateUpload(id, {}), "deleted");
    assert.equal(await repository.findUpload(id), null);
  });

  for (const settled of SETTLED) {
    test(`without a claim, a late write to a ${settled} upload that would change its status is stale`, async (setup) => {
      const { repository, add, read } = setup;
      const id = await add({ status: settled, description: "A cat" });
      const late = { description: "late", starts: 1, metadata: { late: true }, draft: { aiVersion: "late" } };
      for (const status of STATUSES.filter((status) => status !== settled && status !== "pending"))
        assert.equal(await repository.updateUpload(id, { status, ...late }), "stale", `status ${status}`);
      assertFields(await read(id), { status: settled, description: "A cat", metadata: null, draft: null });
    });

    test(`without a claim, a ${settled} upload takes writes that leave its status alone`, async (setup) => {
      const { repository, add, read } = setup;
      const id = await add({ status: settled, description: "A cat" });
      assert.equal(await repository.updateUpload(id, {}), "saved");
      assert.equal(await repository.updateUpload(id, { description: "A dog" }), "saved");
      assertFields(await read(id), { status: settled, description: "A dog" });
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

    test(`without a claim, a ${settled} upload is reset by the write of "pending"`, async (setup) => {
      const { repository, add, read } = setup;
      const id = await add({ status: settled, description: "A cat" });
      const draft = { was: settled, redo: "redo-1" };
      assert.equal(await repository.updateUpload(id, { status: "pending", starts: 0, draft }), "saved");
      assertFields(await read(id), { status: "pending", starts: 0, draft, description: "A cat" });
      assert.equal(await repository.updateUpload(id, { status: "analyzing", starts: 1 }), "saved");
      assertFields(await read(id), { status: "analyzing", starts: 1, draft });
    });
  }

  test("an embedding survives, from an array of numbers", async ({ repository, add, read, vector }) => {
    const id = await add();
    for (const first of [0.1, -0.25, 0, 1e-30, 1e-46, -1e-46, 12_345.678]) {
      assert.equal(await repository.updateUpload(id, { embedding: vector(first) }), "saved", `component ${first}`);
      assertFields(await read(id), { embedding: vector(first) });
    }
  });

  test("every error of the library can be stored, and those of stages with long names", async (setup) => {
    const { repository, add, read } = setup;
    const id = await add();
    const codes = Object.keys(CODES).sort((a, b) => b.length - a.length);
    for (const errorStage of ["thumbnail", "moderation-".padEnd(60, "x")]) {
      const error = { errorCode: codes[0] ?? "", errorStage, errorMessage: "猫".repeat(LONGEST_MESSAGE) };
      assert.equal(await repository.updateUpload(id, { status: "failed", ...error }), "saved");
      assertFields(await read(id), error);
    }
  });

  test("metadata survives: nesting, Unicode, quotes", async ({ repository, add, read }) => {
    const id = await add();
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

  test("texts survive: Unicode, quotes, SQL, and long ones", async (setup) => {
    const { repository, addUploads, read, newUpload } = setup;
    const hostile = `'; drop table uploads; -- "{a,b}" \\ $1 \${x} %s\nNULL 猫🐈‍⬛`;
    const upload = newUpload({ fileName: hostile, description: hostile, metadata: { hostile } });
    await addUploads([upload]);
    assertFields(await read(upload.id), upload);
    const changes = { description: "猫 ".repeat(20_000), errorMessage: hostile, thumbnailKey: hostile };
    assert.equal(await repository.updateUpload(upload.id, changes), "saved");
    assertFields(await read(upload.id), changes);
  });
}
