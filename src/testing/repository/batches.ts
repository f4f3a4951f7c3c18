import assert from "node:assert/strict";
import type { BatchRecord, BatchStatus, UploadRecord, UploadStatus } from "../../contracts/upload.js";
import { assertEqual } from "../assert-equal.js";
import { type Bench, newId, newUpload, type Setup, STATUSES } from "./fixture.js";

const OPEN = ["pending", "analyzing", "embedding"] as const satisfies UploadStatus[];

/** Batches, and the uploads in them. */
export function testBatches<U extends UploadRecord>({ test }: Bench<U>): void {
  test("findBatch answers with the batch, or null", async ({ repository, addBatch }) => {
    assert.equal(await repository.findBatch(newId()), null);
    const batch: BatchRecord = { id: newId(), status: "processing", userId: "user-1" };
    await addBatch(batch);
    const { id, status, userId } = (await repository.findBatch(batch.id)) ?? {};
    assertEqual({ id, status, userId }, batch);
  });

  test("updateBatch saves where the status is expected, or none is", async ({ repository, addBatch }) => {
    const id = newId();
    await addBatch({ id, status: "pending" });
    assert.equal(await repository.updateBatch(id, { status: "processing" }, ["pending", "processing"]), "saved");
    assert.equal((await repository.findBatch(id))?.status, "processing");
    assert.equal(await repository.updateBatch(id, { status: "completed" }), "saved");
    assert.equal((await repository.findBatch(id))?.status, "completed");
    assert.equal(await repository.updateBatch(id, {}, ["completed"]), "saved");
    assert.equal((await repository.findBatch(id))?.status, "completed");
  });

  test("updateBatch is stale where another status was expected", async ({ repository, addBatch }) => {
    const id = newId();
    await addBatch({ id, status: "cancelled" });
    assert.equal(await repository.updateBatch(id, { status: "completed" }, ["processing"]), "stale");
    assert.equal(await repository.updateBatch(id, { status: "completed" }, []), "stale");
    assert.equal((await repository.findBatch(id))?.status, "cancelled");
  });

  test('updateBatch of a batch that is not there says "deleted"', async ({ repository }) => {
    assert.equal(await repository.updateBatch(newId(), { status: "completed" }), "deleted");
    assert.equal(await repository.updateBatch(newId(), { status: "completed" }, ["processing"]), "deleted");
  });

  test("of 20 transitions at once, one is made", async ({ repository, addBatch }) => {
    const id = newId();
    await addBatch({ id, status: "processing" });
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => repository.updateBatch(id, { status: "completed" }, ["processing"])),
    );
    assert.equal(outcomes.filter((outcome) => outcome === "saved").length, 1);
    assert.equal(outcomes.filter((outcome) => outcome === "stale").length, 19);
  });

  test("countUploads counts the uploads of the batch by their status", async ({
    repository,
    addUploads,
    deleteUpload,
  }) => {
    const batchId = newId();
    const count = async () => {
      const counts = await repository.countUploads(batchId);
      return STATUSES.map((status) => counts[status] ?? 0);
    };
    assertEqual(await count(), [0, 0, 0, 0, 0]);
    const uploads = (["pending", "pending", "embedding", "completed", "failed", "failed"] as const).map((status) =>
      newUpload({ batchId, status }),
    );
    await addUploads([...uploads, newUpload(), newUpload({ batchId: newId() })]);
    assertEqual(await count(), [2, 0, 1, 1, 2]);
    await repository.updateUpload(uploads[0]?.id ?? "", { status: "analyzing" });
    await deleteUpload(uploads[5]?.id ?? "");
    assertEqual(await count(), [1, 1, 1, 1, 1]);
  });

  test("countUploads is not moved by writes that are repeated or come late", async ({ repository, addUploads }) => {
    const batchId = newId();
    const uploads = (["embedding", "pending"] as const).map((status) => newUpload({ batchId, status }));
    await addUploads(uploads);
    const id = uploads[0]?.id ?? "";
    for (let time = 0; time < 3; time++) await repository.updateUpload(id, { status: "completed" });
    await repository.updateUpload(id, { status: "embedding" });
    const { completed = 0, embedding = 0, pending = 0 } = await repository.countUploads(batchId);
    assertEqual({ completed, embedding, pending }, { completed: 1, embedding: 0, pending: 1 });
  });

  test("listUploads pages through the batch in the order of creation", async (setup) => {
    const { batchId, ids } = await batchOf(setup, 7);
    assertEqual(idsOf(await setup.repository.listUploads(batchId, { limit: 100 })), ids);
    assertEqual(await walk(setup, batchId, 3), ids);
    assertEqual(await walk(setup, batchId, 1), ids);
    assertEqual(await walk(setup, batchId, 7), ids);
    assertEqual(await setup.repository.listUploads(newId(), { limit: 10 }), []);
  });

  test("listUploads keeps the order in which single uploads were added", async (setup) => {
    const batchId = newId();
    const ids: string[] = [];
    for (let index = 0; index < 5; index++) ids.push(await setup.add({ batchId }));
    assertEqual(await walk(setup, batchId, 2), ids);
  });

  test("listUploads filters by status", async ({ repository, addUploads }) => {
    const batchId = newId();
    const uploads = [...STATUSES, ...STATUSES].map((status) => newUpload({ batchId, status }));
    await addUploads(uploads);
    for (const statuses of [["failed"], OPEN, STATUSES] as const) {
      const expected = uploads.filter(({ status }) => statuses.some((wanted) => wanted === status));
      const page = await repository.listUploads(batchId, { limit: 100, statuses });
      assertEqual(idsOf(page), idsOf(expected));
      const [after] = page;
      assert.ok(after);
      const rest = await repository.listUploads(batchId, { after, limit: 1, statuses });
      assertEqual(idsOf(rest), idsOf(expected).slice(1, 2));
    }
  });

  test("listUploads goes on behind an upload that was deleted since", async (setup) => {
    const { batchId, ids } = await batchOf(setup, 6);
    const page = await setup.repository.listUploads(batchId, { limit: 3 });
    for (const { id } of page) await setup.deleteUpload(id);
    assertEqual(await walk(setup, batchId, 2, { after: page.at(-1) }), ids.slice(3));
  });

  test("listUploads passes no upload over while those before are settled", async (setup) => {
    const { batchId, ids } = await batchOf(setup, 7);
    const settle = (upload: U) => setup.repository.updateUpload(upload.id, { status: "completed" });
    assertEqual(await walk(setup, batchId, 2, { statuses: OPEN, visit: settle }), ids);
    assertEqual(await setup.repository.listUploads(batchId, { limit: 10, statuses: OPEN }), []);
  });

  test("listUploads finds what is added while it pages", async (setup) => {
    const { batchId, ids } = await batchOf(setup, 4);
    const added: string[] = [];
    const add = async () => {
      if (added.length < 3) added.push(await setup.add({ batchId }));
    };
    assertEqual(await walk(setup, batchId, 2, { visit: add }), [...ids, ...added]);
  });

  test("listUploads tells apart uploads that were added at once", async (setup) => {
    const batchId = newId();
    const ids = await Promise.all(Array.from({ length: 20 }, () => setup.add({ batchId })));
    assertEqual((await walk(setup, batchId, 3)).sort(), ids.sort());
  });

  test("listBatches pages through the batches of one status, also while that changes", async (setup) => {
    const { repository, addBatch } = setup;
    const batches = (["processing", "pending", "processing", "processing", "completed", "processing"] as const).map(
      (status) => ({ id: newId(), status }),
    );
    for (const batch of batches) await addBatch(batch);
    const processing = idsOf(batches.filter(({ status }) => status === "processing")).sort();
    const own = (ids: readonly string[]) => ids.filter((id) => processing.includes(id)).sort();

    assertEqual(own(await walkBatches(setup, "processing", 2)), processing);
    const complete = async ({ id }: BatchRecord) => {
      if (processing.includes(id)) await repository.updateBatch(id, { status: "completed" });
    };
    assertEqual(own(await walkBatches(setup, "processing", 1, complete)), processing);
    assertEqual(own(await walkBatches(setup, "processing", 2)), []);
    assertEqual(own(await walkBatches(setup, "completed", 2)), processing);
  });
}

