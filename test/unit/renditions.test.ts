import sharp from "sharp";
import { describe, expect, it, test, vi } from "vitest";
import {
  BatchProcessor,
  derivedKeys,
  mediaFacts,
  type ProcessOptions,
  processUploadWithRetry,
  type UploadRecord,
} from "../../src/index.js";
import { uploadOf, type World, worldOf } from "../support/fakes.js";
import { photo } from "../support/images.js";

const rocket = photo("rocket.jpg"); // 640 × 427
const RENDITIONS = { medium: { size: 320 }, large: { size: 1024, format: "webp" } } as const;

function worldWith(): World {
  const upload = uploadOf("u1");
  const world = worldOf([upload]);
  world.storage.put(upload.storageKey, rocket);
  return world;
}

async function stored({ repository }: Pick<World, "repository">): Promise<UploadRecord> {
  return (await repository.findUpload("u1")) as UploadRecord;
}

async function complete(world: World, options: ProcessOptions): Promise<UploadRecord> {
  const result = await processUploadWithRetry("u1", world, options);
  if (result.status !== "completed") throw new Error(`${result.status}: ${"error" in result && result.error.message}`);
  return result.upload;
}

/** Refuses to write what a test says. */
function failing(world: World, refuses: (key: string) => boolean): World["storage"] {
  return {
    ...world.storage,
    write: async (key, data, options) => {
      if (refuses(key)) throw Object.assign(new Error("no room"), { code: "EACCES", retryable: false });
      return world.storage.write(key, data, options);
    },
  };
}

describe("renditions", () => {
  it("are made beside the thumbnail, and recorded with what they are", async () => {
    const world = worldWith();
    const upload = await complete(world, { renditions: RENDITIONS });
    const { renditions = {} } = mediaFacts(upload) ?? {};
    expect(renditions).toMatchObject({
      medium: { key: "thumbnails/u1-medium.jpg", width: 320, height: 214, mimeType: "image/jpeg" },
      large: { key: "thumbnails/u1-large.webp", width: 640, height: 427, mimeType: "image/webp" },
    });
    for (const { key, width, height, mimeType, bytes } of Object.values(renditions)) {
      const data = world.storage.get(key);
      expect(data?.byteLength).toBe(bytes);
      expect(await sharp(data).metadata()).toMatchObject({ width, height, format: mimeType.slice("image/".length) });
    }
    expect(derivedKeys(upload)).toEqual([
      ...["thumbnails/u1.jpg", "thumbnails/u1-medium.jpg", "thumbnails/u1-large.webp"],
    ]);
  });

  it("are also made without a thumbnail", async () => {
    const upload = await complete(worldWith(), {
      thumbnail: false,
      renditions: { only: { size: 100, format: "png" } },
    });
    expect(upload.thumbnailKey ?? null).toBeNull();
    expect(mediaFacts(upload)?.renditions).toMatchObject({ only: { key: "thumbnails/u1-only.png", width: 100 } });
  });

  it("that cannot be written are warnings, and are made up for later without a paid call", async () => {
    const world = worldWith();
    const options = { renditions: RENDITIONS, placeholder: "thumbhash" } as const;
    const storage = failing(world, (key) => key.includes("large"));
    const result = await processUploadWithRetry("u1", { ...world, storage }, options);
    expect(result).toMatchObject({
      status: "completed",
      warnings: [
        { code: "THUMBNAIL_FAILED", stage: "thumbnail", message: expect.stringContaining("renditions.large: no room") },
      ],
    });
    const before = await stored(world);
    expect(Object.keys(mediaFacts(before)?.renditions ?? {})).toEqual(["medium"]);

    const written = vi.spyOn(world.storage, "write");
    const processor = new BatchProcessor({ ...world, ...options });
    const selection = { statuses: ["completed"], missing: ["metadata.media.renditions.large"] } as const;
    expect(await processor.plan(selection, "retry")).toMatchObject({ uploads: 1, calls: { thumbnail: 1 } });
    expect(await processor.rerun(selection, "retry")).toMatchObject({ completed: 1, failed: 0 });
    await processor.close();
    expect(written.mock.calls.map(([key]) => key)).toEqual(["thumbnails/u1-large.webp"]);
    expect([world.ai.describe.mock.calls.length, world.ai.embed.mock.calls.length]).toEqual([1, 1]);
    const after = await stored(world);
    expect(Object.keys(mediaFacts(after)?.renditions ?? {}).sort()).toEqual(["large", "medium"]);
    expect(mediaFacts(after)).toMatchObject({ width: 640, height: 427, placeholder: mediaFacts(before)?.placeholder });
    expect(after).toMatchObject({ description: before.description, thumbnailKey: before.thumbnailKey, draft: null });
    const none = await new BatchProcessor({ ...world, ...options }).rerun(selection, "retry");
    expect(none.total).toBe(0);
  });

  it("do not keep the thumbnail from being made, nor the other way round", async () => {
    const world = worldWith();
    const storage = failing(world, (key) => key === "thumbnails/u1.jpg");
    const result = await processUploadWithRetry("u1", { ...world, storage }, { renditions: RENDITIONS });
    expect(result).toMatchObject({ status: "completed", warnings: [{ code: "THUMBNAIL_FAILED" }] });
    expect(Object.keys(mediaFacts(await stored(world))?.renditions ?? {})).toEqual(["medium", "large"]);
  });

  it("are stored before the description is paid for, and are not made again", async () => {
    const world = worldWith();
    world.ai.describe.mockRejectedValue(Object.assign(new Error("down"), { status: 400 }));
    await processUploadWithRetry("u1", world, { renditions: RENDITIONS });
    expect(Object.keys(mediaFacts(await stored(world))?.renditions ?? {})).toEqual(["medium", "large"]);
    world.ai.describe.mockResolvedValue("a rocket");
    const written = vi.spyOn(world.storage, "write");
    const upload = await complete(world, { renditions: RENDITIONS, rerun: "retry" });
    expect(written).not.toHaveBeenCalled();
    expect(Object.keys(mediaFacts(upload)?.renditions ?? {})).toEqual(["medium", "large"]);
  });
});

