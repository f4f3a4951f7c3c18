import assert from "node:assert/strict";
import type { UploadSelection } from "../../contracts/repository.js";
import type { UploadRecord } from "../../contracts/upload.js";
import { type Bench, newName, newRedo, type Setup } from "./fixture.js";
import { assertFields, assertUnchanged } from "./records.js";

/** By whose user, and by which keys, uploads are reset and what a reset did is undone. */
export function testSelectedResets<U extends UploadRecord>({ test }: Bench<U>): void {
  for (const how of ["reprocess-all", "undo"] as const) {
    test(`${how} takes the uploads of a user in a batch, and no others`, async (setup) => {
      const { add, newBatch, userId = newName() } = setup;
      const batchId = await newBatch("completed");
      const selected = [await add(redone({ batchId, userId })), await add(redone({ batchId, userId }))];
      const others = [
        await add(redone({ batchId: await newBatch("completed"), userId })),
        await add(redone({ userId })),
      ];
      if (setup.userId === undefined) others.push(await add(redone({ batchId, userId: newName() })));
      await takes(setup, how, { batchId, userId }, selected, others);
    });

    test(`${how} takes the uploads that all keys hold for`, async (setup) => {
      const { add, newBatch } = setup;
      const batchId = await newBatch("completed");
      const fields = { batchId, errorCode: "RATE_LIMITED", aiVersion: "model-2", thumbnailKey: null };
      const selected = [await add(redone(fields))];
      const others = [
        await add(redone({ ...fields, batchId: await newBatch("completed") })),
        await add(redone({ ...fields, errorCode: "EMBED_FAILED" })),
        await add(redone({ ...fields, aiVersion: "model-1" })),
        await add(redone({ ...fields, thumbnailKey: "thumbnails/1.jpg" })),
        await add(redone({ ...fields, status: "failed" })),
      ];
      const outside = await add(redone(fields));
      const selection: UploadSelection = {
        batchId,
        ids: [...selected, ...others],
        statuses: ["completed"],
        errorCodes: ["RATE_LIMITED"],
        notAiVersion: "model-1",
        missing: ["thumbnailKey"],
      };
      await takes(setup, how, selection, selected, [...others, outside]);
    });

    test(`${how} by the user alone takes nobody else's`, async (setup) => {
      if (setup.userId !== undefined) return;
      const [userId, other] = [newName(), newName()];
      const selected = [await setup.add(redone({ userId }))];
      await takes(setup, how, { userId }, selected, [await setup.add(redone({ userId: other }))]);
      assert.equal((await setup.repository.countUploads({ userId: other })).completed, 1);
    });
  }
}

/** An upload whose last redo has failed, which every reset takes. */
function redone(fields: Partial<UploadRecord>): Partial<UploadRecord> {
  return { status: "completed", draft: { was: "completed", redo: newRedo() }, ...fields };
}

async function takes<U extends UploadRecord>(
  { reset, read }: Setup<U>,
  how: "reprocess-all" | "undo",
  selection: UploadSelection,
  selected: readonly string[],
  others: readonly string[],
): Promise<void> {
  const before = await Promise.all(others.map(read));
  assert.equal(await reset(selection, how, newRedo()), selected.length);
  for (const id of selected)
    assertFields(await read(id), how === "undo" ? { status: "completed", draft: null } : { status: "pending" });
  for (const upload of before) assertUnchanged(await read(upload.id), upload);
}
