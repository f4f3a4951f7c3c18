import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type PostgresClient, type PostgresRepository, postgresRepository } from "../../src/adapters/postgres.js";
import type { UploadSelection } from "../../src/contracts/repository.js";

const OPEN = ["pending", "analyzing", "embedding"] as const;

let database: PGlite;
beforeAll(async () => {
  database = await PGlite.create({ extensions: { vector } });
});
afterAll(() => database.close());

type Tables = { readonly uploads: string; readonly batches: string };

/** The plans of what a call of the repository sends: for these values, and for whatever values come. */
async function plansOf(
  options: { readonly tables: Tables; readonly dimensions?: number },
  call: (repository: PostgresRepository) => Promise<unknown>,
): Promise<string[]> {
  const plans: string[] = [];
  const keep = (rows: readonly unknown[]) =>
    plans.push(rows.map((row) => (row as { "QUERY PLAN": string })["QUERY PLAN"]).join("\n"));
  const explaining: PostgresClient = {
    async query(text, values) {
      if (text.includes("pg_attribute")) return database.query(text, values);
      keep((await database.query(`explain ${text}`, values)).rows);
      keep((await database.exec(`explain (generic_plan) ${text}`))[0]?.rows ?? []);
      return { rows: [] };
    },
  };
  await call(postgresRepository(explaining, options));
  return plans;
}

describe("pages of 100,000 uploads", () => {
  const tables = { uploads: "many", batches: "many_batches" };
  const pageOf = (selection: UploadSelection, limit: number) =>
    plansOf({ tables }, (repository) => repository.listUploads(selection, { limit }));

  beforeAll(async () => {
    await postgresRepository(database, { tables }).migrate();
    await database.exec(`insert into many (id, storage_key, batch_id, user_id, status, description)
select 'upload-' || n, n, 'batch-' || n % 3, 'user-' || n % 1000, case when n % 10 = 0 then 'pending' else 'completed' end,
  repeat('word ', 50)
from generate_series(1, 100000) as n`);
  });

  const isReadFrom = async (selection: UploadSelection, limit: number, index: string) => {
    for (const plan of await pageOf(selection, limit)) {
      expect(plan).toMatch(new RegExp(`Index Scan using ${index} on`));
      expect(plan).not.toMatch(/Seq Scan|Sort/);
    }
  };

  test.each<[string, UploadSelection, number, string]>([
    ["what is open in a batch", { batchId: "batch-1", statuses: OPEN }, 1, "many_batch_open"],
    ["what is open anywhere", { statuses: OPEN }, 100, "many_open"],
    ["all", { all: true }, 100, "many_order"],
  ])(
    "%s is read from an index, in its order, before the statistics know anything",
    async (_, selection, limit, index) => {
      await isReadFrom(selection, limit, index);
    },
  );

  describe("with statistics", () => {
    beforeAll(async () => {
      await database.exec("analyze many");
    });

    test.each<[string, UploadSelection, number, string]>([
      ["what is open in a batch", { batchId: "batch-1", statuses: OPEN }, 1, "many_batch_open"],
      ["a page of what is open in a batch", { batchId: "batch-1", statuses: ["pending"] }, 100, "many_batch_open"],
      ["what is open anywhere", { statuses: OPEN }, 100, "many_open"],
      ["a batch", { batchId: "batch-1" }, 100, "many_batch_order"],
      ["what failed in a batch", { batchId: "batch-1", statuses: ["failed", "completed"] }, 100, "many_batch_order"],
      ["all", { all: true }, 100, "many_order"],
    ])("%s is read from an index, in its order", async (_, selection, limit, index) => {
      await isReadFrom(selection, limit, index);
    });

    test("what is named by its ids is read by them", async () => {
      for (const plan of await pageOf({ ids: ["upload-1", "upload-2"] }, 100)) {
        expect(plan).toMatch(/many_pkey/);
        expect(plan).not.toMatch(/Seq Scan/);
      }
    });
  });

  test("what is open in a batch is told by a few rows, not by a look at them all", async () => {
    const [page] = await new Promise<unknown[][]>((resolve, reject) => {
      const client: PostgresClient = {
        query: async (text, values) => {
          const answer = await database.query(`explain (analyze, buffers, format json) ${text}`, values);
          resolve(answer.rows.map((row) => Object.values(row as object)[0]));
          return { rows: [] };
        },
      };
      postgresRepository(client, { tables })
        .listUploads({ batchId: "batch-1", statuses: OPEN }, { limit: 1 })
        .catch(reject);
    });
    const [{ Plan: plan }] = page as [{ Plan: Record<string, number> }];
    expect((plan["Shared Hit Blocks"] ?? 0) + (plan["Shared Read Blocks"] ?? 0)).toBeLessThan(20);
  });
});

