import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HEAD_BYTES, sniff } from "../../src/media/sniff.js";
import { makeThumbnail, type ThumbnailSettings } from "../../src/media/thumbnail.js";
import { makeVisionImage, type VisionSettings } from "../../src/media/vision-image.js";
import { withSize } from "../../src/testing/fixtures/jpeg.js";
import { blankPng } from "../../src/testing/fixtures/png.js";
import { greyTiff } from "../../src/testing/fixtures/tiff.js";
import { sampleJpeg } from "../../src/testing/index.js";
import { heic, photo, pixelBomb, quarters } from "../support/images.js";

const limits = { limitInputPixels: 100_000_000 };
const thumbnailSettings: ThumbnailSettings = {
  ...{ size: 256, format: "jpeg", quality: 85, background: "#ffffff", ...limits },
};
const visionSettings: VisionSettings = { maxSide: 1568, multipleOf: 28, quality: 85, background: "#ffffff", ...limits };

async function sourceOf(input: Uint8Array) {
  return { input, mimeType: (await sniff(input.subarray(0, HEAD_BYTES))) ?? "none" };
}
const thumbnailOf = async (input: Uint8Array, settings: Partial<ThumbnailSettings> = {}) =>
  makeThumbnail(await sourceOf(input), { ...thumbnailSettings, ...settings });
const visionImageOf = async (input: Uint8Array, settings: Partial<VisionSettings> = {}) =>
  makeVisionImage(await sourceOf(input), { ...visionSettings, ...settings });

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "media-test-"));
});
afterAll(() => rm(directory, { recursive: true }));

describe("media that cannot be decoded", () => {
  const decoders = [
    ["thumbnail", thumbnailOf],
    ["vision image", visionImageOf],
  ] as const;

  it.each(decoders)("is INVALID_MEDIA when it is damaged: %s", async (_, decode) => {
    for (const name of ["astronaut.jpg", "cat.png", "coffee.webp"]) {
      const whole = photo(name);
      for (const part of [0.1, 0.5, 0.95]) {
        const cut = whole.subarray(0, Math.floor(whole.length * part));
        await expect(decode(cut), `${name} cut at ${part}`).rejects.toMatchObject({
          ...{ code: "INVALID_MEDIA", retryable: false, message: expect.stringContaining("is damaged") },
        });
      }
    }
  });

  it.each(decoders)("is MEDIA_TOO_LARGE when it has too many pixels: %s", async (_, decode) => {
    await expect(decode(pixelBomb())).rejects.toMatchObject({
      ...{ code: "MEDIA_TOO_LARGE", retryable: false, message: expect.stringContaining("100000000 pixels") },
    });
    await expect(decode(await quarters(100, 100).png().toBuffer(), { limitInputPixels: 9999 })).rejects.toMatchObject({
      code: "MEDIA_TOO_LARGE",
    });
  });

  it.each(decoders)("is MEDIA_TOO_LARGE when a side is too long, which alone takes time: %s", async (_, decode) => {
    const tooLong = {
      code: "MEDIA_TOO_LARGE",
      retryable: false,
      message: expect.stringContaining("a side of 250001"),
    };
    await expect(decode(blankPng({ width: 1, height: 250_001, colour: "grey", depth: 1 }))).rejects.toMatchObject(
      tooLong,
    );
    await expect(decode(greyTiff({ width: 250_001, height: 1 }))).rejects.toMatchObject(tooLong);
    await decode(greyTiff({ width: 250_000, height: 1 }));

    const claimed = withSize(sampleJpeg(), 65_535, 100);
    await expect(decode(claimed)).rejects.toMatchObject({
      ...{ code: "MEDIA_TOO_LARGE", retryable: false, message: expect.stringContaining("than its decoder takes") },
    });
  });

  it.each(decoders)("is UNSUPPORTED_MEDIA, with advice, when it is coded in HEVC: %s", async (_, decode) => {
    await expect(decode(heic())).rejects.toMatchObject({
      ...{ code: "UNSUPPORTED_MEDIA", retryable: false, message: expect.stringMatching(/HEVC.*libde265.*JPEG/) },
    });
  });

  it.each(decoders)("is INVALID_MEDIA when a HEIC is damaged: %s", async (_, decode) => {
    await expect(decode(heic().subarray(0, 120))).rejects.toMatchObject({ code: "INVALID_MEDIA" });
  });

  it("tells the cause, and not where the file is: an AVIF that is cut off, from a path and from bytes", async () => {
    const whole = await quarters(200, 100).avif({ effort: 0 }).toBuffer();
    const cut = whole.subarray(0, -20);
    const path = join(directory, "cut.avif");
    await writeFile(path, cut);
    for (const input of [path, cut]) {
      const thumbnail = makeThumbnail({ input, mimeType: "image/avif" }, thumbnailSettings);
      await expect(thumbnail).rejects.toMatchObject({
        ...{ code: "INVALID_MEDIA", message: expect.stringMatching(/^The image \(image\/avif\) is damaged: heif: /) },
      });
    }
  });

  it("is UNSUPPORTED_MEDIA when sharp has no decoder for the type", async () => {
    const bitmap = Buffer.concat([Buffer.from("BM"), Buffer.alloc(200)]);
    await expect(thumbnailOf(bitmap)).rejects.toMatchObject({
      ...{ code: "UNSUPPORTED_MEDIA", message: expect.stringContaining("image/bmp") },
    });
  });

  it("is MISSING_ORIGINAL when the file vanished, and no fault of the file when it cannot be read", async () => {
    const thumbnail = (input: string, mimeType: string) => makeThumbnail({ input, mimeType }, thumbnailSettings);
    for (const mimeType of ["image/jpeg", "image/webp"]) {
      await expect(thumbnail(join(directory, "gone"), mimeType)).rejects.toMatchObject({ code: "MISSING_ORIGINAL" });
      const inTheWay = join(directory, `${mimeType.slice(6)}.file`);
      await writeFile(inTheWay, "");
      await expect(thumbnail(join(inTheWay, "gone"), mimeType)).rejects.toMatchObject({
        ...{ code: "STORAGE_FAILED", retryable: true },
      });
    }
  });
});
