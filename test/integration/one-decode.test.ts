import sharp, { type Sharp } from "sharp";
import { rgbaToThumbHash, thumbHashToAverageRGBA, thumbHashToRGBA } from "thumbhash";
import { describe, expect, it, test } from "vitest";
import { mediaFacts, processUploadWithRetry, type UploadRecord, type VisionImage } from "../../src/index.js";
import { makePictures } from "../../src/media/pictures.js";
import { makeThumbnail } from "../../src/media/thumbnail.js";
import { makeVisionImage } from "../../src/media/vision-image.js";
import { VisionAhead } from "../../src/runtime/vision-ahead.js";
import { examplePhotos } from "../bench/photos.js";
import { decodeSlots } from "../support/decode-slots.js";
import { fakeDecoder, solid } from "../support/fake-decoder.js";
import { deferred, until, uploadOf, worldOf } from "../support/fakes.js";
import { photo } from "../support/images.js";
import { jpeg, jpegPath, mediaOf, thumbnailOptions } from "../support/media.js";

const vision = { maxSide: 1568, multipleOf: 28, quality: 90, background: "#ffffff", limitInputPixels: 1e8 };
const picture = (size: number, format: "jpeg" | "webp" | "png" = "png") => ({ size, format, quality: 90 });

/** Of two pictures of one size, how much their pixels differ on average, of 255. */
async function difference(one: Uint8Array, other: Uint8Array): Promise<number> {
  const [a, b] = await Promise.all(
    [one, other].map((data) => sharp(data).toColourspace("srgb").raw().toBuffer({ resolveWithObject: true })),
  );
  if (a === undefined || b === undefined) throw new Error("no pictures");
  expect([a.info.width, a.info.height, a.info.channels]).toEqual([b.info.width, b.info.height, b.info.channels]);
  let sum = 0;
  for (let at = 0; at < a.data.length; at++) sum += Math.abs((a.data[at] ?? 0) - (b.data[at] ?? 0));
  return sum / a.data.length;
}

/** A JPEG is decoded at a fraction of its size for a small picture: its sides are multiples of that here, so nothing is shifted. */
async function enlarged(path: string): Promise<Buffer> {
  return sharp(path)
    .autoOrient()
    .resize(3200, 2400)
    .flatten({ background: "#ffffff" })
    .jpeg({ quality: 92 })
    .toBuffer();
}

/** Made of all pixels of the original. */
async function ofAllPixels(input: Buffer, { size }: { size: number }): Promise<Buffer> {
  const { data, info } = await sharp(input).raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  return sharp(data, { raw: { width, height, channels } }).resize(size, size, { fit: "inside" }).png().toBuffer();
}

