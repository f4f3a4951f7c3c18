import { afterEach, describe, expect, test, vi } from "vitest";
import { BatchProcessor, type BatchProgressEvent, processUploadWithRetry, type UploadRecord } from "../../src/index.js";
import { deferred, ids, jpeg, until, uploadOf, type World, worldOf } from "../support/fakes.js";

const quick = { retry: { minTimeout: 1, randomize: false } } as const;
const plain = { ...quick, thumbnail: false } as const;
const down = () => Object.assign(new Error("SlowDown"), { status: 503 });

afterEach(() => {
  vi.useRealTimers();
});

function processorOf(world: World, options: object = {}): BatchProcessor<UploadRecord> {
  return new BatchProcessor({ ...world, ...plain, ...options });
}

describe("a logger that fails harms nobody", () => {
  const failing: [string, () => unknown][] = [
    ["throws", () => expect.unreachable()],
    ["rejects", () => Promise.reject(new Error("disk full"))],
    // biome-ignore lint/suspicious/noThenProperty: it is what the test is about
    ["answers with a thenable that throws", () => ({ then: () => expect.unreachable() })],
  ];
  test.each(failing)("one that %s, from the heartbeat", async (_, log) => {
    const unheld = vi.fn();
    process.on("unhandledRejection", unheld);
    const world = worldOf(ids(1));
    const { repository } = world;
    // Not a mock: it would hold the promise that nobody else does.
    const warned: unknown[][] = [];
    const warn = (...args: unknown[]) => {
      warned.push(args);
      return log();
    };
    let isDescribing = false;
    const updateUpload: typeof repository.updateUpload = (id, changes, claim) =>
      isDescribing ? Promise.reject(new Error("connection lost")) : repository.updateUpload(id, changes, claim);
    world.ai.describe.mockImplementation(async () => {
      isDescribing = true;
      await until(() => warned.length >= 2);
      isDescribing = false;
      return "text";
    });
    const logger = { debug: log, info: log, warn, error: log } as never;
    const adapters = { ...world, repository: { ...repository, updateUpload } };
    try {
      const result = await processUploadWithRetry("u0000", adapters, { ...plain, logger, lease: { durationMs: 30 } });
      expect(result).toMatchObject({ status: "completed" });
      await new Promise((resolve) => setImmediate(resolve));
      expect(unheld).not.toHaveBeenCalled();
    } finally {
      process.off("unhandledRejection", unheld);
    }
    expect(warned).toContainEqual([expect.objectContaining({ uploadId: "u0000" }), "lease not renewed"]);
  });
});

describe("the thumbnail gets the tries that others get", () => {
  test("a write that is refused once with a 503", async () => {
    const world = worldOf(ids(1));
    const write = vi.spyOn(world.storage, "write").mockRejectedValueOnce(down());
    const result = await processUploadWithRetry("u0000", world, quick);
    expect(result).toMatchObject({
      status: "completed",
      warnings: [],
      upload: { thumbnailKey: "thumbnails/u0000.jpg" },
    });
    expect(write).toHaveBeenCalledTimes(2);
  });

  test("an original that cannot be opened the first time", async () => {
    const world = worldOf(ids(1));
    const open = vi.spyOn(world.storage, "open").mockRejectedValueOnce(down());
    const result = await processUploadWithRetry("u0000", world, quick);
    expect(result).toMatchObject({
      status: "completed",
      warnings: [],
      upload: { thumbnailKey: "thumbnails/u0000.jpg" },
    });
    expect(open).toHaveBeenCalledTimes(2);
  });
});

describe("thumbnail.key", () => {
  test.each([
    [undefined, "it is undefined, not a string"],
    ["", "it is empty"],
    ["originals/u0000.jpg", "it is the upload's storageKey, where its original is"],
    ["../u0001.jpg", 'a part of it is ".."'],
  ])("that answers %j: a warning that says why, and no object is written", async (key, why) => {
    const world = worldOf(ids(1));
    const result = await processUploadWithRetry("u0000", world, { ...quick, thumbnail: { key: () => key as string } });
    expect(result).toMatchObject({ status: "completed", warnings: [{ code: "THUMBNAIL_FAILED", retryable: false }] });
    expect(result.warnings[0]?.message).toContain(why);
    expect(world.storage.keys()).toEqual(["originals/u0000.jpg"]);
    expect(world.storage.get("originals/u0000.jpg")).toEqual(new Uint8Array(jpeg));
  });

  test.each([undefined, "", "originals/u0000.jpg", "../u0001.jpg"])(
    "that answers %j for an upload that was deleted: nothing is removed by that",
    async (key) => {
      const world = worldOf([uploadOf("u0000", { thumbnailKey: "thumbnails/old.jpg" })]);
      const remove = vi.spyOn(world.storage, "delete");
      world.ai.describe.mockImplementation(async () => {
        await world.repository.deleteUpload("u0000");
        return "text";
      });
      const thumbnail = { key: () => key as string };
      const result = await processUploadWithRetry("u0000", world, { ...quick, thumbnail });
      expect(result).toMatchObject({ status: "deleted" });
      expect(remove.mock.calls).toEqual([["thumbnails/old.jpg"]]);
    },
  );

  test("of a redo that is undone, named after the original: the original stays", async () => {
    const draft = { was: "completed", redo: "again", thumbnailKey: "originals/u0000.jpg" } as const;
    const world = worldOf([uploadOf("u0000", { description: "old", draft })]);
    expect(await processorOf(world).undo({ ids: ["u0000"] })).toBe(1);
    expect(world.storage.keys()).toEqual(["originals/u0000.jpg"]);
  });

  test("that throws for an upload that was deleted: what was recorded is removed all the same", async () => {
    const world = worldOf([uploadOf("u0000", { thumbnailKey: "thumbnails/old.jpg" })]);
    const remove = vi.spyOn(world.storage, "delete");
    world.ai.describe.mockImplementation(async () => {
      await world.repository.deleteUpload("u0000");
      return "text";
    });
    const key = () => {
      throw new Error("no key");
    };
    await processUploadWithRetry("u0000", world, { ...quick, thumbnail: { key } });
    expect(remove.mock.calls).toEqual([["thumbnails/old.jpg"]]);
  });
});