describe.each([
  { dimensions: 3, index: "using hnsw (embedding vector_cosine_ops)" },
  { dimensions: 2001, index: "using hnsw ((embedding::halfvec(2001)) halfvec_cosine_ops)" },
])("findSimilar over $dimensions dimensions", ({ dimensions, index }) => {
  const tables = { uploads: `vectors_${dimensions}`, batches: `vectors_${dimensions}_batches` };
  const indexed = `${tables.uploads}_nearest`;
  const rows = 1000;
  const repository = () => postgresRepository(database, { tables, dimensions });
  /** On a half circle: the nearer two numbers, the nearer their vectors. */
  const vectorOf = (n: number) => {
    const angle = (n / rows) * Math.PI;
    return Array.from({ length: dimensions }, (_, place) =>
      place === 0 ? Math.cos(angle) : place === 1 ? Math.sin(angle) : 0,
    );
  };
  const found = async (n: number, options: Parameters<PostgresRepository["findSimilar"]>[1]) =>
    (await repository().findSimilar(vectorOf(n), options)).map(({ upload }) => Number(upload.id));
  const distances = (ids: readonly number[], n: number) => ids.map((id) => Math.abs(id - n));

  beforeAll(async () => {
    await repository().migrate();
    const uploads = Array.from({ length: rows }, (_, n) => ({
      id: String(n),
      storageKey: String(n),
      status: n % 2 === 0 ? ("completed" as const) : ("pending" as const),
      batchId: `batch-${n % 10}`,
      userId: `user-${n % 100}`,
      embedding: vectorOf(n),
    }));
    await repository().addUploads(uploads);
    await repository().addUploads([{ id: "-1", storageKey: "none" }]);
    await database.exec(`create index ${indexed} on ${tables.uploads} ${index}`);
    await database.exec(`analyze ${tables.uploads}`);
  });

  test("takes the index that its docstring names", async () => {
    // A thousand rows are read faster without an index: what is asked is whether the statement fits it.
    await database.exec("set enable_seqscan = off");
    const plans = await plansOf({ tables, dimensions }, (planned) => planned.findSimilar(vectorOf(500), { limit: 5 }));
    await database.exec("reset enable_seqscan");
    for (const plan of plans) {
      expect(plan).toContain(`Index Scan using ${indexed} on`);
      expect(plan).not.toContain("Seq Scan");
    }
  });

  test("finds the nearest, by the embedding alone", async () => {
    const ids = await found(500, { limit: 5 });
    expect(ids[0]).toBe(500);
    expect(distances(ids, 500).sort()).toEqual([0, 1, 1, 2, 2]);
  });

  test("finds as many as are asked for: more than an index gives by itself, and within a batch or a user", async () => {
    await database.exec("set enable_seqscan = off; set enable_bitmapscan = off; set enable_sort = off");
    try {
      expect(await found(500, { limit: 150 })).toHaveLength(150);
      const within = await found(505, { limit: 60, batchId: "batch-5" });
      expect(within).toHaveLength(60);
      expect(within[0]).toBe(505);
      expect(within.every((id) => id % 10 === 5)).toBe(true);
      expect(await found(17, { limit: 10, userId: "user-17" })).toHaveLength(10);
      expect(await found(17, { limit: 10, userId: "user-17", batchId: "batch-3" })).toEqual([]);
    } finally {
      await database.exec("reset enable_seqscan; reset enable_bitmapscan; reset enable_sort");
    }
  });

  test("leaves the settings of the connection as they were", async () => {
    await found(500, { limit: 150 });
    const { rows } = await database.query(
      "select current_setting('hnsw.ef_search') as ef, current_setting('hnsw.iterative_scan') as scan",
    );
    expect(rows).toEqual([{ ef: "40", scan: "off" }]);
  });

  test("passes over what has no embedding, and answers nothing for a vector of another length", async () => {
    expect(await found(0, { limit: rows + 10 })).not.toContain(-1);
    expect(await repository().findSimilar([1, 2], { limit: 5 })).toEqual([]);
  });
});
