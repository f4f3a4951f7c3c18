import { expect, test } from "vitest";
import { memoryRepository } from "../../src/adapters/memory.js";
import type { UploadRecord } from "../../src/index.js";

const upload = (metadata: Record<string, unknown>): UploadRecord => ({
  id: "a",
  storageKey: "originals/a",
  status: "pending",
  metadata,
});

const circle: Record<string, unknown> = { name: "circle" };
circle.self = circle;
const deep: Record<string, unknown> = {};
let at = deep;
for (let depth = 0; depth < 100; depth++) {
  at.below = {};
  at = at.below as Record<string, unknown>;
}

test.each<[string, Record<string, unknown>]>([
  ["plain data", { text: "a", number: 1, nothing: null, list: [1, [2, { three: 3 }]], map: { of: { maps: true } } }],
  [
    "dates, maps, buffers and typed arrays",
    { date: new Date(0), map: new Map([["a", 1]]), vector: new Float32Array(3) },
  ],
  ["data without a prototype", { bare: Object.assign(Object.create(null), { a: 1 }) }],
  ["a key that is no prototype", JSON.parse('{ "inner": { "__proto__": { "isAdmin": true } } }')],
  ["deep data", { deep }],
  ["circles", { circle }],
])("%s: what is stored and handed out shares nothing, and is the same", async (_, metadata) => {
  const given = upload(metadata);
  const repository = memoryRepository<UploadRecord>({ uploads: [given] });
  const expected = structuredClone(metadata);
  const first = await repository.findUpload("a");
  expect(first?.metadata).toEqual(expected);
  expect(Object.keys(first?.metadata?.inner ?? {})).toEqual(Object.keys(Object(expected.inner)));
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value === "object" && value !== null) expect(first?.metadata?.[key]).not.toBe(value);
  }
  Object.assign(first?.metadata ?? {}, { added: true });
  Object.assign(metadata, { added: true });
  expect((await repository.findUpload("a"))?.metadata).toEqual(expected);
  delete metadata.added;
});

test.each([
  ["a function", () => {}],
  ["a symbol", Symbol("s")],
])("%s is not stored", async (_, value) => {
  const repository = memoryRepository<UploadRecord>({ uploads: [upload({})] });
  await expect(repository.updateUpload("a", { metadata: { value } })).rejects.toThrow("could not be cloned");
  expect((await repository.findUpload("a"))?.metadata).toEqual({});
});
