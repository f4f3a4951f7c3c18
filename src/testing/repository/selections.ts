import assert from "node:assert/strict";
import type { UploadSelection } from "../../contracts/repository.js";
import type { UploadRecord } from "../../contracts/upload.js";
import { assertEqual } from "../assert-equal.js";
import { type Bench, newName, newRedo, OPEN, SETTLED, type Setup, STATUSES } from "./fixture.js";
import { assertFields, checkpoints, idsOf } from "./records.js";

type Filter = Exclude<UploadSelection, { readonly all: true }>;

interface Case {
  readonly title: string;
  readonly filter: (batch: { readonly batchId: string; readonly uploads: readonly UploadRecord[] }) => Filter;
  readonly holds: (upload: UploadRecord, place: number) => boolean;
}

const CASES: readonly Case[] = [
  { title: "a batch", filter: ({ batchId }) => ({ batchId }), holds: () => true },
  {
    title: "a batch and statuses",
    filter: ({ batchId }) => ({ batchId, statuses: ["failed", "pending"] }),
    holds: ({ status }) => status === "failed" || status === "pending",
  },
  {
    title: "a batch and its open uploads",
    filter: ({ batchId }) => ({ batchId, statuses: OPEN }),
    holds: ({ status }) => OPEN.some((open) => open === status),
  },
  {
    title: "ids",
    filter: ({ uploads }) => ({ ids: idsOf(uploads).filter((_, place) => place % 3 === 1) }),
    holds: (_, place) => place % 3 === 1,
  },
  {
    title: "ids in any order, and twice",
    filter: ({ uploads }) => ({ ids: [...idsOf(uploads).reverse(), ...idsOf(uploads)] }),
    holds: () => true,
  },
  {
    title: "ids and statuses",
    filter: ({ uploads }) => ({ ids: idsOf(uploads).slice(2), statuses: SETTLED }),
    holds: ({ status }, place) => place >= 2 && (status === "completed" || status === "failed"),
  },
  {
    title: "error codes",
    filter: ({ batchId }) => ({ batchId, errorCodes: ["RATE_LIMITED", "EMBED_FAILED"] }),
    holds: ({ errorCode }) => errorCode === "RATE_LIMITED",
  },
  {
    title: "another version, or none",
    filter: ({ batchId }) => ({ batchId, notAiVersion: "model-1" }),
    holds: ({ aiVersion }) => aiVersion !== "model-1",
  },
  {
    title: "a missing thumbnail",
    filter: ({ batchId }) => ({ batchId, missing: ["thumbnailKey"] }),
    holds: ({ thumbnailKey }) => thumbnailKey === null,
  },
  {
    title: "a missing thumbnail or embedding",
    filter: ({ batchId }) => ({ batchId, missing: ["thumbnailKey", "embedding"] }),
    holds: ({ thumbnailKey, embedding }) => thumbnailKey === null || embedding === null,
  },
  {
    title: "every key at once",
    filter: ({ batchId, uploads }) => ({
      batchId,
      ids: idsOf(uploads),
      statuses: ["failed"],
      errorCodes: ["RATE_LIMITED"],
      notAiVersion: "model-1",
      missing: ["embedding"],
    }),
    holds: ({ status, errorCode, aiVersion, embedding }) =>
      status === "failed" && errorCode === "RATE_LIMITED" && aiVersion !== "model-1" && embedding === null,
  },
  { title: "no id at all", filter: () => ({ ids: [] }), holds: () => false },
  { title: "no status at all", filter: ({ batchId }) => ({ batchId, statuses: [] }), holds: () => false },
  { title: "no error code at all", filter: ({ batchId }) => ({ batchId, errorCodes: [] }), holds: () => false },
  { title: "nothing missing at all", filter: ({ batchId }) => ({ batchId, missing: [] }), holds: () => false },
];

