import { describe, expect, test, vi } from "vitest";
import { BatchProcessor, processUploadWithRetry, type RepositoryAdapter, type UploadRecord } from "../../src/index.js";
import { uploadOf, type World, worldOf } from "../support/fakes.js";
import { HOSTILE_ERRORS } from "../support/hostile.js";

const quick = { retry: { maxAttempts: 2, minTimeout: 0 }, thumbnail: false } as const;

/** A repository that hands out what no type allows. */
function handingOut(world: World, fields: object): RepositoryAdapter<UploadRecord> {
  const { repository } = world;
  return {
    ...repository,
    async claimUpload(id, request) {
      const answer = await repository.claimUpload(id, request);
      return "upload" in answer ? { ...answer, upload: { ...answer.upload, ...fields } } : answer;
    },
  };
}

async function complete(fields: object) {
  const world = worldOf([uploadOf("a")]);
  const running = processUploadWithRetry("a", { ...world, repository: handingOut(world, fields) }, quick);
  const outcome = await running.catch((error: unknown) => error);
  return { outcome, stored: await world.repository.findUpload("a"), ai: world.ai };
}

describe("a record of another shape", () => {
  const media = expect.objectContaining({ mimeType: "image/jpeg", kind: "image" });

  test.each<[name: string, fields: object]>([
    ["an empty embedding", { embedding: [] }],
    ["metadata that is null", { metadata: null }],
    ["metadata without a prototype", { metadata: Object.create(null) }],
    ["facts of its media that are of other types", { metadata: { media: { mimeType: 7, kind: {} } } }],
    ["facts of its media that are a text", { metadata: { media: "image" } }],
    ["starts below zero", { starts: -5 }],
    ["no starts", { starts: null }],
    ["starts as a text", { starts: "2" }],
  ])("with %s is processed", async (_, fields) => {
    const { outcome, stored } = await complete(fields);
    expect(outcome).toMatchObject({ status: "completed" });
    expect(stored).toMatchObject({ status: "completed", description: "A photo of a", metadata: { media }, starts: 0 });
  });

  test("an embedding in a typed array is a checkpoint like another", async () => {
    const { outcome, ai } = await complete({ description: "x", embedding: new Float32Array([1, 2]) });
    expect(outcome).toMatchObject({ status: "completed" });
    expect(ai.embed).not.toHaveBeenCalled();
  });

  test.each<[name: string, metadata: unknown]>([
    ["a text", '{"mine":1}'],
    ["a list", [1]],
    ["a number", 7],
  ])(
    "metadata that is %s is not overwritten: the upload fails, with the reason, and nothing is paid for",
    async (_, metadata) => {
      const { outcome, stored, ai } = await complete({ metadata });
      expect(outcome).toMatchObject({ status: "failed", error: { code: "RESULT_REFUSED" } });
      expect(stored).toMatchObject({
        status: "failed",
        errorMessage: expect.stringMatching(/metadata.*got (?:an array|a number|a string; JSON\.parse)/),
      });
      expect(stored?.metadata).toBeUndefined();
      expect(ai.describe).not.toHaveBeenCalled();
    },
  );

  test.each<[name: string, storageKey: unknown]>([
    ["missing", undefined],
    ["a number", 7],
  ])("a storage key that is %s fails the upload, with the reason", async (_, storageKey) => {
    const { outcome, stored } = await complete({ storageKey });
    expect(outcome).toMatchObject({ status: "failed", error: { code: "MISSING_ORIGINAL" } });
    expect(stored?.errorMessage).toContain(String(storageKey));
  });

  test("one such upload does not keep a batch from its others", async () => {
    const world = worldOf([uploadOf("a"), uploadOf("b"), uploadOf("c")]);
    const { repository } = world;
    const claimUpload: typeof repository.claimUpload = (id, request) =>
      (id === "b" ? handingOut(world, { metadata: "text" }) : repository).claimUpload?.(id, request) as ReturnType<
        typeof repository.claimUpload
      >;
    const processor = new BatchProcessor({ ...world, ...quick, repository: { ...repository, claimUpload } });
    expect(await processor.process("batch")).toMatchObject({
      status: "completed",
      completed: 2,
      failed: 1,
      failures: [{ uploadId: "b", error: { code: "RESULT_REFUSED" } }],
    });
  });
});

describe("a repository that throws", () => {
  test.each([...HOSTILE_ERRORS.keys()])("%s once, at a checkpoint: nothing is lost", async (name) => {
    const world = worldOf([uploadOf("a")]);
    vi.spyOn(world.repository, "updateUpload").mockRejectedValueOnce(HOSTILE_ERRORS.get(name));
    expect((await processUploadWithRetry("a", world, quick)).status).toBe("completed");
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
    const stored = await world.repository.findUpload("a");
    expect(stored).toMatchObject({ status: "completed", description: "A photo of a", embedding: [12, 1, 0] });
  });
});
