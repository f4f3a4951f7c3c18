import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { processUploadWithRetry } from "../../src/index.js";
import { createMediaFixtures, fakeAI, fakeRepository, fakeStorage } from "../../src/testing/index.js";

const fixtures = createMediaFixtures();

describe("every fixture becomes what it says", () => {
  for (const { name, fileName, bytes, expected } of fixtures)
    test(`${name}: ${expected}`, async () => {
      const ai = fakeAI();
      ai.script.describe.does(async (media) => `${(await media.visionImage()).width} px wide`);
      const upload = { id: "1", storageKey: "x", status: "pending" as const, fileName };
      const storage = fakeStorage({ original: bytes });
      const repository = fakeRepository({ uploads: [upload] });
      const result = await processUploadWithRetry("1", { storage, ai, repository }, { retry: { minTimeout: 1 } });
      expect(result.status === "failed" ? result.error.code : result.status).toBe(expected);
      if (expected === "completed") expect(result.warnings).toEqual([]);
    });
});

describe("the fixtures are what they are called", () => {
  const bytesOf = (name: string) => Buffer.from(fixtures.find((fixture) => fixture.name === name)?.bytes ?? []);
  const metadataOf = (name: string) => sharp(bytesOf(name), { limitInputPixels: false }).metadata();

  test.each([
    ["a bomb: 900 megapixels", { format: "png", width: 30_000, height: 30_000 }],
    ["10,000 frames", { format: "gif", pages: 10_000 }],
    ["16 bits", { depth: "ushort" }],
    ["black and white", { bitsPerSample: 1 }],
    ["a palette of one colour", { isPalette: true }],
    ["all transparent", { hasAlpha: true, channels: 4 }],
    ["1 × 20,000 px", { width: 1, height: 20_000 }],
    ["EXIF orientation 6", { orientation: 6, width: 64, height: 48 }],
  ])("%s", async (name, metadata) => {
    expect(await metadataOf(name)).toMatchObject(metadata);
  });

  test("the bomb would really decode, were its side not so long", async () => {
    const { blankPng } = await import("../../src/testing/fixtures/png.js");
    const { info } = await sharp(blankPng({ width: 3000, height: 2000 }), { failOn: "warning" })
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 3000, height: 2000 });
  });

  test("together they are small, and their names are unique", () => {
    expect(fixtures.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThan(4_000_000);
    expect(new Set(fixtures.map(({ name }) => name)).size).toBe(fixtures.length);
  });
});