/** Uploads whose ids do not sort in the order of their creation. */
async function batchOf<U extends UploadRecord>({ addUploads }: Setup<U>, size: number) {
  const batchId = newId();
  const uploads = Array.from({ length: size }, () => newUpload({ batchId })).sort((a, b) => (a.id > b.id ? -1 : 1));
  await addUploads([...uploads, newUpload({ batchId: newId() }), newUpload()]);
  return { batchId, ids: idsOf(uploads) };
}

/** The ids of all pages; `visit` runs for each upload before the next page is asked for. */
async function walk<U extends UploadRecord>(
  { repository }: Setup<U>,
  batchId: string,
  limit: number,
  options: { after?: U | undefined; statuses?: readonly UploadStatus[]; visit?: (upload: U) => Promise<unknown> } = {},
): Promise<string[]> {
  const { statuses, visit } = options;
  const ids: string[] = [];
  for (let { after } = options; ; ) {
    const page = await repository.listUploads(batchId, {
      limit,
      ...(after && { after }),
      ...(statuses && { statuses }),
    });
    assert.ok(page.length <= limit, "a page has to keep to its limit");
    after = page.at(-1);
    if (after === undefined) return ids;
    for (const upload of page) {
      assert.equal(upload.batchId, batchId);
      assert.ok(!ids.includes(upload.id), "an upload came twice");
      ids.push(upload.id);
      await visit?.(upload);
    }
  }
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

function idsOf(records: readonly { readonly id: string }[]): string[] {
  return records.map(({ id }) => id);
}
