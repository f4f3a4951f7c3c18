import { PGlite } from "@electric-sql/pglite";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { memoryRepository } from "../../src/adapters/memory.js";
import { postgresRepository } from "../../src/adapters/postgres.js";
import { BatchProcessor, type UploadRecord } from "../../src/index.js";
import { uploadOf, worldOf } from "../support/fakes.js";

const large = { key: "x", width: 1, height: 1, mimeType: "image/jpeg", bytes: 1 };
const whole = { status: "completed", description: "d", embedding: [1, 0], thumbnailKey: "t", batchId: null } as const;
const UPLOADS: readonly UploadRecord[] = [
  uploadOf("has", { ...whole, metadata: { media: { renditions: { large }, placeholder: "p" } } }),
  uploadOf("other", { ...whole, metadata: { media: { renditions: { small: large } } } }),
  uploadOf("null", { ...whole, metadata: { media: { renditions: { large: null } } } }),
  uploadOf("text", { ...whole, metadata: { media: "renditions" } }),
  uploadOf("none", { ...whole, metadata: null }),
];

let database: PGlite;
beforeAll(async () => {
  database = new PGlite();
});
afterAll(() => database.close());

async function postgres() {
  const repository = postgresRepository(database);
  await repository.migrate();
  await database.query("truncate upload_processor_uploads");
  for (const { id, storageKey, metadata } of UPLOADS) {
    await database.query(
      "insert into upload_processor_uploads (id, storage_key, status, description, thumbnail_key, metadata) values ($1, $2, 'completed', 'd', 't', $3)",
      [id, storageKey, metadata == null ? null : JSON.stringify(metadata)],
    );
  }
  return repository;
}

describe.each([
  ["memory", async () => memoryRepository<UploadRecord>({ uploads: UPLOADS })],
  ["PostgreSQL", postgres],
])("uploads in %s that lack something in their metadata", (_, make) => {
  it.each([
    [["metadata.media.renditions.large"], ["other", "null", "text", "none"]],
    [["metadata.media.placeholder"], ["other", "null", "text", "none"]],
    [["metadata.media"], ["none"]],
    [["embedding", "metadata.media.renditions.large"], null],
    [["thumbnailKey"], []],
  ] as const)("by %j", async (missing, expected) => {
    const repository = await make();
    const selection = { statuses: ["completed"], missing } as const;
    const found = await repository.listUploads(selection, { limit: 10 });
    const ids = found.map(({ id }) => id).sort();
    if (expected !== null) expect(ids).toEqual([...expected].sort());
    else expect(ids).toEqual(expect.arrayContaining(["none", "null", "other", "text"]));
    expect(await repository.countUploads(selection)).toEqual(ids.length === 0 ? {} : { completed: ids.length });
    expect(await repository.resetUploads?.(selection, "retry", "redo-1")).toBe(ids.length);
  });
});

test("what is no place in the metadata is refused", async () => {
  const processor = new BatchProcessor(worldOf([]));
  for (const missing of ["metadata", "metadata.", "metadata.a..b", "metadata.a b", "description"]) {
    const call = processor.rerun({ statuses: ["completed"], missing: [missing as "embedding"] }, "retry");
    await expect(call, missing).rejects.toMatchObject({ message: expect.stringContaining("selection.missing") });
  }
  await processor.close();
});
