import { randomUUID } from "node:crypto";
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type PostgresClient,
  type PostgresRepositoryOptions,
  postgresRepository,
} from "../../src/adapters/postgres.js";
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