describe("renditions of a redo", () => {
  const named = (version: string) => ({
    medium: { size: 320, key: ({ id }: UploadRecord) => `r/${id}-${version}.jpg` },
  });

  it("replace the old ones when it is complete: recorded first, then the old objects are deleted", async () => {
    const world = worldWith();
    await complete(world, { renditions: named("1") });
    let atDelete: UploadRecord | undefined;
    const deleted: string[] = [];
    const storage = {
      ...world.storage,
      delete: async (key: string) => {
        atDelete = await stored(world);
        deleted.push(key);
        await world.storage.delete(key);
      },
    };
    let meanwhile: UploadRecord | undefined;
    world.ai.describe.mockImplementation(async () => {
      meanwhile = await stored(world);
      return "again";
    });
    await complete({ ...world, storage }, { renditions: named("2"), rerun: "reprocess-all" });
    // The old one stands until the new result is complete.
    expect(mediaFacts(meanwhile as UploadRecord)?.renditions).toMatchObject({ medium: { key: "r/u1-1.jpg" } });
    expect(derivedKeys(meanwhile as UploadRecord)).toEqual(expect.arrayContaining(["r/u1-1.jpg", "r/u1-2.jpg"]));
    expect(deleted).toEqual(["r/u1-1.jpg"]);
    expect(mediaFacts(atDelete as UploadRecord)?.renditions).toMatchObject({ medium: { key: "r/u1-2.jpg" } });
    expect(world.storage.get("r/u1-1.jpg")).toBeUndefined();
    expect(world.storage.get("r/u1-2.jpg")).toBeDefined();
  });

  it("that cannot be made leave the old ones", async () => {
    const world = worldWith();
    await complete(world, { renditions: named("1"), placeholder: "thumbhash" });
    const before = mediaFacts(await stored(world));
    const storage = failing(world, (key) => key.startsWith("r/"));
    const result = await processUploadWithRetry(
      "u1",
      { ...world, storage },
      { renditions: named("2"), rerun: "reprocess-all" },
    );
    expect(result).toMatchObject({ status: "completed", warnings: [{ code: "THUMBNAIL_FAILED" }] });
    const after = await stored(world);
    expect(mediaFacts(after)).toMatchObject({ renditions: before?.renditions, placeholder: before?.placeholder });
    expect(world.storage.get("r/u1-1.jpg")).toBeDefined();
  });

  it("that could not be made are tried again when the redo goes on", async () => {
    const world = worldWith();
    await complete(world, { renditions: named("1"), placeholder: "thumbhash" });
    world.ai.describe.mockRejectedValueOnce(Object.assign(new Error("refused"), { status: 400 }));
    const storage = failing(world, (key) => key.startsWith("r/"));
    const options = { renditions: named("2"), placeholder: "thumbhash" } as const;
    await processUploadWithRetry("u1", { ...world, storage }, { ...options, rerun: "reprocess-all" });
    const written = vi.spyOn(world.storage, "write");
    await complete(world, { ...options, rerun: "retry" });
    expect(written.mock.calls.map(([key]) => key)).toEqual(["r/u1-2.jpg"]);
    expect(world.storage.get("r/u1-1.jpg")).toBeUndefined();
  });

  it("of the same version are kept while they lie under their key", async () => {
    const world = worldWith();
    const ai = { ...world.ai, version: { describe: "a", embed: "1" } };
    await complete({ ...world, ai }, { renditions: named("1") });
    const written = vi.spyOn(world.storage, "write");
    const next = { ...world.ai, version: { describe: "a", embed: "2" } };
    await complete({ ...world, ai: next }, { renditions: named("1"), rerun: "reprocess" });
    expect(written).not.toHaveBeenCalled();
    const other = { ...world.ai, version: { describe: "a", embed: "3" } };
    const upload = await complete({ ...world, ai: other }, { renditions: named("2"), rerun: "reprocess" });
    expect(written.mock.calls.map(([key]) => key)).toEqual(["r/u1-2.jpg"]);
    expect(mediaFacts(upload)?.renditions).toMatchObject({ medium: { key: "r/u1-2.jpg" } });
    expect(world.storage.get("r/u1-1.jpg")).toBeUndefined();
  });

  it("are removed by undo where the draft alone had them", async () => {
    const world = worldWith();
    await complete(world, { renditions: named("1") });
    world.ai.describe.mockRejectedValue(Object.assign(new Error("refused"), { status: 400 }));
    await processUploadWithRetry("u1", world, { renditions: named("2"), rerun: "reprocess-all" });
    expect(world.storage.get("r/u1-2.jpg")).toBeDefined();
    const processor = new BatchProcessor({ ...world, renditions: named("3") });
    expect(await processor.undo({ ids: ["u1"] })).toBe(1);
    await processor.close();
    expect(world.storage.get("r/u1-2.jpg")).toBeUndefined();
    expect(world.storage.get("r/u1-1.jpg")).toBeDefined();
  });
});