/** Which uploads are listed, counted and reset. */
export function testSelections<U extends UploadRecord>(
  { test }: Bench<U>,
  { resets }: { readonly resets: boolean },
): void {
  for (const { title, filter, holds } of CASES) {
    test(`uploads are listed and counted by ${title}`, async (setup) => {
      const batch = await variety(setup);
      const expected = batch.uploads.filter(holds);
      const selection = filter(batch);
      assertEqual(idsOf(await setup.repository.listUploads(selection, { limit: 1000 })), idsOf(expected));
      const second = expected.at(1);
      if (second !== undefined) {
        const after = await setup.read(second.id);
        const behind = await setup.repository.listUploads(selection, { after, limit: 3 });
        assertEqual(idsOf(behind), idsOf(expected).slice(2, 5));
      }
      const counts = await setup.repository.countUploads(selection);
      for (const status of STATUSES)
        assert.equal(counts[status] ?? 0, expected.filter((upload) => upload.status === status).length, status);
    });

    if (!resets) continue;
    test(`uploads are reset by ${title}`, async (setup) => {
      const batch = await variety(setup);
      const settled = batch.uploads.filter(({ status }) => status === "completed" || status === "failed");
      const expected = settled.filter((upload) => holds(upload, batch.uploads.indexOf(upload)));
      assert.equal(await setup.reset(filter(batch), "reprocess-all", newRedo()), expected.length);
      for (const { id, status } of batch.uploads)
        assertFields(await setup.read(id), { status: idsOf(expected).includes(id) ? "pending" : status });
    });
  }

  test("uploads are listed and counted by their user", async (setup) => {
    const { repository, addUploads, newBatch, newUpload } = setup;
    const batchId = await newBatch();
    const userId = setup.userId ?? newName();
    const uploads = [1, 2, 3].map(() => newUpload({ batchId, userId }));
    await addUploads(uploads);
    if (setup.userId === undefined)
      await addUploads([newUpload({ batchId, userId: newName() }), newUpload({ batchId })]);
    const selection = { batchId, userId };
    assertEqual(idsOf(await repository.listUploads(selection, { limit: 10 })), idsOf(uploads));
    assert.equal((await repository.countUploads(selection)).pending, 3);
    if (setup.userId === undefined)
      assertEqual(idsOf(await repository.listUploads({ userId }, { limit: 10 })), idsOf(uploads));
  });

  test("an id that is not there, or that no row can have, selects nothing and is no error", async (setup) => {
    const { repository, reset, add, unknownIds } = setup;
    const id = await add({ status: "failed" });
    for (const unknown of unknownIds()) {
      const nothing: UploadSelection[] = [{ ids: [unknown] }, { batchId: unknown }, { ids: [id], batchId: unknown }];
      for (const selection of nothing) {
        assertEqual(await repository.listUploads(selection, { limit: 10 }), []);
        assert.equal((await repository.countUploads(selection)).failed ?? 0, 0);
        if (resets)
          for (const how of ["retry", "undo"] as const) assert.equal(await reset(selection, how, newRedo()), 0);
      }
      assertEqual(idsOf(await repository.listUploads({ ids: [unknown, id] }, { limit: 10 })), [id]);
    }
    if (resets) assert.equal(await reset({ ids: [...unknownIds(), id] }, "retry", newRedo()), 1);
  });

  test("all uploads are listed and counted", async (setup) => {
    const { repository, add } = setup;
    const id = await add({ status: "failed" });
    const counts = await repository.countUploads({ all: true });
    assert.ok((counts.failed ?? 0) >= 1, "the count has to be of all uploads");
    const [first] = await repository.listUploads({ all: true }, { limit: 1 });
    assert.ok(first, "a page of all uploads must not be empty");
    const later = [await add(), await add({ status: "completed" })];
    const behind = await repository.listUploads({ all: true }, { after: await setup.read(id), limit: 100_000 });
    const own = (ids: readonly string[]) => ids.filter((one) => one === id || later.includes(one));
    assertEqual(own(idsOf(behind)), later);
  });

  test("countUploads counts the uploads of the batch by their status", async (setup) => {
    const { repository, addUploads, deleteUpload, newUpload, newBatch } = setup;
    const batchId = await newBatch();
    const count = async () => {
      const counts = await repository.countUploads({ batchId });
      return STATUSES.map((status) => counts[status] ?? 0);
    };
    assertEqual(await count(), [0, 0, 0, 0, 0]);
    const uploads = (["pending", "pending", "embedding", "completed", "failed", "failed"] as const).map((status) =>
      newUpload({ batchId, status }),
    );
    await addUploads([...uploads, newUpload(), newUpload({ batchId: await newBatch() })]);
    assertEqual(await count(), [2, 0, 1, 1, 2]);
    await repository.updateUpload(uploads[0]?.id ?? "", { status: "analyzing" });
    await deleteUpload(uploads[5]?.id ?? "");
    assertEqual(await count(), [1, 1, 1, 1, 1]);
  });

  test("countUploads is not moved by writes that are repeated or come late", async (setup) => {
    const { repository, addUploads, newUpload, newBatch } = setup;
    const batchId = await newBatch();
    const uploads = (["embedding", "pending"] as const).map((status) => newUpload({ batchId, status }));
    await addUploads(uploads);
    const id = uploads[0]?.id ?? "";
    for (let time = 0; time < 3; time++) await repository.updateUpload(id, { status: "completed" });
    await repository.updateUpload(id, { status: "embedding" });
    const { completed = 0, embedding = 0, pending = 0 } = await repository.countUploads({ batchId });
    assertEqual({ completed, embedding, pending }, { completed: 1, embedding: 0, pending: 1 });
  });
}

/** A batch with uploads of each status, with and without what a selection asks for. */
async function variety<U extends UploadRecord>({ addUploads, newUpload, newBatch, vector }: Setup<U>) {
  const batchId = await newBatch();
  const whole = checkpoints(vector());
  const uploads = STATUSES.flatMap((status) => [
    newUpload({ batchId, status, ...whole, aiVersion: "model-1" }),
    newUpload({ batchId, status, ...whole, aiVersion: "model-2", thumbnailKey: null, errorCode: "RATE_LIMITED" }),
    newUpload({ batchId, status, ...whole, aiVersion: null, embedding: null, errorCode: "RATE_LIMITED" }),
    newUpload({ batchId, status, ...whole, aiVersion: "model-1", embedding: null, errorCode: "DESCRIBE_FAILED" }),
  ]);
  await addUploads([...uploads, newUpload({ batchId: await newBatch(), status: "failed" }), newUpload()]);
  return { batchId, uploads };
}
