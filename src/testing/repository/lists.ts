import assert from "node:assert/strict";
import type { UploadRecord, UploadStatus } from "../../contracts/upload.js";
import { assertEqual } from "../assert-equal.js";
import { type Bench, OPEN, type Setup, STATUSES } from "./fixture.js";
import { assertFields, everyField, idsOf } from "./records.js";

/** Pages of uploads: none is passed over and none comes twice, whatever happens meanwhile. */
export function testLists<U extends UploadRecord>({ test }: Bench<U>): void {
  test("listUploads pages through the batch in the order of creation", async (setup) => {
    const { batchId, ids } = await batchOf(setup, 7);
    assertEqual(idsOf(await setup.repository.listUploads({ batchId }, { limit: 100 })), ids);
    assertEqual(await walk(setup, batchId, 3), ids);
    assertEqual(await walk(setup, batchId, 1), ids);
    assertEqual(await walk(setup, batchId, 7), ids);
    assertEqual(await setup.repository.listUploads({ batchId: await setup.newBatch() }, { limit: 10 }), []);
  });

  test("listUploads keeps the order in which single uploads were added", async (setup) => {
    const batchId = await setup.newBatch();
    const ids: string[] = [];
    for (let index = 0; index < 5; index++) ids.push(await setup.add({ batchId }));
    assertEqual(await walk(setup, batchId, 2), ids);
  });

  test("listUploads filters by status", async (setup) => {
    const { repository, addUploads, newUpload } = setup;
    const batchId = await setup.newBatch();
    const uploads = [...STATUSES, ...STATUSES].map((status) => newUpload({ batchId, status }));
    await addUploads(uploads);
    for (const statuses of [["failed"], OPEN, STATUSES] as const) {
      const expected = uploads.filter(({ status }) => statuses.some((wanted) => wanted === status));
      const page = await repository.listUploads({ batchId, statuses }, { limit: 100 });
      assertEqual(idsOf(page), idsOf(expected));
      const [after] = page;
      assert.ok(after);
      const rest = await repository.listUploads({ batchId, statuses }, { after, limit: 1 });
      assertEqual(idsOf(rest), idsOf(expected).slice(1, 2));
    }
  });

  test("listUploads goes on behind an upload that was deleted since", async (setup) => {
    const { batchId, ids } = await batchOf(setup, 6);
    const page = await setup.repository.listUploads({ batchId }, { limit: 3 });
    for (const { id } of page) await setup.deleteUpload(id);
    assertEqual(await walk(setup, batchId, 2, { after: page.at(-1) }), ids.slice(3));
  });

  test("listUploads passes no upload over while those before are settled", async (setup) => {
    const { batchId, ids } = await batchOf(setup, 7);
    const settle = (upload: U) => setup.repository.updateUpload(upload.id, { status: "completed" });
    assertEqual(await walk(setup, batchId, 2, { statuses: OPEN, visit: settle }), ids);
    assertEqual(await setup.repository.listUploads({ batchId, statuses: OPEN }, { limit: 10 }), []);
  });

  test("listUploads goes on behind an upload that is settled since, where those before it are open", async (setup) => {
    const { batchId, ids } = await batchOf(setup, 7);
    const settle = async ({ id }: U) => {
      if (ids.indexOf(id) % 2 === 1) await setup.repository.updateUpload(id, { status: "completed" });
    };
    assertEqual(await walk(setup, batchId, 2, { statuses: OPEN, visit: settle }), ids);
  });

  test("listUploads answers with every field", async (setup) => {
    const upload = await everyField(setup);
    const [listed, ...others] = await setup.repository.listUploads({ ids: [upload.id] }, { limit: 2 });
    assertEqual(others, []);
    assert.ok(listed, "the upload has to be listed");
    assertFields(listed, upload);
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
    const batchId = await setup.newBatch();
    const ids = await Promise.all(Array.from({ length: 20 }, () => setup.add({ batchId })));
    assertEqual((await walk(setup, batchId, 3)).sort(), ids.sort());
  });
}

/** Uploads whose ids do not sort in the order of their creation, unless the ids may be that order. */
async function batchOf<U extends UploadRecord>(setup: Setup<U>, size: number) {
  const { addUploads, newUpload, newBatch, idsMayBeOrder } = setup;
  const batchId = await newBatch();
  const uploads = Array.from({ length: size }, () => newUpload({ batchId }));
  if (!idsMayBeOrder) uploads.sort((a, b) => (a.id > b.id ? -1 : 1));
  await addUploads([...uploads, newUpload({ batchId: await newBatch() }), newUpload()]);
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
    const selection = statuses === undefined ? { batchId } : { batchId, statuses };
    const page = await repository.listUploads(selection, after === undefined ? { limit } : { after, limit });
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
