import assert from "node:assert/strict";
import type { UploadSelection } from "../../contracts/repository.js";
import type { RerunMode, UploadDraft, UploadRecord } from "../../contracts/upload.js";
import { assertEqual } from "../assert-equal.js";
import { type Bench, newRedo, OPEN, SETTLED, type Setup } from "./fixture.js";
import { assertFields, assertUnchanged, checkpoints, ERROR } from "./records.js";

const HOW = ["retry", "reprocess", "reprocess-all"] as const satisfies RerunMode[];

/** What a reset takes, and what becomes of the rows: a result that is there stays. */
export function testResets<U extends UploadRecord>({ test }: Bench<U>): void {
  for (const how of HOW) {
    for (const status of OPEN) {
      test(`${how} passes over an upload that is ${status}`, async (setup) => {
        const { reset, add, read, vector } = setup;
        const id = await add({ status, ...checkpoints(vector()), ...ERROR, starts: 1 });
        const before = await read(id);
        assert.equal(await reset({ ids: [id] }, how, newRedo()), 0);
        assertUnchanged(await read(id), before);
      });
    }

    test(`${how} keeps result, error and all else of the row`, async (setup) => {
      const { add, vector } = setup;
      for (const status of SETTLED) {
        const fields = { ...checkpoints(vector()), ...ERROR, fileName: "cat.jpg" };
        const id = await add({ status, ...fields, starts: 2 });
        const { metadata, ...row } = await takenBy(setup, how, { ids: [id] }, id);
        const kept = Object.fromEntries(Object.entries(metadata ?? {}).filter(([key]) => key !== "redo"));
        const expected = { ...fields, status: "pending" as const, starts: 0, metadata: fields.metadata };
        assertFields({ ...row, metadata: kept }, expected);
      }
    });
  }

  test("retry takes a failed upload behind its checkpoints, without a draft", async (setup) => {
    const id = await setup.add({ status: "failed", description: "A cat", metadata: { media: { width: 1 } }, ...ERROR });
    const redo = newRedo();
    const row = await takenBy(setup, "retry", { ids: [id] }, id, redo);
    assertFields(row, { description: "A cat", draft: null, metadata: { media: { width: 1 }, redo } });
    const without = await setup.add({ status: "failed", metadata: null });
    assertFields(await takenBy(setup, "retry", { ids: [without] }, without, redo), { draft: null, metadata: { redo } });
  });

  test("retry goes on with the draft of an upload whose redo failed", async (setup) => {
    for (const status of SETTLED) {
      const draft: UploadDraft = { was: status, redo: newRedo(), keeps: "same-version", description: "A dog" };
      const id = await setup.add({ status, description: "A cat", metadata: { camera: "X100" }, draft, ...ERROR });
      const redo = newRedo();
      const row = await takenBy(setup, "retry", { ids: [id] }, id, redo);
      assertFields(row, { description: "A cat", draft: { ...draft, redo }, metadata: { camera: "X100" } });
    }
  });

  test("retry takes a completed upload with an error, and gives it a draft that keeps all", async (setup) => {
    const id = await setup.add({ status: "completed", description: "A cat", ...ERROR });
    const redo = newRedo();
    const row = await takenBy(setup, "retry", { ids: [id] }, id, redo);
    assertFields(row, { description: "A cat", draft: { was: "completed", redo, keeps: "all" }, metadata: null });
  });

  test("retry passes over a completed upload that lacks nothing it was asked for", async (setup) => {
    const { add, read, reset, vector } = setup;
    const id = await add({ status: "completed", ...checkpoints(vector()), thumbnailKey: null });
    const before = await read(id);
    const passing: UploadSelection[] = [
      { ids: [id] },
      { ids: [id], statuses: ["completed"] },
      { ids: [id], missing: ["thumbnailKey"] },
      { ids: [id], statuses: ["failed"], missing: ["thumbnailKey"] },
      { ids: [id], statuses: ["completed"], missing: ["embedding"] },
    ];
    for (const selection of passing) assert.equal(await reset(selection, "retry", newRedo()), 0);
    assertUnchanged(await read(id), before);
  });

  test("retry takes a completed upload where its status is named, and what it lacks", async (setup) => {
    const id = await setup.add({ status: "completed", description: "A cat", embedding: setup.vector() });
    const redo = newRedo();
    const selection = { ids: [id], statuses: SETTLED, missing: ["thumbnailKey", "embedding"] } as const;
    const row = await takenBy(setup, "retry", selection, id, redo);
    assertFields(row, { description: "A cat", draft: { was: "completed", redo, keeps: "all" } });
  });

  for (const [how, keeps] of [
    ["reprocess", { keeps: "same-version" }],
    ["reprocess-all", {}],
  ] as const) {
    test(`${how} begins a new draft, whatever was there`, async (setup) => {
      for (const status of SETTLED) {
        const redo = newRedo();
        const fresh = await setup.add({ status, description: "A cat", metadata: { camera: "X100" } });
        const expected = { description: "A cat", metadata: { camera: "X100" } };
        const row = await takenBy(setup, how, { ids: [fresh] }, fresh, redo);
        assertFields(row, { ...expected, draft: { was: status, redo, ...keeps } });

        const draft: UploadDraft = { was: status, redo: newRedo(), keeps: "all", description: "A dog" };
        const begun = await setup.add({ status, ...expected, draft });
        const again = await takenBy(setup, how, { ids: [begun] }, begun, redo);
        assertFields(again, { ...expected, draft: { was: status, redo, ...keeps } });
      }
    });
  }

  for (const how of ["reprocess", "reprocess-all"] as const) {
    test(`${how} keeps the keys of the pictures of a draft that it replaces, or none`, async (setup) => {
      const renditions = {
        large: { key: "renditions/large.webp" },
        small: { key: "renditions/small.webp" },
        none: null,
      };
      const draft: UploadDraft = {
        was: "completed",
        redo: newRedo(),
        thumbnailKey: "thumbnails/new.jpg",
        metadata: { media: { renditions, placeholder: "x" } },
        leftovers: ["thumbnails/older.jpg"],
      };
      const kept = { thumbnailKey: "thumbnails/1.jpg", metadata: { media: { renditions: { large: { key: "old" } } } } };
      const id = await setup.add({ status: "completed", ...kept, draft });
      const row = await takenBy(setup, how, { ids: [id] }, id);
      assertFields(row, kept);
      const { leftovers } = row.draft ?? {};
      if (leftovers === undefined) return;
      const keys = ["renditions/large.webp", "renditions/small.webp", "thumbnails/new.jpg", "thumbnails/older.jpg"];
      assertEqual([...leftovers].sort(), keys);
    });
  }

  test("a draft remembers what the upload was before its first redo", async (setup) => {
    const draft: UploadDraft = { was: "completed", redo: newRedo() };
    const id = await setup.add({ status: "failed", description: "A cat", draft });
    const redo = newRedo();
    assertFields(await takenBy(setup, "reprocess-all", { ids: [id] }, id, redo), { draft: { was: "completed", redo } });
  });
}

/** Resets one upload, which has to be taken, and answers with its row. */
async function takenBy<U extends UploadRecord>(
  { reset, read }: Setup<U>,
  how: RerunMode,
  selection: UploadSelection,
  id: string,
  redo = newRedo(),
): Promise<U> {
  assert.equal(await reset(selection, how, redo), 1, "the upload has to be reset");
  const row = await read(id);
  assertFields(row, { status: "pending", starts: 0 });
  return row;
}
