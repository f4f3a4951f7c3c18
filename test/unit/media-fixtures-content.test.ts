import { Readable } from "node:stream";
import { runInNewContext } from "node:vm";
import { createInflate } from "node:zlib";
import sharp from "sharp";
import { describe, expect, test, vi } from "vitest";
import { sniff } from "../../src/media/sniff.js";
import { blankPng } from "../../src/testing/fixtures/png.js";
import { createMediaFixtures, sampleJpeg } from "../../src/testing/index.js";
import { colourAt } from "../support/images.js";

const fixtures = new Map(createMediaFixtures().map(({ name, bytes }) => [name, Buffer.from(bytes)]));

function bytesOf(name: string): Buffer {
  const bytes = fixtures.get(name);
  if (bytes === undefined) throw new Error(`There is no fixture ${name}`);
  return bytes;
}

const timesIn = (name: string, text: string) => bytesOf(name).toString("latin1").split(text).length - 1;

describe("the fixtures are what they are called, as sharp sees them", () => {
  test.each<[name: string, metadata: object]>([
    ["a bomb: 900 megapixels", { format: "png", width: 30_000, height: 30_000 }],
    ["90 million rows of one pixel", { format: "png", width: 1, height: 90_000_000 }],
    ["99 megapixels in 12 kB", { format: "png", width: 9900, height: 10_000 }],
    ["99 megapixels in 415 bytes", { format: "jpeg", width: 9900, height: 10_000 }],
    ["10,000 frames", { format: "gif", pages: 10_000 }],
    ["a JPEG of 1,000 scans", { format: "jpeg", isProgressive: true }],
    ["1 × 1 px", { width: 1, height: 1 }],
    ["1 × 20,000 px", { width: 1, height: 20_000 }],
    ["a panorama of 20,000 × 100 px", { width: 20_000, height: 100 }],
    ["16 bits", { depth: "ushort" }],
    ["black and white", { bitsPerSample: 1 }],
    ["grey", { space: "b-w", channels: 1 }],
    ["a palette of one colour", { isPalette: true }],
    ["CMYK without a profile", { format: "jpeg", space: "cmyk", channels: 4, hasProfile: false }],
    ["a wide gamut", { format: "jpeg", space: "srgb", hasProfile: true }],
    ["all transparent", { hasAlpha: true, channels: 4 }],
    ["an animated GIF", { format: "gif", pages: 3 }],
    ["an animated WebP", { format: "webp", pages: 3 }],
    ["a progressive JPEG", { format: "jpeg", isProgressive: true }],
    ["a WebP", { format: "webp" }],
    ["an AVIF", { format: "heif", compression: "av1" }],
    ["a TIFF", { format: "tiff", width: 64, height: 48 }],
    ["a TIFF that goes round in circles", { format: "tiff", width: 64, height: 48 }],
    ...[1, 2, 3, 4, 5, 6, 7, 8].map((orientation): [string, object] => [
      `EXIF orientation ${orientation}`,
      { orientation, width: 64, height: 48 },
    ]),
  ])("%s", async (name, metadata) => {
    expect(await sharp(bytesOf(name), { limitInputPixels: false }).metadata()).toMatchObject(metadata);
  });

  test("200 texts in a PNG", async () => {
    expect(timesIn("200 texts in a PNG", "tEXtComment\0text ")).toBe(200);
    const { comments } = await sharp(bytesOf("200 texts in a PNG")).metadata();
    expect(comments?.[0]).toMatchObject({ keyword: "Comment", text: expect.stringMatching(/^(?:text ){2000}$/) });
  });

  test("a wide gamut means other colours than its numbers say", async () => {
    const meant = await colourAt(bytesOf("a wide gamut"), 0.9, 0.1);
    const { data, info } = await sharp(bytesOf("a wide gamut"), { ignoreIcc: true })
      .raw()
      .toBuffer({ resolveWithObject: true });
    const offset = (1 * info.width + 14) * info.channels;
    expect(Math.abs((meant[1] ?? 0) - (data[offset + 1] ?? 0))).toBeGreaterThan(10);
  });

  test("the bomb would really decode, were its side not so long", async () => {
    const { info } = await sharp(blankPng({ width: 3000, height: 2000 }), { failOn: "warning" })
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 3000, height: 2000 });
  });
});