it("everything is removed with an upload that is deleted under way", async () => {
  const world = worldWith();
  world.ai.describe.mockImplementation(async () => {
    await world.repository.deleteUpload("u1");
    return "too late";
  });
  const result = await processUploadWithRetry("u1", world, { renditions: RENDITIONS });
  expect(result.status).toBe("deleted");
  for (const key of ["thumbnails/u1.jpg", "thumbnails/u1-medium.jpg", "thumbnails/u1-large.webp"])
    expect(world.storage.get(key), key).toBeUndefined();
});

it("what was written and not recorded is removed with an upload that is deleted meanwhile", async () => {
  const world = worldWith();
  const storage: World["storage"] = {
    ...world.storage,
    write: async (key, data, options) => {
      await world.storage.write(key, data, options);
      if (!key.includes("large")) return;
      await world.repository.deleteUpload("u1");
      throw Object.assign(new Error("no answer"), { retryable: false });
    },
  };
  const result = await processUploadWithRetry("u1", { ...world, storage }, { renditions: RENDITIONS });
  expect(result.status).toBe("deleted");
  expect(world.storage.get("thumbnails/u1-large.webp")).toBeUndefined();
  expect(world.storage.get("thumbnails/u1-medium.jpg")).toBeUndefined();
});

describe("keys that cannot be used", () => {
  test.each([
    [
      "of another rendition",
      { a: { size: 1, key: (): string => "x" }, b: { size: 2, key: (): string => "x" } },
      /renditions\.b\.key.*"x".*renditions\.a/,
    ],
    ["of the thumbnail", { a: { size: 1, key: (): string => "thumbnails/u1.jpg" } }, /renditions\.a\.key.*thumbnail/],
  ])("%s: the deployment's fault, told before anything is made", async (_, renditions, message) => {
    const world = worldWith();
    const written = vi.spyOn(world.storage, "write");
    const call = processUploadWithRetry("u1", world, { renditions });
    await expect(call).rejects.toMatchObject({
      code: "INVALID_CONFIGURATION",
      message: expect.stringMatching(message),
    });
    expect(written).not.toHaveBeenCalled();
    expect(await stored(world)).toMatchObject({ status: "pending" });
  });

  test.each([
    ["of the original", ({ storageKey }: UploadRecord) => storageKey],
    ["that leaves its prefix", () => "thumbnails/../originals/x.jpg"],
    ["that is empty", () => ""],
  ])("%s: a warning that names it", async (_, key) => {
    const world = worldWith();
    const result = await processUploadWithRetry("u1", world, { renditions: { a: { size: 10, key } } });
    expect(result).toMatchObject({
      ...{
        status: "completed",
        warnings: [{ code: "THUMBNAIL_FAILED", message: expect.stringContaining("renditions.a.key") }],
      },
    });
    expect((await stored(world)).thumbnailKey).toBe("thumbnails/u1.jpg");
    expect(rocket.equals(world.storage.get("originals/u1.jpg") ?? Buffer.alloc(0))).toBe(true);
  });
});

test.each([
  [{ renditions: [] }, /renditions/],
  [{ renditions: { large: {} } }, /renditions\.large\.size/],
  [{ renditions: { large: { size: 0 } } }, /renditions\.large\.size/],
  [{ renditions: { large: { size: 9000 } } }, /renditions\.large\.size.*8192/],
  [{ renditions: { large: { size: 10, format: "avif" } } }, /renditions\.large\.format/],
  [{ renditions: { large: { size: 10, width: 3 } } }, /renditions\.large\.width/],
  [{ renditions: { "../x": { size: 10 } } }, /renditions.*\.\.\/x/],
  [{ renditions: { constructor: { size: 10 } } }, /renditions.*constructor/],
  [{ placeholder: "blurhash" }, /placeholder.*thumbhash/],
  [{ facts: { exif: "yes" } }, /facts\.exif/],
  [{ facts: { gps: true } }, /facts\.gps/],
] as const)("misuse is refused by name: %j", async (options, message) => {
  const call = processUploadWithRetry("u1", worldWith(), options as never);
  await expect(call).rejects.toMatchObject({ code: "INVALID_CONFIGURATION", message: expect.stringMatching(message) });
});
