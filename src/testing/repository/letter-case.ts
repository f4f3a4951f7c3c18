import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { UploadRecord } from "../../contracts/upload.js";
import { assertEqual } from "../assert-equal.js";
import { type Bench, newRedo } from "./fixture.js";
import { assertFields, idsOf } from "./records.js";

const HINT = "texts have to be compared by case, as in a binary collation";
const IDS_HINT = `${HINT}; where the ids are no such texts, the fixture says so with newId or impossibleId`;

/** What differs in upper and lower case alone is not the same: the collation that MySQL and SQL Server have by default says so. */
export function testLetterCase<U extends UploadRecord>(
  { test }: Bench<U>,
  { claims, resets, batches }: { readonly claims: boolean; readonly resets: boolean; readonly batches: boolean },
): void {
  test("an upload whose id differs in upper and lower case is another one", async (setup) => {
    const { repository, addUploads, claim, read, newUpload, idsMayBeAnyText } = setup;
    if (!idsMayBeAnyText) return;
    const name = randomUUID();
    const [upper, lower] = [`Cat-${name}`, `cat-${name}`];
    await addUploads([newUpload({ id: upper })]);
    assert.equal(await repository.findUpload(lower), null, IDS_HINT);
    assert.equal(await repository.updateUpload(lower, { description: "A dog" }), "deleted", IDS_HINT);
    if (claims) assertEqual(await claim(lower), { outcome: "deleted" });
    await addUploads([newUpload({ id: lower, description: "A cat" })]);
    assertFields(await read(upper), { id: upper, status: "pending", description: null });
    assertFields(await read(lower), { id: lower, status: "pending", description: "A cat" });
    if (batches) assertEqual(idsOf(await repository.listUploads({ ids: [lower] }, { limit: 10 })), [lower]);
  });

  if (batches) {
    test("a batch whose id differs in upper and lower case is another one", async (setup) => {
      const { repository, add, addBatch, idsMayBeAnyText } = setup;
      if (!idsMayBeAnyText) return;
      const name = randomUUID();
      const [upper, lower] = [`Trip-${name}`, `trip-${name}`];
      await addBatch({ id: upper, status: "processing" });
      await add({ batchId: upper });
      assert.equal(await repository.findBatch(lower), null, IDS_HINT);
      assert.equal(await repository.updateBatch(lower, { status: "failed" }), "deleted", IDS_HINT);
      assertEqual(await repository.listUploads({ batchId: lower }, { limit: 10 }), []);
      assert.equal((await repository.countUploads({ batchId: lower })).pending ?? 0, 0, IDS_HINT);
    });

    test("a user whose name differs in upper and lower case is another one", async (setup) => {
      if (setup.userId !== undefined) return;
      const name = randomUUID();
      const id = await setup.add({ userId: `Ann-${name}` });
      assertEqual(await setup.repository.listUploads({ userId: `ann-${name}` }, { limit: 10 }), []);
      assertEqual(idsOf(await setup.repository.listUploads({ userId: `Ann-${name}` }, { limit: 10 })), [id]);
    });

    test("a version that differs in upper and lower case is another one", async ({ repository, add }) => {
      const id = await add({ status: "completed", aiVersion: "Model-1" });
      const found = async (notAiVersion: string) =>
        idsOf(await repository.listUploads({ ids: [id], notAiVersion }, { limit: 10 }));
      assertEqual(await found("model-1"), [id], HINT);
      assertEqual(await found("Model-1"), [], HINT);
    });
  }

  if (resets)
    test("a redo whose name differs in upper and lower case is another one", async ({ reset, add }) => {
      const redo = newRedo();
      const draft = { was: "completed", redo } as const;
      const ids = [await add({ status: "failed", metadata: { redo } }), await add({ status: "completed", draft })];
      assert.equal(await reset({ ids }, "reprocess-all", redo), 0);
      assert.equal(await reset({ ids }, "reprocess-all", redo.replace("nightly", "Nightly")), 2, HINT);
    });
}
