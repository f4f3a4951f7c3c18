import { randomUUID } from "node:crypto";
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type PostgresClient,
  type PostgresRepositoryOptions,
  postgresRepository,
} from "../../src/adapters/postgres.js";
import { ConfigurationError } from "../../src/errors.js";
import { columnsOf, pending } from "../support/postgres.js";

let withVector: PGlite;
let withoutVector: PGlite;
beforeAll(async () => {
  [withVector, withoutVector] = await Promise.all([PGlite.create({ extensions: { vector } }), PGlite.create()]);
});
afterAll(() => Promise.all([withVector.close(), withoutVector.close()]));

/** New names for every test: a database is shared. */
function newTables() {
  const suffix = randomUUID().slice(0, 8);
  return { uploads: `uploads_${suffix}`, batches: `batches_${suffix}` };
}

async function migrated(client: PostgresClient, options: PostgresRepositoryOptions = {}) {
  const repository = postgresRepository(client, { tables: newTables(), ...options });
  await repository.migrate();
  return repository;
}

describe("migrate", () => {
  test("may run again, and then keeps what is there", async () => {
    const repository = await migrated(withVector);
    await repository.addUploads([pending("1")]);
    await repository.migrate();
    expect(await repository.findUpload("1")).toMatchObject({ id: "1", status: "pending" });
  });

  test("stores vectors with pgvector where it can be had, else as real[]", async () => {
    const tables = newTables();
    for (const client of [withVector, withoutVector]) await migrated(client, { tables, dimensions: 4 });
    const embedding = { attname: "embedding", attnotnull: false };
    expect(await columnsOf(withVector, tables.uploads)).toContainEqual({ ...embedding, type: "vector(4)" });
    expect(await columnsOf(withoutVector, tables.uploads)).toContainEqual({ ...embedding, type: "real[]" });
  });

  test('fails with vector: "pgvector" where there is none', async () => {
    await expect(migrated(withoutVector, { vector: "pgvector" })).rejects.toThrow(/vector/);
  });

  test("keeps the column of a table that exists, and works with it", async () => {
    const tables = newTables();
    await migrated(withVector, { tables, vector: "array" });
    const later = await migrated(withVector, { tables, vector: "pgvector" });
    await later.addUploads([{ ...pending("1"), embedding: [1, 0] }]);
    expect(await later.findSimilar([1, 0], { limit: 1 })).toMatchObject([{ upload: { id: "1" }, similarity: 1 }]);
    expect(await columnsOf(withVector, tables.uploads)).toContainEqual(
      expect.objectContaining({ attname: "embedding", type: "real[]" }),
    );
  });
});

describe("schemaSql", () => {
  test.each(["auto", "pgvector", "array"] as const)(
    "with vector %s runs as it is, and makes what migrate makes",
    async (kind) => {
      const [printed, made] = [newTables(), newTables()];
      const sql = postgresRepository(withVector, { tables: printed, vector: kind, dimensions: 3 }).schemaSql();
      await withVector.exec(sql);
      await withVector.exec(sql);
      await migrated(withVector, { tables: made, vector: kind, dimensions: 3 });
      expect(await columnsOf(withVector, printed.uploads)).toEqual(await columnsOf(withVector, made.uploads));
      expect(await columnsOf(withVector, printed.batches)).toEqual(await columnsOf(withVector, made.batches));
      const repository = postgresRepository(withVector, { tables: printed });
      await repository.addUploads([{ ...pending("1"), embedding: [1, 2, 3] }]);
      expect(await repository.findUpload("1")).toMatchObject({ embedding: [1, 2, 3] });
    },
  );

  test("is plain DDL where the kind of vector is known", () => {
    for (const kind of ["pgvector", "array"] as const)
      expect(postgresRepository(withVector, { vector: kind }).schemaSql()).not.toContain("do $");
    expect(postgresRepository(withVector, { vector: "array" }).schemaSql()).not.toContain("extension");
  });
});

