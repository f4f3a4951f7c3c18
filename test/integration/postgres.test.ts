import { randomUUID } from "node:crypto";
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type PostgresClient,
  type PostgresRepositoryOptions,
  type PostgresUpload,
  postgresRepository,
} from "../../src/adapters/postgres.js";
import type { UploadSelection } from "../../src/contracts/repository.js";
import { BatchProcessor, ConfigurationError } from "../../src/index.js";
import { fakeAI, fakeStorage } from "../../src/testing/index.js";
import { jpeg } from "../support/fakes.js";
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

describe("records", () => {
  test("are added in order, as many as there are, pending by default", async () => {
    const repository = await migrated(withoutVector);
    const uploads = Array.from({ length: 1203 }, (_, index) => ({ ...pending(String(5000 - index)), batchId: "b" }));
    await repository.addUploads(uploads);
    const listed = await repository.listUploads({ batchId: "b" }, { limit: 2000 });
    expect(listed.map(({ id }) => id)).toEqual(uploads.map(({ id }) => id));
    expect(await repository.countUploads({ batchId: "b" })).toEqual({ pending: 1203 });
    expect(listed[0]).toMatchObject({ status: "pending", starts: 0, embedding: null, fileSize: null, metadata: null });
    await repository.addUploads([]);
    const { sequence, ...stranger } = listed[0] ?? expect.fail("the page is empty");
    expect(sequence).toBeGreaterThan(0);
    const wrong = { after: stranger as PostgresUpload, limit: 1 };
    await expect(repository.listUploads({ batchId: "b" }, wrong)).rejects.toThrow(ConfigurationError);
  });

  test("a value that the column refuses comes as what the database threw", async () => {
    const repository = await migrated(withVector, { dimensions: 3 });
    await repository.addUploads([pending("1")]);
    for (const [embedding, code] of [
      [[1e39, 0, 0], "22003"],
      [[1, 2], "22000"],
    ] as const)
      await expect(repository.updateUpload("1", { embedding: [...embedding] })).rejects.toMatchObject({ code });
    expect(await repository.findUpload("1")).toMatchObject({ embedding: null });
  });

  test("lose a NUL or half a surrogate pair in what people read, and in JSON", async () => {
    const repository = await migrated(withoutVector);
    const broken = "left\0right \ud83d";
    await repository.addUploads([
      { ...pending("1"), fileName: "a\0b.jpg", description: broken, metadata: { [broken]: [broken] } },
    ]);
    const changes = { description: broken, errorMessage: broken, metadata: { text: broken } };
    expect(await repository.updateUpload("1", { ...changes, draft: { description: broken } })).toBe("saved");
    const upload = await repository.findUpload("1");
    const clean = "leftright \ufffd";
    expect(upload).toMatchObject({ fileName: "ab.jpg", description: clean, errorMessage: clean });
    expect(upload).toMatchObject({ metadata: { [clean]: [clean], text: clean }, draft: { description: clean } });
  });

  test.each([
    [{}, "selection: expected { all: true } or a filter with at least one key, got neither"],
    [{ batchId: undefined }, "selection.batchId: expected a value, got undefined"],
    [{ userId: "u", batch: "b" }, "batch"],
    ["batch", 'selection: expected an object such as { batchId: "1" }, got string'],
  ])("are never all of them by accident, by a selection such as %j", async (selection, message) => {
    const repository = await migrated(withoutVector);
    await repository.addUploads([{ ...pending("1"), status: "failed" }]);
    const wrong = selection as UploadSelection;
    for (const call of [
      () => repository.listUploads(wrong, { limit: 1 }),
      () => repository.countUploads(wrong),
      () => repository.resetUploads(wrong, "retry", "redo"),
      () => repository.resetUploads(wrong, "undo", "redo"),
    ]) {
      await expect(call()).rejects.toThrow(ConfigurationError);
      await expect(call()).rejects.toThrow(message);
    }
    expect(await repository.findUpload("1")).toMatchObject({ status: "failed" });
  });

  test("has_result is true while an upload is done again, and not before it has a result", async () => {
    const tables = newTables();
    const repository = await migrated(withVector, { tables });
    const has = async () => (await withVector.query(`select has_result from ${tables.uploads}`)).rows[0];
    await repository.addUploads([pending("1")]);
    expect(await has()).toEqual({ has_result: false });
    await repository.updateUpload("1", { status: "failed" });
    expect(await has()).toEqual({ has_result: false });
    await repository.resetUploads({ ids: ["1"] }, "reprocess-all", "one");
    expect(await has()).toEqual({ has_result: false });
    await repository.updateUpload("1", { status: "completed", draft: null });
    expect(await has()).toEqual({ has_result: true });
    await repository.resetUploads({ ids: ["1"] }, "reprocess-all", "two");
    expect(await has()).toEqual({ has_result: true });
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

  test.each(["1\0", "1\ud800"])("whose id would be %j are not there, and no error", async (id) => {
    const repository = await migrated(withoutVector);
    await repository.addBatch({ id: "b" });
    await repository.addUploads([{ ...pending("1"), batchId: "b" }, pending("1\ufffd")]);
    expect(await repository.findUpload(id)).toBeNull();
    expect(await repository.deleteUpload(id)).toBeNull();
    expect(await repository.claimUpload(id, { leaseMs: 1000, token: randomUUID() })).toEqual({ outcome: "deleted" });
    expect(await repository.updateUpload(id, { status: "failed" })).toBe("deleted");
    expect(await repository.findBatch(id)).toBeNull();
    expect(await repository.updateBatch(id, { status: "cancelled" })).toBe("deleted");
    const idsOf = async (selection: UploadSelection) =>
      (await repository.listUploads(selection, { limit: 10 })).map((upload) => upload.id);
    expect(await idsOf({ ids: [id, "1"] })).toEqual(["1"]);
    for (const none of [{ batchId: id }, { userId: id }, { errorCodes: [id] }]) expect(await idsOf(none)).toEqual([]);
    expect(await idsOf({ notAiVersion: id })).toHaveLength(2);
    expect(await repository.resetUploads({ batchId: id }, "undo", "redo")).toBe(0);
    expect(await repository.findSimilar([1, 2, 3], { limit: 1, userId: id })).toEqual([]);

    const adapters = { storage: fakeStorage({ original: jpeg }), ai: fakeAI({ dimensions: 3 }), repository };
    const processor = new BatchProcessor({ ...adapters, thumbnail: false });
    const run = await processor.processUploads([id, "1"]);
    expect(run).toMatchObject({ status: "completed", completed: 1, skipped: 1 });
  });

  test("know when they were made and changed; a heartbeat is no change", async () => {
    const repository = await migrated(withVector);
    await repository.addUploads([pending("1")]);
    const answer = await repository.claimUpload("1", { leaseMs: 60_000, token: randomUUID() });
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
      const answer = await repository.claimUpload("1", { leaseMs: 60_000, token: randomUUID() });
      expect(await leases()).toEqual([{ free: false }]);
      await repository.updateUpload("1", { status }, { fence: "fence" in answer ? answer.fence : 0, leaseMs: 60_000 });
      expect(await leases()).toEqual([{ free: true }]);
      await repository.updateUpload("1", { status: "pending" });
    }
  });

  test("are answered with when they are deleted", async () => {
    const repository = await migrated(withVector);
    await repository.addUploads([{ ...pending("1"), thumbnailKey: "thumbnails/1.jpg" }]);
    expect(await repository.deleteUpload("1")).toMatchObject({ id: "1", thumbnailKey: "thumbnails/1.jpg" });
    expect(await repository.deleteUpload("1")).toBeNull();
  });
});
