import { describe, expect, test } from "vitest";
import type { MemoryRepository } from "../../src/adapters/memory.js";
import { BatchProcessor, ConfigurationError, processUploadWithRetry, type UploadRecord } from "../../src/index.js";
import { ids, worldOf } from "../support/fakes.js";

type Repository = MemoryRepository<UploadRecord>;
type Flaw = (stored: Repository) => { readonly [Member in keyof Repository]?: unknown };

/** Adapters whose repository answers in a way of its own. */
function worldWith(flaw: Flaw) {
  const world = worldOf(ids(3));
  return { ...world, repository: { ...world.repository, ...flaw(world.repository) } as Repository };
}

/** A claim that is granted, with another fence. */
const withFence =
  (change: (fence: number) => unknown): Flaw =>
  (stored) => ({
    async claimUpload(...call: Parameters<typeof stored.claimUpload>) {
      const answer = await stored.claimUpload(...call);
      return "fence" in answer ? { ...answer, fence: change(answer.fence) } : answer;
    },
  });

/** Records with a field as a driver hands it out that knows no such type. */
const withField =
  (field: "embedding" | "draft", value: unknown): Flaw =>
  (stored) => ({
    async claimUpload(...call: Parameters<typeof stored.claimUpload>) {
      const answer = await stored.claimUpload(...call);
      return "upload" in answer ? { ...answer, upload: { ...answer.upload, [field]: value } } : answer;
    },
  });

const fence = "an answer with a fence that is an integer, as Number(row.fence)";

describe("a run ends at once with what its repository should have answered", () => {
  test.each<[string, Flaw, string]>([
    ["a fence that is a text", withFence(String), `repository.claimUpload: expected ${fence}`],
    ["a fence that is a BigInt", withFence(BigInt), "got 1n"],
    ["no fence", withFence(() => undefined), "got undefined"],
    ["a claim without an answer", () => ({ claimUpload: async () => undefined }), "an answer with outcome"],
    [
      "a wait that is a text",
      () => ({ claimUpload: async () => ({ outcome: "busy", retryAfterMs: "100" }) }),
      'repository.claimUpload: expected retryAfterMs to be milliseconds or undefined, got "100"',
    ],
    [
      "an embedding that is a text",
      withField("embedding", "[1,2,3]"),
      "repository.claimUpload: expected a record whose embedding is an array of numbers or null, as JSON.parse(row.embedding)",
    ],
    ["a draft that is a text", withField("draft", "{}"), "as JSON.parse(row.draft) where the driver"],
    [
      "a write to the batch without an answer",
      (stored) => ({
        async updateBatch(...call: Parameters<typeof stored.updateBatch>) {
          await stored.updateBatch(...call);
        },
      }),
      'repository.updateBatch: expected the answer "saved", "deleted" or "stale", got undefined',
    ],
    ["a batch that is undefined", () => ({ findBatch: async () => undefined }), "expected a record or null"],
    [
      "counts that are texts",
      (stored) => ({
        async countUploads(...call: Parameters<typeof stored.countUploads>) {
          return Object.fromEntries(Object.entries(await stored.countUploads(...call)).map(([s, n]) => [s, `${n}`]));
        },
      }),
      "repository.countUploads: expected pending to be an integer of at least 0, as Number(row.count)",
    ],
    ["no counts", () => ({ countUploads: async () => undefined }), "repository.countUploads: expected an object"],
    [
      "pages that do not go on",
      (stored) => ({ listUploads: async () => stored.listUploads({ batchId: "batch" }, { limit: 100 }) }),
      'repository.listUploads: expected the records behind page.after, which is "u0002", got a page that ends with it',
    ],
    [
      "a page that is too long",
      () => ({ listUploads: async () => ids(101) }),
      "repository.listUploads: expected at most 100 records (page.limit), got 101",
    ],
    ["no page", () => ({ listUploads: async () => undefined }), "repository.listUploads: expected an array of records"],
    ["a page of ids", () => ({ listUploads: async () => ["u0000"] }), "expected records with an id that is a text"],
    ["ids that are numbers", () => ({ listUploads: async () => [{ id: 1 }] }), "an id that is a text, got 1"],
    [
      "a listed embedding that is a text",
      () => ({ listUploads: async () => [{ ...ids(1)[0], embedding: "[1,2]" }] }),
      "repository.listUploads: expected a record whose embedding is",
    ],
  ])("%s", async (_, flaw, message) => {
    const world = worldWith(flaw);
    // It rejects with what is found before the batch has begun.
    const processed = new BatchProcessor(world).process("batch");
    const error = await processed.then(
      (result) => result.error,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(ConfigurationError);
    expect((error as ConfigurationError).message).toContain(message);
  });
});

test("batches that do not go on, and no batches, end a recovery", async () => {
  const batch = { id: "batch", status: "processing" } as const;
  for (const [listed, message] of [
    [[batch], 'repository.listBatches: expected the records behind page.after, which is "batch"'],
    [undefined, "repository.listBatches: expected an array of records, got undefined"],
  ] as const) {
    const world = worldWith(() => ({ listBatches: async () => listed }));
    await expect(new BatchProcessor(world).recover()).rejects.toThrow(message);
  }
});

test("without claims, the record that is read is looked at", async () => {
  for (const [found, message] of [
    [undefined, "repository.findUpload: expected a record or null, got undefined"],
    [{ ...ids(1)[0], embedding: "[1,2]" }, "repository.findUpload: expected a record whose embedding is"],
  ] as const) {
    const world = worldWith(() => ({ claimUpload: undefined, resetUploads: undefined, findUpload: async () => found }));
    const processed = processUploadWithRetry("u0000", world);
    await expect(processed).rejects.toThrow(ConfigurationError);
    await expect(processed).rejects.toThrow(message);
  }
});