describe("options", () => {
  test("tables may have any sound name, in a schema too", async () => {
    await withVector.exec('create schema if not exists "Média"');
    const tables = { uploads: "Média.Fotos-2026", batches: "select" };
    const repository = await migrated(withVector, { tables });
    await repository.addUploads([{ ...pending("1"), embedding: [1] }]);
    await repository.addBatch({ id: "b" });
    expect(await repository.findSimilar([1], { limit: 1 })).toHaveLength(1);
    expect(await repository.findBatch("b")).toEqual({ id: "b", status: "pending", userId: null });
    expect((await withVector.query('select id from "Média"."Fotos-2026"')).rows).toEqual([{ id: "1" }]);
  });

  test.each([
    ..."|a.b.c|.a|a.|1a|a b|a\0b|a;drop table x|uploads$upload_processor$".split("|"),
    ...['"', 'a"b', 'a"; drop table uploads; --', "a'b", "a\\b", "x".repeat(51)],
  ])("refuses %j as the name of a table", (name) => {
    for (const tables of [{ uploads: name }, { batches: name }])
      expect(() => postgresRepository(withVector, { tables })).toThrow(ConfigurationError);
  });

  test("indexes of tables with long names do not get into each other's way", async () => {
    const tables = { uploads: "u".repeat(50), batches: "b".repeat(50) };
    await migrated(withVector, { tables });
    const { rows } = await withVector.query("select indexname from pg_indexes where tablename = $1", [tables.uploads]);
    expect(rows).toHaveLength(3);
  });

  test("refuses what else is wrong", () => {
    const wrong = (options: object) => () => postgresRepository(withVector, options);
    expect(wrong({ dimensions: 0 })).toThrow("dimensions: expected an integer from 1 to 16000, got 0");
    expect(wrong({ dimensions: 1.5 })).toThrow(ConfigurationError);
    expect(wrong({ vector: "hnsw" })).toThrow('vector: expected "auto", "pgvector" or "array", got "hnsw"');
    expect(wrong({ tables: { uploads: 7 } })).toThrow(ConfigurationError);
    // @ts-expect-error a connection string is no client
    expect(() => postgresRepository("postgres://localhost")).toThrow("client: expected a Pool or Client of pg");
  });

  test("dimensions keep vectors of another length out", async () => {
    const repository = await migrated(withVector, { dimensions: 3 });
    await repository.addUploads([pending("1")]);
    await expect(repository.updateUpload("1", { embedding: [1, 2] })).rejects.toThrow("expected 3 dimensions, not 2");
  });
});

describe("records", () => {
  test("are added in order, as many as there are, pending by default", async () => {
    const repository = await migrated(withoutVector);
    const uploads = Array.from({ length: 1203 }, (_, index) => ({ ...pending(String(5000 - index)), batchId: "b" }));
    await repository.addUploads(uploads);
    const listed = await repository.listUploads("b", { limit: 2000 });
    expect(listed.map(({ id }) => id)).toEqual(uploads.map(({ id }) => id));
    expect(await repository.countUploads("b")).toEqual({ pending: 1203 });
    expect(listed[0]).toMatchObject({ status: "pending", starts: 0, embedding: null, fileSize: null, metadata: null });
    await repository.addUploads([]);
  });

  test("are added together or not at all, within a statement", async () => {
    const repository = await migrated(withoutVector);
    await expect(repository.addUploads([pending("1"), pending("2"), pending("1")])).rejects.toThrow("duplicate key");
    expect(await repository.findUpload("2")).toBeNull();
  });

  test("with a NUL in their id or key are refused, for they would name something else", async () => {
    const repository = await migrated(withoutVector);
    await expect(repository.addUploads([pending("a\0b")])).rejects.toThrow();
    await expect(repository.addUploads([{ id: "1", storageKey: "a.jpg\0.png" }])).rejects.toThrow();
  });

  test("know when they were made and changed; a heartbeat is no change", async () => {
    const repository = await migrated(withVector);
    await repository.addUploads([pending("1")]);
    const answer = await repository.claimUpload("1", { leaseMs: 60_000, mode: "continue" });
    const claimed = answer?.outcome === "claimed" ? answer : undefined;
    expect(claimed?.upload.createdAt).toBeInstanceOf(Date);
    expect(Math.abs(Date.now() - Number(claimed?.upload.createdAt))).toBeLessThan(60_000);
    await repository.updateUpload("1", {}, { fence: claimed?.fence ?? 0, leaseMs: 60_000 });
    expect(await repository.findUpload("1")).toEqual(claimed?.upload);
    await repository.updateUpload("1", { description: "A cat" }, { fence: claimed?.fence ?? 0 });
    const changed = await repository.findUpload("1");
    expect(changed?.updatedAt.getTime()).toBeGreaterThan(claimed?.upload.updatedAt.getTime() ?? Number.NaN);
    expect(changed?.createdAt).toEqual(claimed?.upload.createdAt);
  });

  test("are leased no longer when they are out of work", async () => {
    const tables = newTables();
    const repository = await migrated(withoutVector, { tables });
    const leases = async () =>
      (await withoutVector.query(`select lease_until is null as free from ${tables.uploads}`)).rows;
    await repository.addUploads([pending("1")]);
    for (const status of ["pending", "failed", "completed"] as const) {
      const answer = await repository.claimUpload("1", { leaseMs: 60_000, mode: "reprocess" });
      expect(await leases()).toEqual([{ free: false }]);
      await repository.updateUpload("1", { status }, { fence: "fence" in answer ? answer.fence : 0, leaseMs: 60_000 });
      expect(await leases()).toEqual([{ free: true }]);
    }
  });

  test("are answered with when they are deleted", async () => {
    const repository = await migrated(withVector);
    await repository.addUploads([{ ...pending("1"), thumbnailKey: "thumbnails/1.jpg" }]);
    expect(await repository.deleteUpload("1")).toMatchObject({ id: "1", thumbnailKey: "thumbnails/1.jpg" });
    expect(await repository.deleteUpload("1")).toBeNull();
  });
});

