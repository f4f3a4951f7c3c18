import assert from "node:assert/strict";
import type { UploadRecord } from "../../contracts/upload.js";
import { assertEqual } from "../assert-equal.js";
import { type Bench, LONG_MS, newToken, OPEN, PAST_SHORT_MS, SHORT_MS } from "./fixture.js";
import { assertFields, assertUnchanged, ERROR } from "./records.js";

/** How the workers of a batch come to know that it is cancelled. */
export function testCancelled<U extends UploadRecord>({ test }: Bench<U>): void {
  for (const status of OPEN) {
    test(`a claim of an upload that is ${status} in a cancelled batch changes nothing`, async (setup) => {
      const { claim, add, read, newBatch } = setup;
      const id = await add({ status, batchId: await newBatch("cancelled"), ...ERROR, starts: 1 });
      const before = await read(id);
      assertEqual(await claim(id), { outcome: "cancelled" });
      assertUnchanged(await read(id), before);
    });
  }

  test('"cancelled" is for claims that would be granted: what is held is busy, what is settled is settled', async (setup) => {
    const { repository, claim, granted, add, newBatch } = setup;
    const batchId = await newBatch();
    const [held, done] = [await add({ batchId }), await add({ batchId, status: "completed" })];
    const token = newToken();
    const { fence } = await granted(held, { token });
    await repository.updateBatch(batchId, { status: "cancelled" });
    assert.equal((await claim(held)).outcome, "busy");
    assert.equal((await claim(done)).outcome, "settled");
    assert.equal((await granted(held, { token })).fence, fence, "a claim that was granted is answered again");
  });

  for (const status of ["pending", "processing", "completed", "failed"] as const) {
    test(`a batch that is ${status} does not keep its uploads from being claimed`, async (setup) => {
      const { repository, granted, add, newBatch } = setup;
      const id = await add({ batchId: await newBatch(status) });
      const { fence } = await granted(id);
      assert.equal(await repository.updateUpload(id, {}, { fence, leaseMs: LONG_MS }), "saved");
    });
  }

  test('a renewal is answered "cancelled", and written all the same', async (setup) => {
    const { repository, claim, granted, add, read, newBatch, advance } = setup;
    const batchId = await newBatch();
    const id = await add({ batchId });
    const { fence } = await granted(id, { leaseMs: SHORT_MS });
    await repository.updateBatch(batchId, { status: "cancelled" });
    const changes = { status: "embedding" as const, description: "A cat" };
    assert.equal(await repository.updateUpload(id, changes, { fence, leaseMs: LONG_MS }), "cancelled");
    assertFields(await read(id), changes);
    assert.equal(await repository.updateUpload(id, {}, { fence, leaseMs: LONG_MS }), "cancelled", "a heartbeat");
    await advance(PAST_SHORT_MS);
    assert.equal((await claim(id)).outcome, "busy", "the lease has to be renewed");
  });

  test('writes that renew nothing are "saved" in a cancelled batch, too', async (setup) => {
    const { repository, granted, add, read, newBatch } = setup;
    const batchId = await newBatch();
    const [one, other] = [await add({ batchId }), await add({ batchId })];
    const { fence } = await granted(one);
    await repository.updateBatch(batchId, { status: "cancelled" });
    assert.equal(await repository.updateUpload(one, { description: "A cat" }, { fence }), "saved");
    assert.equal(await repository.updateUpload(one, { status: "pending", starts: 0 }, { fence }), "saved");
    assertFields(await read(one), { status: "pending", description: "A cat", starts: 0 });
    assert.equal(await repository.updateUpload(other, { description: "A dog" }), "saved");
  });

  test("a renewal that comes too late is stale or deleted, not cancelled", async (setup) => {
    const { repository, granted, add, read, newBatch, advance, deleteUpload } = setup;
    const batchId = await newBatch();
    const id = await add({ batchId });
    const old = await granted(id, { leaseMs: SHORT_MS });
    await advance(PAST_SHORT_MS);
    const { fence } = await granted(id);
    await repository.updateBatch(batchId, { status: "cancelled" });
    const claim = { fence: old.fence, leaseMs: LONG_MS };
    assert.equal(await repository.updateUpload(id, { description: "late" }, claim), "stale");
    assertFields(await read(id), { description: null });
    await deleteUpload(id);
    assert.equal(await repository.updateUpload(id, {}, { fence, leaseMs: LONG_MS }), "deleted");
  });
}
