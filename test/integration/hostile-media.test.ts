import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fileStorage } from "../../src/adapters/fs.js";
import { memoryRepository } from "../../src/adapters/memory.js";
import {
  type AIAdapter,
  type Media,
  type ProcessOptions,
  processUploadWithRetry,
  type StorageAdapter,
} from "../../src/index.js";
import { photo, quarters, svg } from "../support/images.js";
import { jpeg, stalledStream, streamOf, watchTemporaryFiles } from "../support/media.js";

const temporaryFiles = watchTemporaryFiles();
let root: string;
let original: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "../hostile-media-"));
  original = join(root, "originals", "1.jpg");
  await mkdir(dirname(original));
  await writeFile(original, jpeg);
});
afterEach(async () => {
  await rm(root, { recursive: true });
  await rm(`${root}.jpg`, { force: true });
  expect(await temporaryFiles()).toEqual([]);
});

/** Processes the upload, with a model and a storage that do this. */
async function processed(
  ai: Partial<AIAdapter>,
  { storage, ...options }: ProcessOptions & { storage?: Partial<StorageAdapter> } = {},
) {
  const uploads = [{ id: "1", storageKey: "originals/1.jpg", status: "pending" as const }];
  const describe = async (media: Media) => `${(await media.visionImage()).width} px wide`;
  const adapters = {
    storage: { ...fileStorage(root), ...storage },
    ai: { describe, ...ai },
    repository: memoryRepository({ uploads }),
  };
  return processUploadWithRetry("1", adapters, { retry: { minTimeout: 1 }, ...options });
}

/** A storage that opens a stream. */
const streaming = (open: () => Readable): Partial<StorageAdapter> => ({ open: async () => ({ stream: open() }) });

const ways = {
  "is deleted": () => rm(original),
  "is overwritten by another image": async () => writeFile(original, await quarters(300, 200).png().toBuffer()),
  "is replaced by another image": async () => {
    await writeFile(`${original}.new`, await quarters(300, 200).webp().toBuffer());
    await rename(`${original}.new`, original);
  },
  "is overwritten by garbage": () => writeFile(original, Buffer.alloc(jpeg.length, "garbage ")),
  "is cut off": () => writeFile(original, jpeg.subarray(0, 9000)),
  "is emptied": () => writeFile(original, ""),
  "is replaced by an SVG": () => writeFile(original, svg),
  "gives way to a folder": async () => {
    await rm(original);
    await mkdir(original);
  },
  "gives way to a link to another original": async () => {
    await rename(original, `${original}.other`);
    await symlink(`${original}.other`, original);
  },
  "gives way to a link that leads out of the storage": async () => {
    await rm(original);
    await writeFile(`${root}.jpg`, photo("astronaut.jpg"));
    await symlink(`${root}.jpg`, original);
  },
} satisfies Record<string, () => Promise<unknown>>;

const completed = { status: "completed" };
const garbage = failure("INVALID_MEDIA", /neither an image/);
const empty = failure("INVALID_MEDIA", /is empty/);
const damaged = failure("INVALID_MEDIA", /damaged.*premature end/);
const missing = failure("MISSING_ORIGINAL", /no original under "originals\/1\.jpg"/);
const active = failure("UNSUPPORTED_MEDIA", /svg.*run scripts/);
const refused = failure("STORAGE_FAILED", /leads it out of the root/);

/** What comes of it when the image is needed afterwards, and when the bytes are. */
const outcomes: readonly (readonly [way: keyof typeof ways, image: object, bytes: object])[] = [
  ["is deleted", missing, missing],
  ["is overwritten by another image", completed, completed],
  ["is replaced by another image", completed, completed],
  ["is overwritten by garbage", garbage, garbage],
  ["is cut off", damaged, completed],
  ["is emptied", empty, empty],
  ["is replaced by an SVG", active, active],
  ["gives way to a folder", missing, missing],
  ["gives way to a link to another original", completed, completed],
  ["gives way to a link that leads out of the storage", refused, refused],
];

function failure(code: string, message: RegExp): object {
  const error = { code, retryable: false, message: expect.stringMatching(message) };
  return { status: "failed", attempts: 1, error: expect.objectContaining(error) };
}