describe("pictures of one decoding", () => {
  it("are never enlarged: of a strip, the vision image is higher and a rendition is wider", async () => {
    const row = Buffer.from(Array.from({ length: 8000 }, (_, x) => ((x >> 3) % 2 ? 255 : 0)));
    const raw = { width: 8000, height: 40, channels: 1 } as const;
    const input = await sharp(Buffer.concat(Array(40).fill(row)), { raw })
      .png()
      .toBuffer();
    const wanted = { pictures: [picture(2048)], placeholder: false, vision: true, measure: false };
    const made = await makePictures({ input, mimeType: "image/png" }, wanted, vision);
    expect(made.visionImage?.height).toBeGreaterThan(made.pictures[0]?.height ?? 0);
    expect(
      await difference(made.pictures[0]?.data ?? new Uint8Array(), await ofAllPixels(input, { size: 2048 })),
    ).toBeLessThan(2);
  });

  it.each(examplePhotos().map((path) => [path.split("/").at(-1), path]))(
    "look as those made one by one: %s",
    async (_, path) => {
      const source = { input: await enlarged(path), mimeType: "image/jpeg" };
      const pictures = [picture(256), picture(640), picture(1024), picture(2000)];
      const made = await makePictures(source, { pictures, placeholder: true, vision: true, measure: false }, vision);
      for (const [index, settings] of pictures.entries()) {
        const direct = await makeThumbnail(source, { ...vision, ...settings });
        const derived = made.pictures[index]?.data ?? new Uint8Array();
        expect(await difference(derived, direct.data), `${settings.size} px`).toBeLessThan(2);
        const best = await ofAllPixels(source.input, settings);
        expect(await difference(derived, best), `${settings.size} px`).toBeLessThan(1);
      }
      const direct = await makeVisionImage(source, vision);
      expect(await difference(made.visionImage?.data ?? new Uint8Array(), direct.image.data)).toBeLessThan(2);
      expect(made.measured).toMatchObject({ width: 3200 });
    },
  );

  const kinds: readonly (readonly [string, string, () => Promise<Buffer> | Buffer])[] = [
    [
      "turned by EXIF",
      "image/jpeg",
      async () => sharp(photo("rocket.jpg")).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    ],
    ["grey", "image/jpeg", () => sharp(photo("rocket.jpg")).greyscale().jpeg().toBuffer()],
    ["grey with alpha", "image/png", () => withAlpha(sharp(photo("rocket.jpg")).greyscale())],
    ["transparent", "image/png", () => withAlpha(sharp(photo("rocket.jpg")))],
    ["16 bits", "image/png", () => sharp(photo("rocket.jpg")).toColourspace("rgb16").png().toBuffer()],
    ["CMYK", "image/jpeg", () => sharp(photo("rocket.jpg")).toColourspace("cmyk").jpeg().toBuffer()],
    [
      "of one pixel",
      "image/png",
      () =>
        sharp({ create: { width: 1, height: 1, channels: 3, background: "#123456" } })
          .png()
          .toBuffer(),
    ],
    ["long and thin", "image/png", () => sharp(photo("rocket.jpg")).resize(3000, 5, { fit: "fill" }).png().toBuffer()],
    ["with colours of its own", "image/png", () => sharp(photo("rocket.jpg")).withIccProfile("p3").png().toBuffer()],
  ];

  it.each(kinds)("are right for an image %s", async (_, mimeType, make) => {
    const source = { input: await make(), mimeType };
    const pictures = [picture(256), picture(1024)];
    const made = await makePictures(source, { pictures, placeholder: true, vision: true, measure: false }, vision);
    for (const [index, settings] of pictures.entries()) {
      const direct = await makeThumbnail(source, { ...vision, ...settings });
      expect(made.pictures[index]).toMatchObject({ width: direct.width, height: direct.height });
      expect(await difference(made.pictures[index]?.data ?? new Uint8Array(), direct.data)).toBeLessThan(2);
    }
    const direct = await makeVisionImage(source, vision);
    expect(made.visionImage).toMatchObject({ width: direct.image.width, height: direct.image.height });
    expect(await difference(made.visionImage?.data ?? new Uint8Array(), direct.image.data)).toBeLessThan(2);
    const [hash] = await hashOf(source.input);
    const mean = (bytes: Uint8Array) => Object.values(thumbHashToAverageRGBA(bytes));
    for (const [channel, value] of mean(Buffer.from(made.placeholder ?? "", "base64")).entries())
      expect(Math.abs(value - (mean(hash)[channel] ?? 0))).toBeLessThan(0.05);
  });

  async function hashOf(input: Buffer): Promise<readonly [Uint8Array]> {
    const { data, info } = await sharp(input)
      .autoOrient()
      .resize(100, 100, { fit: "inside", withoutEnlargement: true })
      .flatten({ background: "#ffffff" })
      .toColourspace("srgb")
      .ensureAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const rgba =
      info.channels === 4
        ? data
        : Buffer.from([...data].flatMap((grey, at) => (at % 2 === 0 ? [grey, grey, grey] : [grey])));
    return [rgbaToThumbHash(info.width, info.height, rgba)];
  }

  /** Its right half is transparent. */
  async function withAlpha(image: Sharp): Promise<Buffer> {
    const { width, height } = await image.metadata();
    const alpha = Buffer.alloc(width * height);
    for (let at = 0; at < alpha.length; at++) alpha[at] = at % width < width / 2 ? 255 : 0;
    const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
    const { channels } = info;
    const mask = { raw: { width, height, channels: 1 } } as const;
    return sharp(data, { raw: { width, height, channels } }).joinChannel(alpha, mask).png().toBuffer();
  }
});

