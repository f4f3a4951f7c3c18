import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HEAD_BYTES, sniff } from "../../src/media/sniff.js";
import { makeThumbnail, type ThumbnailSettings } from "../../src/media/thumbnail.js";
import { makeVisionImage, type VisionSettings, visionSize } from "../../src/media/vision-image.js";
import { animation, colourAt, photo, quarters, type Rgb } from "../support/images.js";

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

function expectColour(actual: Rgb, expected: Rgb, tolerance = 30) {
  const distance = Math.max(...actual.map((value, channel) => Math.abs(value - (expected[channel] as number))));
  expect(distance, `rgb(${actual}) instead of rgb(${expected})`).toBeLessThanOrEqual(tolerance);
}

const RED: Rgb = [220, 30, 30];
const GREEN: Rgb = [30, 180, 40];
const BLUE: Rgb = [30, 50, 200];
const WHITE: Rgb = [255, 255, 255];
async function expectUpright(image: Uint8Array) {
  expectColour(await colourAt(image, 0.1, 0.1), RED);
  expectColour(await colourAt(image, 0.9, 0.1), GREEN);
  expectColour(await colourAt(image, 0.9, 0.9), BLUE);
  expectColour(await colourAt(image, 0.1, 0.9), WHITE);
}

/** The picture as a camera with this orientation stores it: the inverse of what a viewer has to do. sharp mirrors first. */
async function storedAs(orientation: number): Promise<Buffer> {
  const upright = await quarters(120, 80).png().toBuffer();
  const turned = (image: Sharp) => {
    switch (orientation) {
      case 2:
        return image.flop();
      case 3:
        return image.rotate(180);
      case 4:
        return image.flip();
      case 5:
        return image.flop().rotate(270);
      case 6:
        return image.rotate(270);
      case 7:
        return image.flop().rotate(90);
      case 8:
        return image.rotate(90);
      default:
        return image;
    }
  };
  return turned(sharp(upright)).jpeg().withMetadata({ orientation }).toBuffer();
}

describe("derived images", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])("are upright for EXIF orientation %i", async (orientation) => {
    const stored = await storedAs(orientation);
    expect((await sharp(stored).metadata()).orientation).toBe(orientation);

    const thumbnail = await thumbnailOf(stored, { size: 60 });
    expect([thumbnail.width, thumbnail.height]).toEqual([60, 40]);
    await expectUpright(thumbnail.data);

    const { image, measured } = await visionImageOf(stored);
    expect(measured).toMatchObject({ width: 120, height: 80 });
    expect([image.width, image.height]).toEqual([112, 56]);
    await expectUpright(image.data);
  });

  it.each([
    ["CMYK", () => quarters(80, 80).toColourspace("cmyk").jpeg().toBuffer(), 80],
    ["16 bits a channel", () => quarters(80, 80).toColourspace("rgb16").png().toBuffer(), 10],
    ["a palette", () => quarters(80, 80).png({ palette: true }).toBuffer(), 10],
    ["a wide gamut", () => quarters(80, 80).withIccProfile("p3").png().toBuffer(), 12],
    ["TIFF", () => quarters(80, 80).tiff({ compression: "lzw" }).toBuffer(), 10],
    ["AVIF", () => quarters(80, 80).avif({ effort: 0 }).toBuffer(), 30],
  ])("are 8-bit sRGB from %s", async (_, make, tolerance) => {
    for (const format of ["jpeg", "png"] as const) {
      const { data } = await thumbnailOf(await make(), { format });
      expect(await sharp(data).metadata()).toMatchObject({
        space: "srgb",
        channels: 3,
        depth: "uchar",
        hasAlpha: false,
      });
      expectColour(await colourAt(data, 0.9, 0.9), BLUE, tolerance);
    }
    const { image } = await visionImageOf(await make());
    expect(await sharp(image.data).metadata()).toMatchObject({ format: "jpeg", space: "srgb", channels: 3 });
    expectColour(await colourAt(image.data, 0.9, 0.9), BLUE, tolerance + 5);
  });

  it("lay transparent parts on the background", async () => {
    const round = photo("astronaut-round-alpha.png");
    const { data } = await thumbnailOf(round, { background: "#00ff00" });
    expectColour(await colourAt(data, 0.01, 0.01), [0, 255, 0], 12);
    const { image } = await visionImageOf(round, { background: "#ff00ff" });
    expectColour(await colourAt(image.data, 0.01, 0.01), [255, 0, 255], 12);
  });

  it.each(["gif", "webp"] as const)("show the first frame of an animated %s", async (format) => {
    const animated = await animation(format, [RED, GREEN, BLUE]);
    expect((await sharp(animated).metadata()).pages).toBe(3);
    const thumbnail = await thumbnailOf(animated);
    expect([thumbnail.width, thumbnail.height]).toEqual([32, 32]);
    expectColour(await colourAt(thumbnail.data, 0.5, 0.5), RED, 12);
    expectColour(await colourAt((await visionImageOf(animated)).image.data, 0.5, 0.5), RED, 12);
  });

  it("carry no metadata", async () => {
    const tagged = await quarters(80, 80)
      .jpeg()
      .withExif({ IFD0: { Copyright: "somebody" }, IFD3: { GPSLatitudeRef: "N", GPSLatitude: "51/1 30/1 0/1" } })
      .withIccProfile("p3")
      .withXmp('<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"></x:xmpmeta>')
      .toBuffer();
    const before = await sharp(tagged).metadata();
    expect([before.exif, before.icc, before.xmp]).not.toContain(undefined);
    for (const { data } of [await thumbnailOf(tagged), (await visionImageOf(tagged)).image]) {
      const after = await sharp(data).metadata();
      expect([after.exif, after.icc, after.xmp, after.orientation]).toEqual([
        undefined,
        undefined,
        undefined,
        undefined,
      ]);
    }
  });
});

