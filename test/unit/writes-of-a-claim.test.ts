import { afterEach, describe, expect, test, vi } from "vitest";
import { assertCompleted, processUploadWithRetry, RepositoryError } from "../../src/index.js";
import { deferred, ids, until, untilAborted, uploadOf, worldOf } from "../support/fakes.js";

const plain = { thumbnail: false, retry: { minTimeout: 1, randomize: false } } as const;

afterEach(() => {
  vi.useRealTimers();
});

test("a result that was made while a heartbeat was on its way is stored, though that heartbeat fails", async () => {
  const world = worldOf(ids(1));
  const { repository } = world;
  const heartbeat = deferred();
  let isDescribing = false;
  let beats = 0;
  const updateUpload: typeof repository.updateUpload = async (id, changes, claim) => {
    if (!isDescribing || beats++ > 0) return repository.updateUpload(id, changes, claim);
    await heartbeat.promise;
    throw new Error("connection lost");
  };
  world.ai.describe.mockImplementation(async () => {
    isDescribing = true;
    await until(() => beats > 0);
    setImmediate(() => heartbeat.resolve());
    return "text";
  });
  const adapters = { ...world, repository: { ...repository, updateUpload } };
  const result = await processUploadWithRetry("u0000", adapters, { ...plain, lease: { durationMs: 300 } });
  assertCompleted(result);
  expect(await repository.findUpload("u0000")).toMatchObject({ description: "text", embedding: [4, 1, 0] });
});

test("a batch that is cancelled elsewhere stops the call under way, by the next heartbeat", async () => {
  const world = worldOf(ids(1));
  world.ai.describe.mockImplementation((_, { signal }) => untilAborted(signal));
  const running = processUploadWithRetry("u0000", world, { ...plain, lease: { durationMs: 60 } });
  await until(() => world.ai.describe.mock.calls.length === 1);
  await world.repository.updateBatch("batch", { status: "cancelled" });
  expect(await running).toMatchObject({ status: "aborted", reason: { code: "BATCH_CANCELLED" } });
  expect(await world.repository.findUpload("u0000")).toMatchObject({ status: "pending", starts: 0 });
});

test("an abort that comes before the final write hands the upload back, with all that was made", async () => {
  const world = worldOf(ids(1));
  const controller = new AbortController();
  world.ai.embed.mockImplementation(async () => {
    controller.abort("shutting down");
    return [1, 2];
  });
  const result = await processUploadWithRetry("u0000", world, { ...plain, signal: controller.signal });
  expect(result).toMatchObject({ status: "aborted", reason: "shutting down" });
  const stored = await world.repository.findUpload("u0000");
  expect(stored).toMatchObject({ status: "pending", starts: 0, description: "A photo of u0000", embedding: [1, 2] });
});

test("when the outcome cannot be stored, nothing goes on: no heartbeat, and the original is released", async () => {
  const world = worldOf(ids(1));
  const { repository, storage } = world;
  const release = vi.fn(async () => {});
  const open: typeof storage.open = async (key, options) => {
    const opened = await storage.open(key, options);
    return opened && { ...opened, release };
  };
  vi.useFakeTimers();
  const updateUpload: typeof repository.updateUpload = async (id, changes, claim) => {
    if (changes.status === "completed") throw new Error("connection lost");
    return repository.updateUpload(id, changes, claim);
  };
  const adapters = { ...world, storage: { ...storage, open }, repository: { ...repository, updateUpload } };
  const failing = processUploadWithRetry("u0000", adapters, plain);
  failing.catch(() => {});
  await vi.advanceTimersByTimeAsync(60_000);
  await expect(failing).rejects.toThrow(RepositoryError);
  expect(release).toHaveBeenCalledTimes(1);
  expect(vi.getTimerCount()).toBe(0);
});

