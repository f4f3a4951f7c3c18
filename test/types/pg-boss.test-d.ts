import {
  type Db,
  fromKysely,
  type KyselyTransactionLike,
  type PerJobWorkWithMetadataHandler,
  type PgBoss,
} from "pg-boss";
import { expectTypeOf, test } from "vitest";
import {
  closeUploads,
  enqueueUploads,
  type UploadJobData,
  uploadJobHandler,
  workDeadLetters,
  workUploads,
} from "../../src/integrations/pg-boss.js";
import { ai, type Photo, repository, storage } from "./fixtures.js";

const adapters = { storage, ai, repository };
declare const boss: PgBoss;

test("a worker takes pg-boss's options and ours, typed by the repository's record", async () => {
  const id = await workUploads(boss, "uploads", adapters, {
    work: { localConcurrency: 8, pollingIntervalSeconds: 1, heartbeatRefreshSeconds: 5 },
    lease: { maxStarts: 5 },
    thumbnail: { key: ({ album, id }) => `${album}/${id}.jpg` },
    rerun: "reprocess",
  });
  expectTypeOf(id).toEqualTypeOf<string>();
  await workUploads(boss, "uploads", adapters);
  await closeUploads(boss, "uploads");
  await closeUploads(boss, "uploads", { graceMs: 0 });
  expectTypeOf(await workDeadLetters(boss, "dead", { repository })).toEqualTypeOf<string>();
  // @ts-expect-error what the handler needs is set
  workUploads(boss, "uploads", adapters, { work: { perJobResults: false } });
  // @ts-expect-error the work on an upload is no transaction
  workUploads(boss, "uploads", adapters, { work: { transactional: true } });
  // @ts-expect-error pg-boss has its own signal
  workUploads(boss, "uploads", adapters, { signal: new AbortController().signal });
  // @ts-expect-error pg-boss counts the attempts
  workUploads(boss, "uploads", adapters, { attempt: { number: 1, max: 2 } });
  // @ts-expect-error no such field
  workUploads(boss, "uploads", adapters, { thumbnail: { key: ({ nothing }) => nothing } });
  // @ts-expect-error the repository is needed, to settle what pg-boss gives up
  workDeadLetters(boss, "dead", {});
});

test("boss.work takes the handler with what it needs, and refuses it with less", () => {
  const handler = uploadJobHandler(boss, adapters, { retry: { shouldRetry: (error) => error.retryable } });
  expectTypeOf(handler).toExtend<PerJobWorkWithMetadataHandler<UploadJobData>>();
  boss.work("uploads", { perJobResults: true, includeMetadata: true }, handler);
  boss.work("uploads", { perJobResults: true, includeMetadata: true, localConcurrency: 4 }, handler);
  // @ts-expect-error no per-job results: what it answers would be the output of a completed job
  boss.work("uploads", { includeMetadata: true }, handler);
  // @ts-expect-error no metadata: nothing tells how many attempts there are
  boss.work("uploads", { perJobResults: true }, handler);
  // @ts-expect-error neither
  boss.work("uploads", { localConcurrency: 4 }, handler);
  // @ts-expect-error neither
  boss.work("uploads", handler);
  // @ts-expect-error the work on an upload is no transaction
  boss.work("uploads", { transactional: true, includeMetadata: true }, handler);
});

test("records and ids are enqueued, also in a transaction", async () => {
  const photos: readonly Photo[] = [];
  expectTypeOf(await enqueueUploads(boss, "uploads", photos)).toEqualTypeOf<{
    readonly added: number;
    readonly already: number;
  }>();
  await enqueueUploads(boss, "uploads", new Set(["a", "b"]));
  const transaction = {} as KyselyTransactionLike;
  await enqueueUploads(boss, "uploads", [{ id: "a", batchId: null }, "b"], { db: fromKysely(transaction) });
  const db: Db = { executeSql: async () => ({ rows: [] }) };
  await enqueueUploads(boss, "uploads", ["a"], { db });
  // @ts-expect-error an id is a text
  await enqueueUploads(boss, "uploads", [7]);
});
