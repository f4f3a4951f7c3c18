import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { buffer } from "node:stream/consumers";
import { describe, expect, expectTypeOf, test } from "vitest";
import { localAI } from "../../src/adapters/local-ai.js";
import type { AIAdapter, EmbeddedVectors, UploadRecord } from "../../src/index.js";
import { fakeAI, fakeContext, fakeMedia, injectFaults, sampleJpeg, testAIContract } from "../../src/testing/index.js";
import { jpeg, mediaOf } from "../support/media.js";
import { failingChecks } from "./failing-checks.js";

describe("localAI", () => {
  testAIContract({ test, create: () => ({ ai: localAI() }) });
});

describe("localAI with the media of an upload", () => {
  testAIContract({
    test,
    create: async () => {
      const { media, prepare } = mediaOf(() => ({ bytes: jpeg }));
      return { ai: localAI(), media: { ...(await prepare()), release: () => media.release() } };
    },
  });
});

describe("fakeAI", () => {
  testAIContract({ test, create: () => ({ ai: fakeAI() }) });
});

describe("an adapter that only describes", () => {
  testAIContract({ test, embeds: false, create: () => ({ ai: { describe: async () => "A cat" } }) });
});

/** An adapter that embeds several texts in one call alone. */
function togetherBy(
  answer: (vectors: ArrayLike<number>[], texts: readonly string[]) => EmbeddedVectors = (vectors) => ({ vectors }),
): Partial<AIAdapter> & Pick<Required<AIAdapter>, "embedMany"> {
  const { embed } = fakeAI();
  return {
    embed: undefined,
    async embedMany(inputs, { signal }) {
      const vectors: ArrayLike<number>[] = [];
      for (const { text } of inputs) {
        const made = await embed({ text, media: fakeMedia() }, fakeContext({ signal }));
        vectors.push("vector" in made ? made.vector : made);
      }
      return answer(
        vectors,
        inputs.map(({ text }) => text),
      );
    },
  };
}

describe("an adapter that embeds several texts in one call", () => {
  testAIContract({ test, create: () => ({ ai: { ...fakeAI(), ...togetherBy() } }) });
});

test("faults go wrong in embedMany, too", async () => {
  const { embedMany } = togetherBy();
  const faults = injectFaults({ embedMany }, { rate: 1, kinds: ["error-before"] });
  await expect(faults.adapter.embedMany?.([], fakeContext())).rejects.toThrow("call 1 of embedMany");
});

