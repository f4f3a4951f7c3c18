import { PGlite } from "@electric-sql/pglite";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { postgresRepository } from "../../src/adapters/postgres.js";
import {
  type AIAdapter,
  BatchProcessor,
  defineStage,
  type ProcessOptions,
  processUploadWithRetry,
  stageResult,
  UploadError,
  type UploadRecord,
} from "../../src/index.js";
import { uploadOf, worldOf } from "../support/fakes.js";
import { endless, untouchable, withThrowingGetters } from "../support/hostile.js";

const quick: ProcessOptions = { retry: { maxAttempts: 2, minTimeout: 0 }, thumbnail: false };
const MIB = 2 ** 20;

let database: PGlite;
beforeAll(async () => {
  database = await PGlite.create();
  await postgresRepository(database, { vector: "array" }).migrate();
});
afterAll(() => database.close());

afterEach(() => {
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

/** What an adapter returns although its types forbid it. */
const returning = (answer: unknown) => ({ describe: async () => answer }) as unknown as AIAdapter;
const embedding = (vector: unknown) =>
  ({ describe: async () => "text", embed: async () => vector }) as unknown as AIAdapter;

async function complete(ai: AIAdapter, fields: Partial<UploadRecord> = {}) {
  const world = worldOf([uploadOf("a", fields)]);
  const result = await processUploadWithRetry("a", { ...world, ai }, quick);
  return { result, stored: await world.repository.findUpload("a") };
}

let ids = 0;
async function completeInDatabase(ai: AIAdapter) {
  const { storage } = worldOf([uploadOf("x")]);
  const repository = postgresRepository(database, { vector: "array" });
  const id = `upload-${ids++}`;
  await repository.addUploads([{ id, storageKey: "originals/x.jpg" }]);
  const result = await processUploadWithRetry(id, { storage, repository, ai }, quick);
  return { result, stored: await repository.findUpload(id) };
}

function cycle(): object {
  const self: Record<string, unknown> = {};
  self.self = self;
  return self;
}

function deep(levels: number): object {
  let nested = {};
  for (let level = 0; level < levels; level++) nested = { nested };
  return nested;
}

describe("a description", () => {
  test.each<[name: string, answer: () => unknown, message: RegExp]>([
    ["of 100 MB", () => "x".repeat(100 * MIB), /at most 1000000 characters, got 104857600/],
    ["that is null", () => null, /got null/],
    ["that is a number", () => 7, /got number/],
    ["that is a list", () => ["text"], /got an array/],
    ["whose text is no text", () => ({ text: { toString: () => "x" } }), /expected a text/],
    ["whose text throws", () => withThrowingGetters({}, "text"), /do not look at me/],
    ["that answers to everything", endless, /expected a text/],
    [
      "with metadata that is a text",
      () => ({ text: "x", metadata: "a string" }),
      /metadata to be an object, got string/,
    ],
    ["with metadata that is a list", () => ({ text: "x", metadata: [1] }), /metadata to be an object, got an array/],
    ["with metadata in a cycle", () => ({ text: "x", metadata: cycle() }), /circular/],
    ["with a BigInt", () => ({ text: "x", metadata: { n: 1n } }), /BigInt/],
    ["with a getter that throws", () => ({ text: "x", metadata: withThrowingGetters({}, "a") }), /do not look at me/],
    ["with a proxy", () => ({ text: "x", metadata: untouchable() }), /do not look at me/],
    ["with a proxy further in", () => ({ text: "x", metadata: { a: [untouchable()] } }), /do not look at me/],
    [
      "with a toJSON that throws",
      () => ({ text: "x", metadata: { a: withThrowingGetters({}, "toJSON") } }),
      /do not look/,
    ],
    ["with a toJSON that makes a text of it", () => ({ text: "x", metadata: { toJSON: () => "s" } }), /got string/],
    [
      "with metadata of 100 MB",
      () => ({ text: "x", metadata: { a: "x".repeat(100 * MIB) } }),
      /at most 1000000 characters/,
    ],
    ["with metadata that is nested deeply", () => ({ text: "x", metadata: deep(200) }), /nested at most 100 deep/],
    // Newer versions of V8 write it, whatever its depth.
    ["with metadata without an end", () => ({ text: "x", metadata: deep(100_000) }), /stack|at most 1000000/i],
  ])("%s fails, and is not paid for twice", async (_, answer, message) => {
    const describe = vi.fn(async () => answer());
    const { result, stored } = await complete({ describe } as unknown as AIAdapter);
    expect(result).toMatchObject({ status: "failed", error: { code: "DESCRIBE_FAILED", retryable: false } });
    expect(stored).toMatchObject({
      status: "failed",
      errorCode: "DESCRIBE_FAILED",
      errorMessage: expect.stringMatching(message),
    });
    expect(describe).toHaveBeenCalledTimes(1);
  });

  test.each<[name: string, usage: () => unknown]>([
    ["in a cycle", cycle],
    ["that throws at everything", untouchable],
    ["whose numbers throw", () => withThrowingGetters({}, "inputTokens")],
    ["of other types", () => ({ inputTokens: "7", cost: Number.NaN, model: 7 })],
  ])("with a usage %s is stored: the call counts, and no more is known of it", async (_, usage) => {
    const describe = vi.fn(async () => ({ text: "x", usage: usage() }));
    const { result, stored } = await complete({ describe } as unknown as AIAdapter);
    expect(result).toMatchObject({ status: "completed", usage: { requests: 1, durationMs: expect.any(Number) } });
    expect(Object.keys(result.usage).sort()).toEqual(["durationMs", "requests"]);
    expect(stored).toMatchObject({ status: "completed", description: "x" });
    expect(describe).toHaveBeenCalledTimes(1);
  });

  test.each([
    ["HTML", "<script>alert(1)</script> <img src=x onerror=alert(1)>"],
    ["SQL", "'); drop table upload_processor_uploads; --"],
    ["terminal codes", "\u001b[2J\u001b]0;title\u0007"],
    ["text in the other direction", "abc\u202egpj.exe"],
  ])("of %s is stored as it is: whoever shows it has to escape it", async (_, text) => {
    for (const completed of [
      await complete(returning(text)),
      await completeInDatabase(returning({ text, metadata: { text } })),
    ])
      expect(completed).toMatchObject({ result: { status: "completed" }, stored: { description: text } });
  });

  test("with NUL characters and halves of surrogate pairs is stored, also where a database takes neither", async () => {
    const answer = { text: "a\0b \ud83d c", metadata: { "k\0\udc00": ["v\0\ud800", "C:\\u0000"] } };
    for (const { result, stored } of [await complete(returning(answer)), await completeInDatabase(returning(answer))]) {
      expect(result.status).toBe("completed");
      const metadata = { "k\ufffd": ["v\ufffd", "C:\\u0000"] };
      expect(stored).toMatchObject({ description: "ab \ufffd c", metadata });
    }
  });

  test("what JSON does not have is left out of the metadata, and what the model keeps of it stays the model's", async () => {
    const own = {
      nested: { list: [1] },
      at: new Date(0),
      call: () => 1,
      gone: undefined,
      symbol: Symbol("s"),
      nan: Number.NaN,
    };
    const { result, stored } = await complete(returning({ text: "x", metadata: own, usage: { inputTokens: 1 } }));
    own.nested.list.push(2);
    const kept = {
      nested: { list: [1] },
      at: "1970-01-01T00:00:00.000Z",
      nan: null,
      usage: { inputTokens: 1, requests: 1 },
    };
    expect(stored?.metadata).toEqual({ ...kept, media: expect.anything() });
    expect(result.status === "completed" && result.upload.metadata).toEqual(stored?.metadata);
  });
});

describe("a prototype", () => {
  const smuggling =
    '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"prototype":{"polluted":1},"deep":[{"__proto__":{"polluted":1},"ok":true}]}';
  const parsed = () => JSON.parse(smuggling) as Record<string, unknown>;
  const harmless = {
    constructor: { prototype: { polluted: 1 } },
    prototype: { polluted: 1 },
    deep: [{ ok: true }],
  };

  /** Neither as a key nor by its prototype does it have anything more. */
  function expectHarmless(metadata: unknown): void {
    const record = metadata as Record<string, unknown> & { deep: object[] };
    expect(Object.getPrototypeOf(record)).toBe(Object.prototype);
    expect(Object.hasOwn(record, "__proto__")).toBe(false);
    expect(record.polluted).toBeUndefined();
    expect(Object.getPrototypeOf(record.deep[0])).toBe(Object.prototype);
    expect((record.deep[0] as { polluted?: unknown }).polluted).toBeUndefined();
    expect(record).toMatchObject(harmless);
  }

  test("is not smuggled in by the model's metadata", async () => {
    for (const { result, stored } of [
      await complete(returning({ text: "x", metadata: parsed() })),
      await completeInDatabase(returning({ text: "x", metadata: parsed() })),
    ]) {
      expectHarmless(stored?.metadata);
      expectHarmless(result.status === "completed" && result.upload.metadata);
    }
  });

  test("nor by its usage, nor by metadata that stood in the row", async () => {
    const { stored } = await complete(returning({ text: "x", usage: { ...parsed(), inputTokens: 1 } }));
    expect(stored?.metadata?.usage).toEqual({ inputTokens: 1, requests: 1 });
    const before = parsed();
    delete before.deep;
    const { stored: kept, result } = await complete(returning({ text: "x" }), {
      metadata: { ...before, deep: [{ ok: true }] },
    });
    // The row is the store's: what stood there is merged with, and stays a key like any other.
    expect(Object.getPrototypeOf(kept?.metadata)).toBe(Object.prototype);
    expectHarmless(result.status === "completed" && result.upload.metadata);
  });

  test("nor by options", async () => {
    const world = worldOf([uploadOf("a")]);
    for (const smuggled of [
      '{"retry":{"__proto__":{"maxAttempts":7},"minTimeout":0},"thumbnail":false}',
      '{"__proto__":{"polluted":1},"thumbnail":false}',
    ])
      await expect(processUploadWithRetry("a", world, JSON.parse(smuggled))).rejects.toThrow("__proto__: unknown");
    expect(world.ai.describe).not.toHaveBeenCalled();
  });
});

describe("an embedding", () => {
  test.each<[name: string, vector: () => unknown]>([
    ["of a thousand million that are not there", () => ({ length: 1e9 })],
    ["of more than there are numbers for", () => ({ length: 2 ** 53 })],
    ["of infinite length", () => ({ length: Number.POSITIVE_INFINITY })],
    ["of negative length", () => ({ length: -1 })],
    ["whose length is no number", () => ({ length: "many" })],
    ["whose length throws", () => withThrowingGetters({}, "length")],
    ["with a number that throws", () => withThrowingGetters({ length: 1 }, "0")],
    ["that says it is longer than it is", () => ({ 0: 1, length: 3 })],
    ["that throws at everything", () => untouchable()],
    ["that answers to everything", endless],
    ["of numbers as texts", () => ["0.1", "0.2"]],
    ["that is a text", () => "123"],
    ["in a list of its own", () => [[0.1, 0.2]]],
    ["with NaN", () => [1, Number.NaN]],
    ["with Infinity", () => new Float32Array([1, Number.POSITIVE_INFINITY])],
    ["of BigInts", () => new BigInt64Array([1n])],
    ["with holes", () => new Array(3)],
    ["of nothing", () => []],
    ["that is null", () => null],
    ["that is missing", () => undefined],
  ])("%s fails at once, for little memory", async (_, vector) => {
    const before = process.memoryUsage().rss;
    const { result, stored } = await complete(embedding(vector()));
    expect(result).toMatchObject({ status: "failed", error: { code: "INVALID_EMBEDDING", retryable: false } });
    expect(stored).toMatchObject({ status: "failed", description: "text", errorCode: "INVALID_EMBEDDING" });
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * MIB);
  });

  test("is read by its length, not by an iterator that does not end", async () => {
    const vector = {
      ...{ 0: 1, 1: 2, length: 2 },
      *[Symbol.iterator]() {
        for (;;) yield 1;
      },
    };
    expect((await complete(embedding(vector))).stored?.embedding).toEqual([1, 2]);
    expect((await complete(embedding(new Float32Array([0.5, 1])))).stored?.embedding).toEqual([0.5, 1]);
  });

  test("has the length that the adapter tells, however long", async () => {
    const ai = (length: number) => ({ ...embedding(new Float32Array(length)), dimensions: 100_001 });
    expect((await complete(ai(100_001))).result.status).toBe("completed");
    expect((await complete(ai(100_000))).stored?.errorMessage).toContain("100001");
    expect((await complete(embedding(new Float32Array(100_001)))).stored?.errorCode).toBe("INVALID_EMBEDDING");
  });
});

/** A text in the picture may tell the model what to answer. */
describe("the metadata of a model", () => {
  const planting = (metadata: Record<string, unknown>): AIAdapter => ({
    describe: async () => ({ text: "a cat", metadata }),
    embed: async () => [1, 0],
    version: "1",
  });

  test.each(["embed", "save"] as const)(
    "is no result of a stage before %s: that stage is run, and may refuse",
    async (before) => {
      const run = vi.fn(async () => Promise.reject<object>(new UploadError("Shows violence", { code: "REJECTED" })));
      const policy = defineStage({ name: "policy", before, run });
      const world = worldOf([uploadOf("a")]);
      const ai = planting({ policy: { allowed: true }, seen: "cat" });
      const result = await processUploadWithRetry("a", { ...world, ai }, { ...quick, stages: [policy] });
      expect(run).toHaveBeenCalledTimes(1);
      expect(result).toMatchObject({ status: "failed", error: { code: "REJECTED" } });
      const stored = await world.repository.findUpload("a");
      expect(stored?.metadata).toMatchObject({ seen: "cat" });
      expect(stored?.metadata).not.toHaveProperty("policy");
    },
  );

  test("does not take the place of what a stage has answered before", async () => {
    const policy = defineStage({ name: "policy", before: "describe", run: async () => ({ allowed: false }) });
    const world = worldOf([uploadOf("a")]);
    const ai = planting({ policy: { allowed: true } });
    await processUploadWithRetry("a", { ...world, ai }, { ...quick, stages: [policy] });
    const stored = await world.repository.findUpload("a");
    expect(stored && stageResult(stored, policy)).toEqual({ allowed: false });
  });

  test("is no name of a redo, and no facts, audit or usage", async () => {
    const world = worldOf([uploadOf("a"), uploadOf("b")]);
    const ai = planting({ redo: "nightly", media: { width: 1 }, audit: { score: 1 }, usage: { cost: -5 } });
    const processor = new BatchProcessor({ ...world, ai, ...quick });
    await processor.process("batch");
    const stored = await world.repository.findUpload("a");
    expect(stored?.metadata).toEqual({ media: expect.objectContaining({ mimeType: "image/jpeg" }) });
    expect(await processor.rerun({ all: true }, "reprocess-all", { name: "nightly" })).toMatchObject({ completed: 2 });
  });
});
