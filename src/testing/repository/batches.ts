import assert from "node:assert/strict";
import type { BatchRecord, BatchStatus, UploadRecord } from "../../contracts/upload.js";
import { assertEqual } from "../assert-equal.js";
import type { Bench, Setup } from "./fixture.js";
import { idsOf } from "./records.js";

/** Batches themselves. */
export function testBatches<U extends UploadRecord>({ test }: Bench<U>): void {
  test("findBatch answers with the batch, or null", async (setup) => {
    const { repository, addBatch, newId, unknownIds, userId } = setup;
    for (const id of unknownIds()) assert.equal(await repository.findBatch(id), null);
    const batch: BatchRecord = { id: newId(), status: "processing", userId: userId ?? "user-1" };
    await addBatch(batch);
    const found = await repository.findBatch(batch.id);
    assertEqual({ id: found?.id, status: found?.status, userId: found?.userId }, batch);
  });

  test("updateBatch saves where the status is expected, or none is", async ({ repository, newBatch }) => {
    const id = await newBatch("pending");
    assert.equal(await repository.updateBatch(id, { status: "processing" }, ["pending", "processing"]), "saved");
    assert.equal((await repository.findBatch(id))?.status, "processing");
    assert.equal(await repository.updateBatch(id, { status: "completed" }), "saved");
    assert.equal((await repository.findBatch(id))?.status, "completed");
    assert.equal(await repository.updateBatch(id, {}, ["completed"]), "saved");
    assert.equal((await repository.findBatch(id))?.status, "completed");
  });

  test("updateBatch is stale where another status was expected", async ({ repository, newBatch }) => {
    const id = await newBatch("cancelled");
    assert.equal(await repository.updateBatch(id, { status: "completed" }, ["processing"]), "stale");
    assert.equal(await repository.updateBatch(id, { status: "completed" }, []), "stale");
    assert.equal((await repository.findBatch(id))?.status, "cancelled");
  });

  test('updateBatch of a batch that is not there says "deleted"', async ({ repository, unknownIds }) => {
    for (const id of unknownIds()) {
      assert.equal(await repository.updateBatch(id, { status: "completed" }), "deleted");
      assert.equal(await repository.updateBatch(id, { status: "completed" }, ["processing"]), "deleted");
    }
  });

  test("of 20 transitions at once, one is made", async ({ repository, newBatch }) => {
    const id = await newBatch();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => repository.updateBatch(id, { status: "completed" }, ["processing"])),
    );
    assert.equal(outcomes.filter((outcome) => outcome === "saved").length, 1);
    assert.equal(outcomes.filter((outcome) => outcome === "stale").length, 19);
  });

  test("listBatches pages through the batches of one status, also while that changes", async (setup) => {
    const { repository, addBatch, newId } = setup;
    const batches = (["processing", "pending", "processing", "processing", "completed", "processing"] as const).map(
      (status) => ({ id: newId(), status }),
    );
    for (const batch of batches) await addBatch(batch);
    const processing = idsOf(batches.filter(({ status }) => status === "processing")).sort();
    const own = (ids: readonly string[]) => ids.filter((id) => processing.includes(id)).sort();

    assertEqual(own(await walkBatches(setup, "processing", 2)), processing);
    let visited = 0;
    const fail = async ({ id }: BatchRecord) => {
      if (++visited % 2 === 0 && processing.includes(id)) await repository.updateBatch(id, { status: "failed" });
    };
    assertEqual(own(await walkBatches(setup, "processing", 2, fail)), processing);
    for (const id of processing) await repository.updateBatch(id, { status: "processing" });
    const complete = async ({ id }: BatchRecord) => {
      if (processing.includes(id)) await repository.updateBatch(id, { status: "completed" });
    };
    assertEqual(own(await walkBatches(setup, "processing", 1, complete)), processing);
    assertEqual(own(await walkBatches(setup, "processing", 2)), []);
    assertEqual(own(await walkBatches(setup, "completed", 2)), processing);
  });
}

async function walkBatches<U extends UploadRecord>(
  { repository }: Setup<U>,
  status: BatchStatus,
  limit: number,
  visit?: (batch: BatchRecord) => Promise<void>,
): Promise<string[]> {
  const ids: string[] = [];
  for (let after: BatchRecord | undefined; ; ) {
    const page = await repository.listBatches({ status, limit, ...(after && { after }) });
    assert.ok(page.length <= limit, "a page has to keep to its limit");
    after = page.at(-1);
    if (after === undefined) return ids;
    for (const batch of page) {
      assert.equal(batch.status, status);
      assert.ok(!ids.includes(batch.id), "a batch came twice");
      ids.push(batch.id);
      await visit?.(batch);
    }
  }
}