describe("a text that is none", () => {
  test.each(["", " \n\t", "\0\0", "\u200b\u200d\ufeff", "\u00ad\u2060 \0"])("%j", async (text) => {
    const world = worldOf(ids(1));
    world.ai.describe.mockResolvedValue(text);
    const result = await processUploadWithRetry("u0000", world, plain);
    expect(result).toMatchObject({ status: "failed", error: { code: "EMPTY_DESCRIPTION" }, attempts: 2 });
    expect(world.ai.embed).not.toHaveBeenCalled();
  });

  test.each(["👩‍👧", "नमस्ते", "a\0b"])("but %j is one", async (text) => {
    const world = worldOf(ids(1));
    world.ai.describe.mockResolvedValue(text);
    expect(await processUploadWithRetry("u0000", world, plain)).toMatchObject({ status: "completed" });
    expect((await world.repository.findUpload("u0000"))?.description).toBe(text.replace("\0", ""));
  });
});

test("without claims, a begin-write that lands after its timeout does not reopen a completed row", async () => {
  vi.useFakeTimers();
  const world = worldOf(ids(1));
  const { findUpload } = world.repository;
  const landing = deferred();
  let isSlow = true;
  const late: Promise<unknown>[] = [];
  const updateUpload: typeof world.repository.updateUpload = async (id, changes, claim) => {
    if (!isSlow) return world.repository.updateUpload(id, changes, claim);
    const write = landing.promise.then(() => world.repository.updateUpload(id, changes, claim));
    late.push(write);
    return write;
  };
  const adapters = { ...world, repository: { findUpload, updateUpload } };
  const timedOut = processUploadWithRetry("u0000", adapters, plain);
  timedOut.catch(() => {});
  await vi.advanceTimersByTimeAsync(300_000);
  await expect(timedOut).rejects.toThrow("Upload u0000 could not be claimed");
  isSlow = false;
  expect(await processUploadWithRetry("u0000", adapters, plain)).toMatchObject({ status: "completed" });
  landing.resolve();
  expect(await Promise.all(late)).toEqual(Array(5).fill("stale"));
  expect(await findUpload("u0000")).toMatchObject({ status: "completed", starts: 0 });
});

describe("an iterator is closed when its run", () => {
  test.each(["u0000", 42])("fails, having yielded %j", async (yielded) => {
    const world = worldOf(ids(1));
    world.ai.describe.mockRejectedValue(Object.assign(new Error("no such model"), { status: 404 }));
    let closed = 0;
    async function* source() {
      try {
        for (;;) yield yielded as string;
      } finally {
        closed++;
      }
    }
    const result = await processorOf(world, { concurrency: 1 }).processUploads(source());
    expect(result).toMatchObject({ status: "failed", error: { code: "INVALID_CONFIGURATION" } });
    await until(() => closed > 0);
    expect(closed).toBe(1);
  });
});

describe("counts", () => {
  test("the final batch:progress comes once, and tells how it stands", async () => {
    const world = worldOf(ids(3));
    const processor = processorOf(world, { concurrency: 1 });
    const steps: BatchProgressEvent[] = [];
    processor.on("batch:progress", (step) => void steps.push(step));
    await processor.process("batch");
    expect(steps.filter(({ percentage }) => percentage === 100)).toHaveLength(1);
    expect(steps.at(-1)).toMatchObject({ total: 3, processed: 3, completed: 3, failed: 0, etaMs: 0 });
  });

  test("the time left is told once something has settled", async () => {
    const world = worldOf(ids(4));
    const processor = processorOf(world, { concurrency: 1 });
    const steps: BatchProgressEvent[] = [];
    processor.on("batch:progress", (step) => void steps.push(step));
    await processor.processUploads(ids(4));
    expect(steps.length).toBeGreaterThanOrEqual(2);
    for (const { etaMs, perSecond, processed, total } of steps) {
      expect(perSecond).toBeGreaterThan(0);
      expect(etaMs).toBe(Math.round((1000 * (Number(total) - processed)) / perSecond));
    }
    expect(steps[0]?.etaMs).toBeGreaterThan(0);
  });

  test("of a batch that another worker works on are those of the repository", async () => {
    const world = worldOf([...ids(2), uploadOf("theirs", { status: "pending" })]);
    const processor = processorOf(world, { concurrency: 1 });
    world.ai.embed.mockImplementationOnce(async () => {
      await world.repository.updateUpload("theirs", { status: "completed" });
      return [1];
    });
    const steps: BatchProgressEvent[] = [];
    processor.on("batch:progress", (step) => void steps.push(step));
    await processor.process("batch");
    expect(steps[0]).toMatchObject({ total: 3, processed: 2 });
  });

  test("of failures beyond the first hundred say how many are left out", async () => {
    const uploads = ids(103);
    const world = worldOf(uploads);
    world.ai.describe.mockRejectedValue(Object.assign(new Error("refused"), { status: 400 }));
    const result = await processorOf(world).processUploads(uploads);
    expect(result).toMatchObject({ failed: 103, failuresOmitted: 3 });
    expect(result.failures).toHaveLength(100);
    expect(await processorOf(worldOf([])).processUploads([])).toMatchObject({ failures: [], failuresOmitted: 0 });
  });
});