describe("an original that changes while its upload is in work", () => {
  it.each(outcomes)("%s between the thumbnail and the vision image", async (way, image) => {
    const result = await processed({
      async describe(media) {
        expect(await readdir(join(root, "thumbnails"))).toEqual(["1.jpg"]);
        await ways[way]();
        return `${(await media.visionImage()).width} px wide`;
      },
    });
    expect(result).toMatchObject(image);
    if (result.status === "completed" && way.includes("another image"))
      expect(result.upload).toMatchObject({
        description: "280 px wide",
        metadata: { media: { width: 300, height: 200 } },
      });
  });

  it.each(outcomes)("%s between the description and the vector", async (way, _, bytes) => {
    const result = await processed({
      async embed({ media }) {
        await ways[way]();
        return [(await media.bytes()).length];
      },
    });
    expect(result).toMatchObject(bytes);
    // The description was paid for.
    if (result.status === "failed")
      expect(result.stages).toContainEqual(expect.objectContaining({ stage: "describe", outcome: "ok" }));
  });

  it("is opened anew, and released as often, once nobody can still be reading from it", async () => {
    const released: string[] = [];
    const read: number[] = [];
    let opened = 0;
    const { open } = fileStorage(root);
    const storage: Partial<StorageAdapter> = {
      async open(key, call) {
        const number = ++opened;
        const file = await open(key, call);
        return file && { ...file, release: async () => void released.push(`${number} of ${opened}`) };
      },
    };
    const describe = async (media: Media) => {
      const stream = await media.stream();
      await ways["is replaced by another image"]();
      read.push((await media.bytes()).length);
      expect(released).toEqual([]);
      read.push((await buffer(stream)).length);
      return `${(await media.visionImage()).width} px wide`;
    };
    const result = await processed({ describe }, { storage });
    expect(result).toMatchObject({ status: "completed", upload: { description: "280 px wide" } });
    expect(read).toEqual([(await readFile(original)).length, jpeg.length]);
    expect(released).toEqual(["1 of 2", "2 of 2"]);
  });

  it("is deleted, and nobody needs it any more", async () => {
    const result = await processed({
      async embed({ media }) {
        await rm(original);
        return [(await media.visionImage()).width];
      },
    });
    expect(result).toMatchObject({ status: "completed", upload: { embedding: [616] } });
  });
});

describe("a stream", () => {
  const half = jpeg.subarray(0, 20_000);
  const timeouts = { thumbnailMs: 150, describeMs: 150, embedMs: 150 };

  it("that ends early is a damaged image", async () => {
    const result = await processed({}, { storage: streaming(() => streamOf(half)) });
    expect(result).toMatchObject(failure("INVALID_MEDIA", /damaged.*premature end/));
  });

  it("that never ends is ended by the timeout of its stage, and tried again", async () => {
    const opened: Readable[] = [];
    const open = () => {
      const stream = opened.length < 1 ? stalledStream(half) : streamOf(jpeg);
      opened.push(stream);
      return stream;
    };
    // Enough for the next attempt on a busy machine. The original is opened within the attempts, also for the thumbnail.
    const timeouts = { thumbnailMs: 5000, describeMs: 5000, embedMs: 5000 };
    const result = await processed(
      {},
      { storage: streaming(open), timeouts, retry: { minTimeout: 1, maxAttempts: 2 } },
    );
    const upload = { thumbnailKey: expect.any(String) };
    expect(result).toMatchObject({ status: "completed", attempts: 2, warnings: [], upload });
    expect(result.stages[0]).toMatchObject({ stage: "open", outcome: "failed" });
    expect(opened.map(({ destroyed }) => destroyed)).toEqual([true, true]);
  });

  it("that never ends in any attempt fails the upload as what it is", async () => {
    const result = await processed({}, { storage: streaming(() => stalledStream(half)), timeouts });
    const error = { code: "STAGE_TIMEOUT", retryable: true, message: "open took longer than 150 ms" };
    expect(result).toMatchObject({ status: "failed", attempts: 2, error: expect.objectContaining(error) });
  });

  it("that breaks off is tried again", async () => {
    let opened = 0;
    const open = () => {
      const stream = opened++ === 0 ? stalledStream(half) : streamOf(jpeg);
      if (opened === 1) setTimeout(() => stream.destroy(new Error("connection lost")), 20);
      return stream;
    };
    const result = await processed({}, { storage: streaming(open) });
    expect(result).toMatchObject({
      status: "completed",
      attempts: 2,
      warnings: [],
      upload: { thumbnailKey: expect.any(String) },
    });
  });
});