describe.each([
  { kind: "vector", open: () => migrated(withVector) },
  { kind: "real[]", open: () => migrated(withVector, { vector: "array" }) },
  { kind: "real[] without pgvector", open: () => migrated(withoutVector) },
])("findSimilar over $kind", ({ open }) => {
  /** The same numbers in every run. */
  function* numbers() {
    for (let state = 7; ; ) {
      state = (state * 48_271) % 2_147_483_647;
      yield state / 2_147_483_647 - 0.5;
    }
  }
  const cosine = (a: readonly number[], b: readonly number[]) => {
    const dot = (x: readonly number[], y: readonly number[]) =>
      x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  };

  test("orders as brute force does, within a batch or a user", async () => {
    const repository = await open();
    const source = numbers();
    const vectorOf = () => Array.from({ length: 32 }, () => source.next().value ?? 0);
    const uploads = Array.from({ length: 200 }, (_, index) => {
      const scope = { batchId: `batch-${index % 2}`, userId: `user-${index % 5}` };
      return { ...pending(String(index)), ...scope, embedding: vectorOf() };
    });
    await repository.addUploads([...uploads, pending("none"), { ...pending("short"), embedding: [1, 2] }]);
    const wanted = vectorOf();
    for (const scope of [{}, { batchId: "batch-1" }, { userId: "user-3" }, { batchId: "batch-0", userId: "user-4" }]) {
      const expected = uploads
        .filter(({ batchId, userId }) => batchId === (scope.batchId ?? batchId) && userId === (scope.userId ?? userId))
        .map(({ id, embedding }) => ({ id, similarity: cosine(embedding, wanted) }))
        .sort((a, b) => b.similarity - a.similarity)
        .slice(0, 10);
      const found = await repository.findSimilar(Float32Array.from(wanted), { limit: 10, ...scope });
      expect(found.map(({ upload }) => upload.id)).toEqual(expected.map(({ id }) => id));
      for (const [index, { similarity }] of found.entries())
        expect(similarity).toBeCloseTo(expected[index]?.similarity ?? Number.NaN, 5);
    }
  });

  test("passes over what has another length, or no embedding", async () => {
    const repository = await open();
    const embeddings = { none: null, short: [1], same: [1, 1], long: [1, 1, 1] };
    await repository.addUploads(Object.entries(embeddings).map(([id, embedding]) => ({ ...pending(id), embedding })));
    const found = await repository.findSimilar([1, 1], { limit: 10 });
    expect(found.map(({ upload }) => upload.id)).toEqual(["same"]);
  });

  test("gives a vector without a direction the similarity 0", async () => {
    const repository = await open();
    await repository.addUploads([
      { ...pending("zero"), embedding: [0, 0] },
      { ...pending("one"), embedding: [1, 1] },
    ]);
    const found = await repository.findSimilar([1, 1], { limit: 2 });
    expect(found.map(({ upload, similarity }) => [upload.id, Number(similarity.toFixed(6))])).toEqual([
      ["one", 1],
      ["zero", 0],
    ]);
    expect((await repository.findSimilar([0, 0], { limit: 2 })).map(({ similarity }) => similarity)).toEqual([0, 0]);
  });

  test("takes components of any size", async () => {
    const repository = await open();
    await repository.addUploads([{ ...pending("1"), embedding: [3, 4] }]);
    expect(await repository.findSimilar([1, 1e-60], { limit: 1 })).toMatchObject([{ similarity: expect.closeTo(0.6) }]);
    for (const size of [1e-200, 1e-20, 1, 1e20, 1e150]) {
      const [best] = await repository.findSimilar([3 * size, 4 * size], { limit: 1 });
      expect(best?.similarity).toBeCloseTo(1, 6);
    }
  });
});