describe("without claims", () => {
  test("an upload that was found settled, or not at all, is not held", async () => {
    const world = worldOf([uploadOf("a", { status: "completed" })]);
    const { findUpload, updateUpload } = world.repository;
    const adapters = { ...world, repository: { findUpload, updateUpload } };
    expect(await processUploadWithRetry("a", adapters, plain)).toMatchObject({ reason: "already-completed" });
    await world.repository.updateUpload("a", { status: "pending" });
    expect(await processUploadWithRetry("a", adapters, plain)).toMatchObject({ status: "completed" });
    expect(await processUploadWithRetry("late", adapters, plain)).toMatchObject({ reason: "not-found" });
    await world.repository.addUploads([uploadOf("late", { storageKey: "originals/a.jpg" })]);
    expect(await processUploadWithRetry("late", adapters, plain)).toMatchObject({ status: "completed" });
  });

  test("a retry takes what has failed, and leaves what is completed", async () => {
    const world = worldOf([
      uploadOf("a", { status: "completed", description: "old" }),
      uploadOf("b", { status: "failed" }),
    ]);
    const { findUpload, updateUpload } = world.repository;
    const adapters = { ...world, repository: { findUpload, updateUpload } };
    const options = { ...plain, rerun: "retry" } as const;
    expect(await processUploadWithRetry("a", adapters, options)).toMatchObject({ reason: "already-completed" });
    expect(await findUpload("a")).toEqual(uploadOf("a", { status: "completed", description: "old" }));
    expect(await processUploadWithRetry("b", adapters, options)).toMatchObject({ status: "completed" });
  });
});

describe("metadata", () => {
  test("of the library's own keys is the library's, whatever a model answers", async () => {
    const world = worldOf(ids(1));
    const metadata = { media: "planted", usage: "planted", tags: ["cat"] };
    world.ai.describe.mockResolvedValue({ text: "text", metadata, usage: { inputTokens: 3 } });
    assertCompleted(await processUploadWithRetry("u0000", world, plain));
    expect((await world.repository.findUpload("u0000"))?.metadata).toEqual({
      tags: ["cat"],
      media: expect.objectContaining({ kind: "image" }),
      usage: expect.objectContaining({ inputTokens: 3 }),
    });
  });

  test("of a model replaces what the row had under that key, in the row and for whoever asks", async () => {
    const world = worldOf([uploadOf("a", { metadata: { tags: ["old"], camera: "X100" } })]);
    world.ai.describe.mockResolvedValue({ text: "text", metadata: { tags: ["cat"] } });
    let seen: unknown;
    world.ai.embed.mockImplementation(async ({ media }) => {
      seen = media.upload.metadata;
      return [1];
    });
    const result = await processUploadWithRetry("a", world, plain);
    assertCompleted(result);
    for (const metadata of [seen, result.upload.metadata, (await world.repository.findUpload("a"))?.metadata])
      expect(metadata).toMatchObject({ tags: ["cat"], camera: "X100" });
  });

  test("that could not be stored yet is what adapters see all the same", async () => {
    vi.useFakeTimers();
    const world = worldOf([uploadOf("a", { metadata: { tags: ["old"], camera: "X100" } })]);
    const { repository } = world;
    const updateUpload: typeof repository.updateUpload = async (id, changes, claim) => {
      if (changes.status !== "completed") throw new Error("connection lost");
      return repository.updateUpload(id, changes, claim);
    };
    world.ai.describe.mockResolvedValue({ text: "text", metadata: { tags: ["cat"] } });
    let seen: unknown;
    world.ai.embed.mockImplementation(async ({ media }) => {
      seen = media.upload.metadata;
      return [1];
    });
    const adapters = { ...world, repository: { ...repository, updateUpload } };
    const running = processUploadWithRetry("a", adapters, plain);
    await vi.advanceTimersByTimeAsync(9000);
    assertCompleted(await running);
    expect(seen).toMatchObject({ tags: ["cat"], camera: "X100" });
    expect((await repository.findUpload("a"))?.metadata).toMatchObject({ tags: ["cat"], camera: "X100" });
  });
});