describe("testAIContract catches", () => {
  const flaws: Record<string, { readonly caughtBy: string; readonly flaw: Partial<AIAdapter> }> = {
    "a description that is empty": {
      caughtBy: "describes an image in words, with metadata that can be stored",
      flaw: { describe: async () => ({ text: " \n" }) },
    },
    "metadata that no database takes": {
      caughtBy: "describes an image in words, with metadata that can be stored",
      flaw: { describe: async () => ({ text: "A cat", metadata: { at: new Date(), size: Number.NaN } }) },
    },
    "a call that never answers": {
      caughtBy: "describes two images at once",
      flaw: { describe: () => new Promise(() => {}) },
    },
    "a call that goes on after its signal was aborted": {
      caughtBy: "stops to describe when it is aborted",
      flaw: { describe: () => new Promise((resolve) => setTimeout(resolve, 150, "A cat")) },
    },
    "an embedding that goes on after its signal was aborted": {
      caughtBy: "stops to embed when it is aborted",
      flaw: { embed: () => new Promise((resolve) => setTimeout(resolve, 150, Array(8).fill(1))) },
    },
    "progress in percent": {
      caughtBy: "reports progress as a fraction, if at all",
      flaw: {
        async describe(_, { reportProgress }) {
          reportProgress(50);
          return "A cat";
        },
      },
    },
    "an image that is changed": {
      caughtBy: "leaves the image as it was: the next attempt gets the same one",
      flaw: {
        async describe(media) {
          (await media.visionImage()).data.fill(0);
          return "A cat";
        },
      },
    },
    "an error that hides that the image is damaged": {
      caughtBy: "hands on that the image cannot be read, and may not be tried again",
      flaw: {
        async describe(media) {
          await media.visionImage().catch((error: Error) => Promise.reject(new Error(`failed: ${error.message}`)));
          return "A cat";
        },
      },
    },
    "a vector with something in it that is no number": {
      caughtBy: "makes vectors of finite numbers, of the length that it says",
      flaw: { embed: async () => [1, Number.NaN, 0, 0, 0, 0, 0, 0] },
    },
    "a vector of another length than it says": {
      caughtBy: "makes vectors of finite numbers, of the length that it says",
      flaw: { embed: async () => [1, 2, 3] },
    },
    "a vector of zeros": {
      caughtBy: "makes vectors of finite numbers, of the length that it says",
      flaw: { embed: async () => Array(8).fill(0) },
    },
    "vectors as long as their texts": {
      caughtBy: "makes vectors of one length: of the same text, and of any other",
      flaw: { embed: async ({ text }) => Array.from(text, () => 1) },
    },
    "a length that no vector has": {
      caughtBy: "says what it is in numbers and texts that can be used",
      flaw: { dimensions: 0 },
    },
    "vectors of several texts in another order": {
      caughtBy: "makes the vectors of several texts in one call, in their order",
      flaw: togetherBy((vectors) => ({ vectors: vectors.reverse() })),
    },
    "vectors of several texts in the order of the alphabet": {
      caughtBy: "makes the vectors of several texts in one call, in their order",
      flaw: togetherBy((vectors, texts) => ({
        vectors: vectors
          .map((vector, place) => ({ vector, text: texts[place] ?? "" }))
          .sort((a, b) => (a.text < b.text ? -1 : 1))
          .map(({ vector }) => vector),
      })),
    },
    "a vector that is missing among several": {
      caughtBy: "makes the vectors of several texts in one call, in their order",
      flaw: togetherBy((vectors) => ({ vectors: vectors.slice(-2) })),
    },
    "a call for several texts that goes on after its signal was aborted": {
      caughtBy: "stops to embed when it is aborted",
      flaw: { embedMany: () => new Promise((resolve) => setTimeout(resolve, 150, { vectors: [Array(8).fill(1)] })) },
    },
    "a size of calls that is none": {
      caughtBy: "says what it is in numbers and texts that can be used",
      flaw: { embedBatch: { maxSize: 0 } },
    },
    "a missing embed": {
      caughtBy: "says what it is in numbers and texts that can be used",
      flaw: { embed: undefined },
    },
  };

  for (const [name, { caughtBy, flaw }] of Object.entries(flaws))
    test(name, async () => {
      const ai: AIAdapter = { ...fakeAI(), ...flaw };
      const failures = await failingChecks((test) =>
        testAIContract({ test, create: () => ({ ai }), withinMs: 400, abortWithinMs: 60 }),
      );
      expect(failures).toContain(caughtBy);
    });
});

describe("fakeMedia", () => {
  test("is a small photo by default, in every way to read it", async () => {
    const media = fakeMedia();
    const bytes = sampleJpeg();
    expect(await media.bytes()).toEqual(bytes);
    expect(new Uint8Array(await buffer(await media.stream()))).toEqual(bytes);
    const path = await media.path();
    expect(await media.path()).toBe(path);
    expect(new Uint8Array(await readFile(path))).toEqual(bytes);
    expect(media).toMatchObject({ kind: "image", mimeType: "image/jpeg", upload: { id: "upload-1" } });
    const image = { data: bytes, mimeType: "image/jpeg", width: 64, height: 48 };
    expect(await media.visionImage()).toEqual(image);
    expect(await media.frames()).toEqual([{ ...image, timeSeconds: 0 }]);
    await media.release();
    await media.release();
    expect(existsSync(dirname(path))).toBe(false);
  });

  test("is what one says it is, with a record of one's own", async () => {
    interface Photo extends UploadRecord {
      readonly album: string;
    }
    const upload: Photo = { id: "1", storageKey: "x", status: "analyzing", album: "Summer" };
    const media = fakeMedia(Buffer.from("video"), { upload, mimeType: "video/mp4" });
    expectTypeOf(media.upload).toEqualTypeOf<Photo>();
    expect(media).toMatchObject({ kind: "video", upload });
    expect(await fakeAI<Photo>().describe(media, fakeContext())).toBe("A video called 1");
  });

  test("the size of the small photo is what it says", async () => {
    const { default: sharp } = await import("sharp");
    const { data: pixels, info } = await sharp(sampleJpeg(), { failOn: "warning" })
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 64, height: 48, channels: 3 });
    expect(new Set(pixels).size).toBeGreaterThan(100);
  });
});