describe("the image for the model", () => {
  const open = (options: Parameters<typeof mediaOf>[1] = {}) => {
    const slots = decodeSlots(1);
    const visionAhead = new VisionAhead();
    return { ...mediaOf(() => ({ bytes: jpeg }), { ...slots, visionAhead, ...options }), slots, visionAhead };
  };

  it("is made with the thumbnail, and there when it is asked for, without a slot", async () => {
    const { media, prepare, signal, slots } = open();
    const prepared = await prepare();
    await media.thumbnail(thumbnailOptions, signal);
    expect(await prepared.visionImage()).toMatchObject({ width: 616, height: 420 });
    expect(slots.calls()).toBe(0);
    expect(media.facts()).toMatchObject({ width: 640, height: 427 });
    await media.release();
  });

  it("is the one that it would be otherwise", async () => {
    const { media, prepare, signal } = open();
    const plain = mediaOf(() => ({ bytes: jpeg }));
    const [prepared, direct] = await Promise.all([prepare(), plain.prepare()]);
    await media.thumbnail(thumbnailOptions, signal);
    const [one, other] = await Promise.all([prepared.visionImage(), direct.visionImage()]);
    expect({ ...one, data: null }).toEqual({ ...other, data: null });
    expect(await difference(one.data, other.data)).toBeLessThan(2);
    await Promise.all([media.release(), plain.media.release()]);
  });

  it("is made anew when the original was replaced meanwhile", async () => {
    const visionAhead = new VisionAhead();
    const small = await sharp(jpeg).resize(300).jpeg().toBuffer();
    const { writeFile, mkdtemp, rm } = await import("node:fs/promises");
    const folder = await mkdtemp(`${(await import("node:os")).tmpdir()}/one-decode-`);
    const path = `${folder}/original.jpg`;
    await writeFile(path, jpeg);
    const { media, prepare, signal } = mediaOf(() => ({ path }), { visionAhead });
    const prepared = await prepare();
    await media.thumbnail(thumbnailOptions, signal);
    await writeFile(path, small);
    expect((await prepared.visionImage()).width).toBe(280);
    await media.release();
    await rm(folder, { recursive: true });
  });

  it("is not made any more when a model has not asked for the last one of its type", async () => {
    const visionAhead = new VisionAhead();
    const made = async (asks: boolean) => {
      const slots = decodeSlots(1);
      const { media, prepare, signal } = open({ ...slots, visionAhead });
      const prepared = await prepare();
      const { visionImage } = await media.pictures({ pictures: [thumbnailOptions], placeholder: false }, signal);
      if (asks) await prepared.visionImage();
      await media.described();
      await media.release();
      return visionImage !== undefined;
    };
    expect([await made(false), await made(false), await made(true), await made(true)]).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  it("is not made ahead when so much waits already, nor for what is described", async () => {
    const visionAhead = new VisionAhead();
    visionAhead.hold(40 * 2 ** 20);
    const { media, prepare, signal } = open({ visionAhead });
    await prepare();
    const wanted = { pictures: [thumbnailOptions], placeholder: false };
    expect(await media.pictures(wanted, signal)).not.toHaveProperty("visionImage");
    visionAhead.letGo(40 * 2 ** 20);
    expect(await media.pictures(wanted, signal)).toHaveProperty("visionImage");
    await media.release();
    expect(visionAhead.expects("image/jpeg")).toBe(true);

    const described = open({ isToBeDescribed: () => false });
    await described.prepare();
    expect(await described.media.pictures(wanted, signal)).not.toHaveProperty("visionImage");
    await described.media.release();
  });

  it("lets go of what it held, whatever becomes of the upload", async () => {
    class Counting extends VisionAhead {
      bytes = 0;
      override hold(more: number) {
        this.bytes += more;
      }
      override letGo(less: number) {
        this.bytes -= less;
      }
    }
    for (const end of ["asked", "described", "released"]) {
      const visionAhead = new Counting();
      const { media, prepare, signal } = open({ visionAhead });
      const prepared = await prepare();
      await media.thumbnail(thumbnailOptions, signal);
      expect(visionAhead.bytes).toBeGreaterThan(0);
      if (end === "asked") await prepared.visionImage();
      if (end === "described") await media.described();
      await media.release();
      expect(visionAhead.bytes, end).toBe(0);
    }
    const { promise, resolve } = deferred();
    const decoder = fakeDecoder({ mimeTypes: ["image/jpeg"], before: () => promise });
    const visionAhead = new Counting();
    const { media, prepare, signal } = open({ visionAhead, decoders: [decoder] });
    await prepare();
    const making = media.pictures({ pictures: [thumbnailOptions], placeholder: false }, signal);
    await until(() => decoder.requests.length === 1);
    const releasing = media.release();
    resolve();
    expect(await making).toHaveProperty("visionImage");
    await releasing;
    expect(visionAhead.bytes, "released before it was made").toBe(0);
  });
});

/** HEIC in name: a decoder is asked once for everything. */
test.each(["describe", "thumbnail"] as const)(
  "an image with a decoder is decoded once, also when a stage before %s looks first",
  async (before) => {
    const upload = uploadOf("u1");
    const world = worldOf([upload]);
    world.storage.put(upload.storageKey, heic());
    const decoder = fakeDecoder({
      mimeTypes: ["image/heic"],
      frames: [solid([10, 200, 90], { width: 2000, height: 1500 })],
    });
    let image: VisionImage | undefined;
    world.ai.describe.mockImplementation(async (media) => {
      image = await media.visionImage();
      return "green";
    });
    const looks = {
      name: "looks",
      before,
      run: async (media: { visionImage(): Promise<VisionImage> }) => void (await media.visionImage()),
    };
    const result = await processUploadWithRetry(upload, world, {
      ...{ decoders: [decoder], renditions: { large: { size: 1024 } }, placeholder: "thumbhash", stages: [looks] },
    });
    if (result.status !== "completed") throw new Error(`${result.status} ${"error" in result && result.error.message}`);
    expect(result.warnings).toEqual([]);
    expect(decoder.requests).toMatchObject([{ max: 1, maxSide: 1568 }]);
    expect(image).toMatchObject({ width: 1568, height: 1176 });
    const { renditions, placeholder = "" } = mediaFacts(result.upload) ?? {};
    expect(renditions).toMatchObject({ large: { width: 1024, height: 768 } });
    const { r, g, b } = thumbHashToAverageRGBA(Buffer.from(placeholder, "base64"));
    for (const [value, wanted] of [
      [r, 10],
      [g, 200],
      [b, 90],
    ] as const)
      expect(Math.abs(value * 255 - wanted)).toBeLessThan(6);
    expect(thumbHashToRGBA(Buffer.from(placeholder, "base64")).w).toBe(32);
  },
);

test("a JPEG is decoded once for everything by processUploadWithRetry", async () => {
  const upload: UploadRecord = uploadOf("u1");
  const world = worldOf([upload]);
  world.storage.put(upload.storageKey, photo("rocket.jpg"));
  world.ai.describe.mockImplementation(async (media) => `${(await media.visionImage()).width}`);
  const result = await processUploadWithRetry(upload, world, { renditions: { large: { size: 1024 } } });
  expect(result).toMatchObject({ status: "completed", upload: { description: "616" } });
});

test("a path is decoded where it is", async () => {
  const { media, prepare, signal } = mediaOf(() => ({ path: jpegPath }), { visionAhead: new VisionAhead() });
  await prepare();
  expect(await media.pictures({ pictures: [thumbnailOptions], placeholder: true }, signal)).toMatchObject({
    ...{
      pictures: [{ width: 64 }],
      placeholder: expect.stringMatching(/^[\w+/]{20,40}=*$/),
      visionImage: { width: 616 },
    },
  });
  await media.release();
});

/** The head of one: no more is read of it by the fake decoder. */
function heic(): Buffer {
  const box = Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic", "latin1");
  return Buffer.concat([box, Buffer.alloc(5000)]);
}