describe("the fixtures are what they are called, byte by byte", () => {
  test.each(["a text that unpacks to 256 MB", "a profile that unpacks to 256 MB"])("%s", async (name) => {
    const png = bytesOf(name);
    const at = Math.max(png.indexOf("zTXt"), png.indexOf("iCCP"));
    const data = png.subarray(at + 4 + "Comment\0\0".length, at + 4 + png.readUInt32BE(at - 4));
    let unpacked = 0;
    for await (const chunk of Readable.from([data]).pipe(createInflate())) unpacked += chunk.length;
    expect(unpacked).toBe(2 ** 28);
  });

  test("a bit of a PNG flipped", () => {
    const [right, wrong] = [blankPng({ width: 64, height: 48 }), bytesOf("a bit of a PNG flipped")];
    const bits = right.reduce(
      (sum, byte, at) => sum + (byte ^ (wrong[at] ?? 0)).toString(2).replaceAll("0", "").length,
      0,
    );
    expect([wrong.length, bits]).toEqual([right.length, 1]);
  });

  test("a JPEG and a GIF of 65,535 × 65,535 px", () => {
    const jpeg = bytesOf("a JPEG of 65,535 × 65,535 px");
    expect(jpeg.subarray(jpeg.indexOf(Buffer.from([0xff, 0xc0]))).readUInt32BE(5)).toBe(0xffffffff);
    const gif = bytesOf("a GIF of 65,535 × 65,535 px");
    expect([gif.readUInt32LE(6), gif.subarray(gif.indexOf(",")).readUInt32LE(5)]).toEqual([0xffffffff, 0xffffffff]);
  });

  test("scans, pieces and comments", () => {
    expect(timesIn("a JPEG of 1,000 scans", "\xff\xda")).toBeGreaterThan(1000);
    expect(timesIn("a profile in 255 pieces", "ICC_PROFILE\0")).toBe(255);
    expect(timesIn("2 MB of comments", "text ")).toBeGreaterThan(400_000);
  });

  test.each([
    ["a TIFF with sides of 4,294,967,295 px", 256, 1, 2 ** 32 - 1],
    ["a TIFF tag of 4,294,967,295 letters", 270, 2 ** 32 - 1, 8],
    ["a TIFF strip of 4 GB", 279, 1, 2 ** 32 - 1],
    ["a TIFF strip 4 GB away", 273, 1, 2 ** 32 - 1],
    ["a TIFF of 90 million strips", 273, 90_000_000, 8],
  ])("%s", (name, tag, count, value) => {
    const tiff = bytesOf(name);
    const tags = Array.from({ length: tiff.readUInt16LE(8) }, (_, index) => tiff.readUInt16LE(10 + 12 * index));
    expect(tags).toEqual([...tags].sort((a, b) => a - b));
    const at = 10 + 12 * tags.indexOf(tag);
    expect([tiff.readUInt32LE(at + 4), tiff.readUInt32LE(at + 8)]).toEqual([count, value]);
  });

  test("a TIFF that goes round in circles", () => {
    const tiff = bytesOf("a TIFF that goes round in circles");
    expect(tiff.readUInt32LE(10 + 12 * tiff.readUInt16LE(8))).toBe(8);
  });

  test("an animated PNG", async () => {
    const png = bytesOf("an animated PNG");
    expect(await sniff(png)).toBe("image/apng");
    expect(png.readUInt32BE(png.indexOf("acTL") + 4)).toBe(3);
    expect([timesIn("an animated PNG", "fcTL"), timesIn("an animated PNG", "fdAT")]).toEqual([3, 2]);
  });

  test("a GIF that is a JavaScript", () => {
    const alert = vi.fn();
    runInNewContext(bytesOf("a GIF that is a JavaScript").toString("latin1"), { alert });
    expect(alert).toHaveBeenCalledExactlyOnceWith(1);
  });

  test("a JPEG that a zip file follows", () => {
    const zip = bytesOf("a JPEG that a zip file follows");
    expect(zip.subarray(0, sampleJpeg().length).equals(sampleJpeg())).toBe(true);
    const directory = zip.readUInt32LE(zip.lastIndexOf("PK\x05\x06") + 16);
    expect(zip.toString("latin1", directory, directory + 4)).toBe("PK\x01\x02");
    const file = zip.readUInt32LE(directory + 42);
    expect(zip.toString("latin1", file + 30, directory)).toBe("run.sh#!/bin/sh\nid\n");
  });

  test("a PDF that a JPEG follows", async () => {
    const pdf = bytesOf("a PDF that a JPEG follows");
    expect(pdf.toString("latin1", 0, 5)).toBe("%PDF-");
    expect(await sniff(pdf.subarray(9))).toBe("image/jpeg");
  });
});
