import assert from "node:assert/strict";
import type { RerunMode, UploadRecord } from "../../contracts/upload.js";
import { type Bench, newRedo, SETTLED, type Setup } from "./fixture.js";
import { assertFields, assertUnchanged, ERROR, idsOf } from "./records.js";

const HOW = ["retry", "reprocess", "reprocess-all"] as const satisfies RerunMode[];

/** A redo has a name, so that a reset that is repeated, delivered twice or raced resets each row once. */
export function testNamedResets<U extends UploadRecord>(
  { test }: Bench<U>,
  { batches }: { readonly batches: boolean },
): void {
  for (const how of HOW) {
    test(`${how} under the same name resets a row once, also when it is settled again`, async (setup) => {
      const { repository, reset, read } = setup;
      const { ids, count } = await settledUploads(setup);
      const redo = newRedo();
      assert.equal(await reset({ ids }, how, redo), count);
      assert.equal(await reset({ ids }, how, redo), 0);
      for (const id of ids) {
        // As the library settles a redo that failed: the draft stays, and names it.
        await repository.updateUpload(id, { status: "failed", ...ERROR });
      }
      assert.equal(await reset({ ids }, how, redo), 0);
      for (const id of ids) assertFields(await read(id), { status: "failed" });
      assert.equal(await reset({ ids }, how, newRedo()), count, "another name resets them again");
    });

    test(`${how} passes over what was completed under the name`, async ({ reset, add, read }) => {
      const redo = newRedo();
      const id = await add({ status: "completed", metadata: { redo }, ...ERROR });
      const before = await read(id);
      assert.equal(await reset({ ids: [id] }, how, redo), 0);
      assertUnchanged(await read(id), before);
      assert.equal(await reset({ ids: [id] }, how, newRedo()), 1);
    });

    test(`of 20 resets by ${how} at once under one name, each row is reset once`, async (setup) => {
      const { reset, read } = setup;
      const { ids, count } = await settledUploads(setup);
      const redo = newRedo();
      const counts = await Promise.all(Array.from({ length: 20 }, () => reset({ ids }, how, redo)));
      assert.equal(sum(counts), count);
      for (const id of ids) assertFields(await read(id), { status: "pending" });
    });
  }

  test("the name of a redo may have 500 characters", async ({ repository, reset, add, read }) => {
    const redo = `${newRedo()} ${"猫".repeat(500)}`.slice(0, 500);
    const failed = await add({ status: "failed", ...ERROR });
    const ids = [failed, await add({ status: "completed", ...ERROR })];
    assert.equal(await reset({ ids }, "retry", redo), 2);
    assertFields(await read(failed), { metadata: { redo } });
    for (const id of ids) await repository.updateUpload(id, { status: "failed", ...ERROR });
    assert.equal(await reset({ ids }, "retry", redo), 0);
  });

  test("of 20 resets at once under different names, one takes a row", async (setup) => {
    const { reset, add, read } = setup;
    const id = await add({ status: "completed", description: "A cat" });
    const names = Array.from({ length: 20 }, newRedo);
    const counts = await Promise.all(names.map((redo) => reset({ ids: [id] }, "reprocess-all", redo)));
    assert.equal(sum(counts), 1);
    const redo = names[counts.indexOf(1)] ?? "";
    assertFields(await read(id), { status: "pending", description: "A cat", draft: { was: "completed", redo } });
  });

  if (!batches) return;

  test("a reset makes the batches of its uploads processing, and no other", async (setup) => {
    const { repository, reset, add, newBatch } = setup;
    const statuses = ["completed", "failed", "cancelled", "pending", "processing"] as const;
    const touched = await Promise.all(statuses.map((status) => newBatch(status)));
    const [passedOver, other] = [await newBatch("completed"), await newBatch("completed")];
    const ids: string[] = [];
    for (const batchId of touched) ids.push(await add({ batchId, status: "failed" }));
    ids.push(await add({ batchId: passedOver, status: "pending" }), await add({ status: "failed" }));
    await add({ batchId: other, status: "failed" });
    assert.equal(await reset({ ids }, "retry", newRedo()), touched.length + 1);
    for (const id of touched) assert.equal((await repository.findBatch(id))?.status, "processing");
    for (const id of [passedOver, other]) assert.equal((await repository.findBatch(id))?.status, "completed");
  });

  test("a reset that takes nothing leaves the batch as it is", async (setup) => {
    const { repository, reset, add, newBatch } = setup;
    const batchId = await newBatch("cancelled");
    const redo = newRedo();
    await add({ batchId, status: "completed", metadata: { redo } });
    assert.equal(await reset({ batchId }, "reprocess-all", redo), 0);
    assert.equal((await repository.findBatch(batchId))?.status, "cancelled");
  });

  test("20 resets at once over the same batches in any order all come to an end", async (setup) => {
    const { reset, addUploads, newUpload, newBatch } = setup;
    const batches = [await newBatch("completed"), await newBatch("completed"), await newBatch("completed")];
    const uploads = Array.from({ length: 60 }, (_, n) =>
      newUpload({ batchId: batches[n % 3] ?? "", status: "failed" }),
    );
    await addUploads(uploads);
    const shuffled = (n: number) => (n % 2 === 0 ? idsOf(uploads) : idsOf(uploads).reverse());
    const resets = Array.from({ length: 20 }, (_, n) => reset({ ids: shuffled(n) }, "retry", newRedo()));
    assert.equal(sum(await Promise.all(resets)), uploads.length);
  });
}

/** One of each that every way to reset takes. */
async function settledUploads<U extends UploadRecord>({ addUploads, newUpload }: Setup<U>) {
  const uploads = SETTLED.flatMap((status) => [
    newUpload({ status, description: "A cat", ...ERROR }),
    newUpload({ status, metadata: { camera: "X100" }, ...ERROR }),
    newUpload({ status, draft: { was: status, redo: newRedo() }, ...ERROR }),
  ]);
  await addUploads(uploads);
  return { ids: idsOf(uploads), count: uploads.length };
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
