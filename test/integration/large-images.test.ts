import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inspectImage } from "../../src/media/inspect/inspect-image.js";
import { jpegPixelLimit, PIXEL_LIMITS } from "../../src/media/pixel-limits.js";
import { makeThumbnail } from "../../src/media/thumbnail.js";
import { inputFile } from "../support/formats/base.js";

const worker = fileURLToPath(new URL("../support/large-image-worker.ts", import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "large-images-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Made here: to code it takes more memory than to decode it. */
async function jpegOf(coding: string, width: number, height: number): Promise<string> {
  const path = join(folder, `${coding}-${width}.jpg`);
  await sharp({ create: { width, height, channels: 3, background: "#c96" } })
    .jpeg({ progressive: coding === "progressive" })
    .toFile(path);
  return path;
}

async function measured(path: string): Promise<{ outcome: string; peakMiB: number }> {
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", worker, path]);
  return JSON.parse(stdout);
}

describe("by default", () => {
  it.each([
    ["baseline", 16320, 12240], // 200 megapixels
    ["baseline", 12000, 9000],
    ["progressive", 16320, 12240],
  ] as const)(
    "a %s JPEG of %s × %s px is let in, and takes less than 1 GiB",
    async (coding, width, height) => {
      const { outcome, peakMiB } = await measured(await jpegOf(coding, width, height));
      expect(outcome).toBe("completed");
      expect(peakMiB).toBeLessThan(1024);
    },
    120_000,
  );

  it("a JPEG of more is refused by name, before it is decoded", async () => {
    const path = await jpegOf("progressive", 64, 64);
    const bytes = readFileSync(path);
    const size = bytes.indexOf(Buffer.from([0xff, 0xc2])) + 5;
    for (const at of [size, size + 2]) bytes.writeUInt16BE(20_000, at);
    writeFileSync(path, bytes);
    const { outcome, peakMiB } = await measured(path);
    expect(outcome).toMatch(/^MEDIA_TOO_LARGE: .*more than \d+ pixels.*by default for JPEG in several scans/);
    expect(peakMiB).toBeLessThan(300);
  });

  it("an AVIF, which takes most for a pixel, is let in up to 50 megapixels", async () => {
    const avif = Buffer.from(inputFile("p3-nclx.avif"));
    const size = avif.indexOf("ispe") + 8;
    avif.writeUInt32BE(8000, size);
    avif.writeUInt32BE(6300, size + 4);
    const settings = { size: 64, format: "jpeg", quality: 80, background: "#ffffff" } as const;
    await expect(makeThumbnail({ input: avif, mimeType: "image/avif" }, settings)).rejects.toMatchObject({
      code: "MEDIA_TOO_LARGE",
      message: expect.stringContaining("50000000 pixels"),
    });
  });

  it.each([
    ["4:2:0", {}, 200_000_000],
    ["4:4:4", { chromaSubsampling: "4:4:4" }, 100_000_000],
  ])("a progressive JPEG at %s has the limit of its coefficients", async (_, options, limit) => {
    const jpeg = await sharp(inputFile("base.png"))
      .jpeg({ progressive: true, ...options })
      .toBuffer();
    expect(await inspectImage(jpeg, "image/jpeg")).toMatchObject({ limitPixels: limit });
  });

  it("an interlaced PNG has a lower limit than another", async () => {
    const limitOf = async (progressive: boolean, deep: boolean) => {
      const image = sharp(inputFile("base.png")).toColourspace(deep ? "rgb16" : "srgb");
      return (await inspectImage(await image.png({ progressive }).toBuffer(), "image/png")).limitPixels;
    };
    expect(await limitOf(false, true)).toBe(PIXEL_LIMITS.png);
    expect(await limitOf(true, false)).toBe(PIXEL_LIMITS.pngInterlaced);
    expect(await limitOf(true, true)).toBe(PIXEL_LIMITS.pngInterlacedDeep);
    expect(jpegPixelLimit(0)).toBe(PIXEL_LIMITS.jpeg);
  });
});

it("a limit of the user's holds for every format", async () => {
  const settings = { size: 64, format: "jpeg", quality: 80, background: "#ffffff", limitInputPixels: 60_000 } as const;
  for (const [name, mimeType] of [
    ["no-end-marker.jpg", "image/jpeg"],
    ["base.png", "image/png"],
    ["hlg.avif", "image/avif"],
  ] as const)
    await expect(makeThumbnail({ input: inputFile(name), mimeType }, settings), name).rejects.toMatchObject({
      code: "MEDIA_TOO_LARGE",
      message: expect.stringContaining("60000 pixels (input.limitInputPixels)"),
    });
});
