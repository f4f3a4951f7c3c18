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
import { pending } from "../support/postgres.js";

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

test("tables that are not there, or lack a column, are told with what makes them", async () => {
  const missing = postgresRepository(withoutVector, { tables: newTables() });
  await expect(missing.findUpload("1")).rejects.toThrow(/ does not exist; .*call await repository\.migrate\(\)/);
  await expect(missing.findUpload("1")).rejects.toBeInstanceOf(ConfigurationError);
  const tables = newTables();
  const old = await migrated(withoutVector, { tables });
  await withoutVector.exec(`alter table "${tables.uploads}" drop column draft cascade`);
  await expect(old.findUpload("1")).rejects.toThrow(/draft" does not exist; .*migrate/);
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
    expect(rows).toHaveLength(6);
  });

  test("refuses what else is wrong", () => {
    const wrong = (options: object) => () => postgresRepository(withVector, options);
    expect(wrong({ dimensions: 0 })).toThrow("dimensions: expected an integer from 1 to 16000, got 0");
    expect(wrong({ dimensions: 1.5 })).toThrow(ConfigurationError);
    expect(wrong({ vector: "hnsw" })).toThrow('vector: expected "auto", "pgvector" or "array", got "hnsw"');
    expect(wrong({ tables: { uploads: 7 } })).toThrow(ConfigurationError);
    expect(wrong({ prepare: "no" })).toThrow(ConfigurationError);
    // @ts-expect-error a connection string is no client
    expect(() => postgresRepository("postgres://localhost")).toThrow("client: expected a Pool or Client of pg");
  });

  test.each([
    [{ table: {} }, /table: .*"tables"/],
    [{ dimension: 3 }, /dimension: .*"dimensions"/],
    [{ tables: { upload: "photos" } }, /upload: .*"uploads"/],
    [{ schema: "media" }, /schema: unknown/],
  ])("refuses %j, and names the nearest option that exists", (options, message) => {
    const make = () => postgresRepository(withVector, options as PostgresRepositoryOptions);
    expect(make).toThrow(ConfigurationError);
    expect(make).toThrow(message);
  });

  test("dimensions can be read, so that a wrong vector is refused before it is paid for", () => {
    expect(postgresRepository(withVector, { dimensions: 3 }).dimensions).toBe(3);
    expect(postgresRepository(withVector).dimensions).toBeUndefined();
  });

  test("dimensions keep vectors of another length out", async () => {
    const repository = await migrated(withVector, { dimensions: 3 });
    await repository.addUploads([pending("1")]);
    await expect(repository.updateUpload("1", { embedding: [1, 2] })).rejects.toThrow("expected 3 dimensions, not 2");
  });
});

test("addUploads of one upload, and a search for a text, are refused instead of doing nothing", async () => {
  const repository = postgresRepository(withVector);
  await expect(repository.addUploads(pending("1") as never)).rejects.toThrow(
    new ConfigurationError("addUploads: expected an array of uploads, got an object"),
  );
  for (const [vector, got] of [
    ["a dog", "a string"],
    [undefined, "undefined"],
    [{ vector: [1] }, "an object"],
    [[1, Number.NaN], "what is not all finite numbers"],
  ] as const)
    await expect(repository.findSimilar(vector as never, { limit: 1 })).rejects.toThrow(
      new ConfigurationError(
        `findSimilar: expected a vector, as the embedding that the model makes of a text, got ${got}`,
      ),
    );
});
