import { describe, expect, test, vi } from "vitest";
import { processUploadWithRetry, type RepositoryAdapter, type UploadRecord } from "../../src/index.js";
import { uploadOf, type World, worldOf } from "../support/fakes.js";
import { HOSTILE_ERRORS } from "../support/hostile.js";

const quick = { retry: { maxAttempts: 2, minTimeout: 0 }, thumbnail: false } as const;

/** A repository that hands out a record with other fields. */
function handingOut(world: World, fields: object, claims: boolean): RepositoryAdapter<UploadRecord> {
  const { repository } = world;
  if (!claims) {
    const findUpload = async (id: string) => ({ ...(await repository.findUpload(id)), ...fields }) as UploadRecord;
    return { findUpload, updateUpload: repository.updateUpload };
  }
  return {
    ...repository,
    async claimUpload(id, request) {
      const answer = await repository.claimUpload(id, request);
      return "upload" in answer ? { ...answer, upload: { ...answer.upload, ...fields } } : answer;
    },
  };
}

describe.each([
  ["with claims", true],
  ["without claims", false],
])("a repository %s", (_, claims) => {
  test.each<[name: string, fields: object]>([
    ["another id", { id: "b" }],
    ["an id of another type", { id: 7 }],
    ["no id", { id: undefined }],
    ["a prototype in a key", JSON.parse('{"__proto__":{"description":"smuggled","embedding":[1]}}')],
  ])("that answers with %s is refused with the reason, and no model is called", async (_, fields) => {
    const world = worldOf([uploadOf("a"), uploadOf("b")]);
    const running = processUploadWithRetry("a", { ...world, repository: handingOut(world, fields, claims) }, quick);
    await expect(running).rejects.toMatchObject({
      code: "INVALID_CONFIGURATION",
      message: expect.stringMatching(/upload "a", got/),
    });
    expect(world.ai.describe).not.toHaveBeenCalled();
    expect(await world.repository.findUpload("b")).toMatchObject({ status: "pending" });
  });

  test("that has its ids in another case is taken as it is, like a column of UUIDs", async () => {
    const world = worldOf([uploadOf("a")]);
    const repository = handingOut(world, { id: "A" }, claims);
    const updateUpload: typeof repository.updateUpload = (id, ...rest) =>
      repository.updateUpload(id.toLowerCase(), ...rest);
    const adapters = { ...world, repository: { ...repository, updateUpload } };
    expect((await processUploadWithRetry("a", adapters, quick)).status).toBe("completed");
  });

  test("that counts starts in NaN or text: the upload is processed, not in quarantine", async () => {
    for (const starts of [Number.NaN, "1", {}]) {
      const world = worldOf([uploadOf("a")]);
      const result = await processUploadWithRetry(
        "a",
        { ...world, repository: handingOut(world, { starts }, claims) },
        quick,
      );
      expect(result.status).toBe("completed");
    }
  });
});

test.concurrent.each([...HOSTILE_ERRORS.keys()])("a final write that throws %s once is made again", async (name) => {
  const world = worldOf([uploadOf("a")]);
  vi.spyOn(world.repository, "updateUpload")
    .mockRejectedValueOnce(HOSTILE_ERRORS.get(name))
    .mockRejectedValueOnce(HOSTILE_ERRORS.get(name));
  vi.spyOn(world.repository, "claimUpload").mockRejectedValueOnce(HOSTILE_ERRORS.get(name));
  const result = await processUploadWithRetry("a", { ...world, ai: { describe: world.ai.describe } }, quick);
  expect(result.status).toBe("completed");
  expect(world.repository.updateUpload).toHaveBeenCalledTimes(3);
});

test("a claim that always throws a TypeError says so", async () => {
  const world = worldOf([uploadOf("a")]);
  const thrown = new TypeError("Cannot read properties of null (reading 'name')");
  const claim = vi.spyOn(world.repository, "claimUpload").mockRejectedValue(thrown);
  await expect(processUploadWithRetry("a", world, quick)).rejects.toMatchObject({
    code: "REPOSITORY_FAILED",
    cause: thrown,
  });
  expect(claim).toHaveBeenCalledTimes(5);
});

describe("an original", () => {
  test("is not overwritten by its own thumbnail", async () => {
    const world = worldOf([uploadOf("a", { storageKey: "thumbnails/a.jpg" })]);
    const before = world.storage.get("thumbnails/a.jpg");
    const result = await processUploadWithRetry("a", world);
    expect(result).toMatchObject({ status: "completed", warnings: [{ code: "THUMBNAIL_FAILED", stage: "thumbnail" }] });
    expect(world.storage.get("thumbnails/a.jpg")).toEqual(before);
    expect((await world.repository.findUpload("a"))?.thumbnailKey ?? null).toBeNull();
  });

  test("is not deleted as the old thumbnail of an upload that is done again", async () => {
    const upload = uploadOf("a", { status: "completed", thumbnailKey: "originals/a.jpg" });
    const world = worldOf([upload]);
    const result = await processUploadWithRetry("a", world, { rerun: "reprocess-all" });
    expect(result).toMatchObject({ status: "completed", upload: { thumbnailKey: "thumbnails/a.jpg" } });
    expect(world.storage.get("originals/a.jpg")).toBeDefined();
  });
});

test("what a storage says when it is closed gets into the line of a log as one line, without its path", async () => {
  const world = worldOf([uploadOf("a")]);
  const lines: (string | undefined)[] = [];
  const log = (_: object, message?: string) => void lines.push(message);
  const release = () => Promise.reject(new Error("close '/srv/secret/x' failed\nlevel=error msg=forged"));
  vi.spyOn(world.storage, "open").mockImplementation(async (key) => ({
    bytes: world.storage.get(key) as Uint8Array,
    release,
  }));
  const logger = { debug: log, info: log, warn: log, error: log };
  expect((await processUploadWithRetry("a", world, { ...quick, logger })).status).toBe("completed");
  expect(lines).toEqual(["Closing the original failed: close '…/x' failed level=error msg=forged"]);
});
