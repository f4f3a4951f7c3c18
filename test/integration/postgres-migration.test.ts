import { randomUUID } from "node:crypto";
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type PostgresClient,
  type PostgresRepositoryOptions,
  postgresRepository,
} from "../../src/adapters/postgres.js";
import { firstEditionSql } from "../support/first-edition.js";
import { columnsOf } from "../support/postgres.js";

let database: PGlite;
beforeAll(async () => {
  database = await PGlite.create({ extensions: { vector } });
  await database.exec("create extension vector");
});
afterAll(() => database.close());

function newTables() {
  const suffix = randomUUID().slice(0, 8);
  return { uploads: `uploads_${suffix}`, batches: `batches_${suffix}` };
}

/** Tables of the first edition with rows in them. */
async function firstEdition(embedding: string) {
  const tables = newTables();
  await database.exec(firstEditionSql(tables, embedding));
  return tables;
}

const indexesOf = async (table: string) =>
  (
    await database.query<{ name: string }>("select indexname as name from pg_indexes where tablename = $1 order by 1", [
      table,
    ])
  ).rows.map(({ name }) => name.slice(table.length));

const kinds: { readonly column: string; readonly options: PostgresRepositoryOptions }[] = [
  { column: "vector", options: {} },
  { column: "vector(3)", options: { dimensions: 3, vector: "pgvector" } },
  { column: "real[]", options: { vector: "array" } },
];

describe.each(kinds)("tables of the first edition, with $column", ({ column, options }) => {
  const bringAlong = {
    migrate: async (tables: ReturnType<typeof newTables>) =>
      postgresRepository(database, { ...options, tables }).migrate(),
    schemaSql: async (tables: ReturnType<typeof newTables>) => {
      await database.exec(postgresRepository(database, { ...options, tables }).schemaSql());
    },
  };

  test.each(["migrate", "schemaSql"] as const)("%s brings them along, with their rows", async (how) => {
    const tables = await firstEdition(column);
    const before = (await database.query(`select * from ${tables.uploads} order by sequence`)).rows;
    await bringAlong[how](tables);
    await bringAlong[how](tables);

    const fresh = newTables();
    await postgresRepository(database, { ...options, tables: fresh }).migrate();
    expect(await columnsOf(database, tables.uploads)).toEqual(await columnsOf(database, fresh.uploads));
    expect(await indexesOf(tables.uploads)).toEqual(await indexesOf(fresh.uploads));

    const after = (await database.query<object>(`select * from ${tables.uploads} order by sequence`)).rows;
    const added = [true, false, false].map((has_result) => ({ draft: null, claim_token: null, has_result }));
    expect(after).toEqual(before.map((row, index) => Object.assign({}, row, added[index])));
  });

  test("work goes on in them", async () => {
    const tables = await firstEdition(column);
    const repository = postgresRepository(database, { ...options, tables });
    await repository.migrate();
    expect(await repository.claimUpload("open", { leaseMs: 1000, token: "t" })).toMatchObject({
      outcome: "claimed",
      fence: 1,
    });
    expect(await repository.resetUploads({ batchId: "b" }, "reprocess-all", "redo")).toBe(2);
    expect(await repository.findUpload("done")).toMatchObject({
      status: "pending",
      description: "A cat",
      embedding: [1, 2, 3],
      metadata: { media: { width: 1 } },
      draft: { was: "completed", redo: "redo" },
    });
    expect(await repository.findBatch("b")).toMatchObject({ status: "processing" });
    const [similar] = await repository.findSimilar([1, 2, 3], { limit: 1 });
    expect(similar?.upload.id).toBe("done");
  });

  test("without migrate, the column and the remedy are named before anything is changed", async () => {
    const tables = await firstEdition(column);
    const repository = postgresRepository(database, { ...options, tables });
    const missing = {
      code: "INVALID_CONFIGURATION",
      message: expect.stringMatching(/"draft" does not exist.*migrate/),
    };
    await expect(repository.findUpload("done")).rejects.toMatchObject(missing);
    await expect(repository.listUploads({ batchId: "b" }, { limit: 1 })).rejects.toMatchObject(missing);
    await expect(repository.resetUploads({ batchId: "b" }, "retry", "redo")).rejects.toMatchObject(missing);
    const { rows } = await database.query(`select status from ${tables.uploads} order by sequence`);
    expect(rows).toEqual([{ status: "completed" }, { status: "failed" }, { status: "pending" }]);
  });
});

describe("where nothing is missing", () => {
  test("migrate changes nothing, so that it waits for nobody and nobody for it", async () => {
    const tables = newTables();
    const repository = postgresRepository(database, { tables });
    await repository.migrate();
    const locks: unknown[] = [];
    const watching: PostgresClient = {
      query: (text, values) =>
        database.transaction(async (transaction) => {
          const answer = await transaction.query(text, values);
          const held = await transaction.query(
            `select mode from pg_locks where relation = any($1::regclass[])
             and mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')`,
            [[tables.uploads, tables.batches]],
          );
          locks.push(...held.rows);
          return answer;
        }),
    };
    await postgresRepository(watching, { tables }).migrate();
    expect(locks).toEqual([]);

    await database.exec(`drop index ${tables.uploads}_open`);
    await postgresRepository(watching, { tables }).migrate();
    expect(locks).toEqual([{ mode: "ShareLock" }]);
  });
});