describe("makeThumbnail", () => {
  it.each([
    ["landscape", 1000, 500, 256, 128],
    ["portrait", 300, 900, 85, 256],
    ["small, not enlarged", 100, 50, 100, 50],
    ["one pixel", 1, 1, 1, 1],
    ["a line", 1, 5000, 1, 256],
  ])("fits inside the size: %s", async (_, width, height, thumbnailWidth, thumbnailHeight) => {
    const thumbnail = await thumbnailOf(await quarters(width, height).png().toBuffer());
    expect([thumbnail.width, thumbnail.height]).toEqual([thumbnailWidth, thumbnailHeight]);
    expect(await sharp(thumbnail.data).metadata()).toMatchObject({ width: thumbnail.width, height: thumbnail.height });
  });

  it.each(["jpeg", "webp", "png"] as const)("makes a %s", async (format) => {
    const { data, contentType } = await thumbnailOf(photo("cat.png"), { format });
    expect(contentType).toBe(`image/${format}`);
    expect(await sharp(data).metadata()).toMatchObject({ format, isPalette: false });
  });

  it("takes the quality into account", async () => {
    const [low, high] = [await thumbnailOf(photo("cat.png"), { quality: 30 }), await thumbnailOf(photo("cat.png"))];
    expect(low.data.byteLength).toBeLessThan(high.data.byteLength / 2);
  });
});

describe("makeVisionImage", () => {
  it.each([
    [
      { width: 4000, height: 3000 },
      { width: 1568, height: 1176 },
    ],
    [
      { width: 3000, height: 4000 },
      { width: 1176, height: 1568 },
    ],
    [
      { width: 1568, height: 1568 },
      { width: 1568, height: 1568 },
    ],
    [
      { width: 1000, height: 872 },
      { width: 980, height: 868 },
    ],
    [
      { width: 55, height: 30 },
      { width: 28, height: 28 },
    ],
    [
      { width: 1, height: 1 },
      { width: 28, height: 28 },
    ],
    [
      { width: 1, height: 5000 },
      { width: 28, height: 1568 },
    ],
    [
      { width: 20_000, height: 3 },
      { width: 1568, height: 28 },
    ],
  ])("chooses the size for %o: %o", (original, size) => {
    expect(visionSize(original, visionSettings)).toEqual(size);
  });

  it("keeps to its limits for every size", () => {
    const { maxSide, multipleOf } = visionSettings;
    for (let width = 1; width < 6000; width = Math.ceil(width * 1.37)) {
      for (let height = 1; height < 6000; height = Math.ceil(height * 1.31)) {
        const size = visionSize({ width, height }, visionSettings);
        for (const [side, original] of [
          [size.width, width],
          [size.height, height],
        ] as const) {
          // biome-ignore format: pairs
          expect(side % multipleOf).toBe(0);
          expect(side).toBeGreaterThanOrEqual(multipleOf);
          expect(side).toBeLessThanOrEqual(Math.min(maxSide, Math.max(original, multipleOf)));
        }
      }
    }
  });

  it("rounds a longest side that is no multiple down", () => {
    expect(visionSize({ width: 5000, height: 5000 }, { maxSide: 1010, multipleOf: 32 })).toEqual({
      width: 992,
      height: 992,
    });
  });

  it("is as large as it says", async () => {
    const { image } = await visionImageOf(photo("rocket-exif-rotated.jpg"));
    expect(image).toMatchObject({ mimeType: "image/jpeg", width: 616, height: 420 });
    expect(await sharp(image.data).metadata()).toMatchObject({ format: "jpeg", width: 616, height: 420 });
  });
});

it.each(["jpeg", "png", "webp", "gif", "tiff", "avif"] as const)(
  "a %s that is overwritten in place is seen as it is now, in spite of the decoder's cache",
  async (format) => {
    const path = join(directory, `overwritten.${format}`);
    const source = { input: path, mimeType: `image/${format}` };
    const flat = (background: string, width: number) =>
      sharp({ create: { width, height: 56, channels: 3, background } })
        .toFormat(format)
        .toBuffer();

    await writeFile(path, await flat("#ff0000", 84));
    expectColour(await colourAt((await makeThumbnail(source, thumbnailSettings)).data, 0.5, 0.5), [255, 0, 0], 12);
    expect((await makeVisionImage(source, visionSettings)).measured).toEqual({ width: 84, height: 56 });

    await writeFile(path, await flat("#0000ff", 112));
    expectColour(await colourAt((await makeThumbnail(source, thumbnailSettings)).data, 0.5, 0.5), [0, 0, 255], 12);
    expect((await makeVisionImage(source, visionSettings)).measured).toEqual({ width: 112, height: 56 });
  },
);

it("leaves the process-wide settings of sharp alone", async () => {
  const before = [sharp.cache(), sharp.concurrency()].map((value) => JSON.stringify(value, ["max"]));
  await thumbnailOf(photo("rocket.jpg"));
  expect([sharp.cache(), sharp.concurrency()].map((value) => JSON.stringify(value, ["max"]))).toEqual(before);
});
