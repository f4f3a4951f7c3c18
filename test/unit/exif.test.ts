import { assert as holds, nat, property, tuple, uint8Array } from "fast-check";
import sharp from "sharp";
import { describe, expect, it, test } from "vitest";
import { mediaFacts, type ProcessOptions, processUploadWithRetry } from "../../src/index.js";
import { readExif } from "../../src/media/exif.js";
import { readFileExif } from "../../src/media/picture-source.js";
import { fakeDecoder } from "../support/fake-decoder.js";
import { uploadOf, worldOf } from "../support/fakes.js";
import { multiplied } from "../support/formats/heif-kinds.js";

const ALL = { exif: true, location: true };

const EXIF = {
  IFD0: { Make: "Canon", Model: "Canon EOS R5" },
  IFD2: { DateTimeOriginal: "2024:05:01 12:34:56", OffsetTimeOriginal: "+02:00" },
  IFD3: {
    GPSLatitudeRef: "S",
    GPSLatitude: "33/1 51/1 3133/100",
    GPSLongitudeRef: "E",
    GPSLongitude: "151/1 12/1 5110/100",
  },
};

function photoWith(exif: Record<string, Record<string, string>>, format: "jpeg" | "png" | "webp" | "avif" = "jpeg") {
  const image = sharp({ create: { width: 80, height: 60, channels: 3, background: "#808080" } });
  return image.withExif(exif).toFormat(format).toBuffer();
}

async function exifOf(exif: Record<string, Record<string, string>>, options = ALL) {
  const { exif: data } = await sharp(await photoWith(exif)).metadata();
  return readExif(data ?? new Uint8Array(), options);
}

it("is read of an image that sharp is not to show, because another decoder may", async () => {
  const image = sharp({ create: { width: 64, height: 64, channels: 4, background: "#285aa080" } });
  const avif = await image
    .withExif({ IFD0: { Model: "Acme 1" } })
    .avif()
    .toBuffer();
  const exif = await readFileExif({ input: multiplied(avif), mimeType: "image/avif" });
  expect(readExif(exif ?? new Uint8Array(), ALL)).toMatchObject({ camera: "Acme 1" });
});

describe("EXIF", () => {
  it("tells when, with what and where it was taken", async () => {
    expect(await exifOf(EXIF)).toEqual({
      takenAt: "2024-05-01T12:34:56+02:00",
      camera: "Canon EOS R5",
      gps: { latitude: -33.858703, longitude: 151.214194 },
    });
  });

  it.each([
    ["+99:99", ""],
    ["+15:00", ""],
    ["+14:01", ""],
    ["+05:60", ""],
    ["Z", ""],
    ["+14:00", "+14:00"],
    ["-12:00", "-12:00"],
    ["+05:45", "+05:45"],
    ["-09:30", "-09:30"],
  ])("an offset that is none leaves the moment by the camera's clock: %s", async (offset, kept) => {
    const IFD2 = { DateTimeOriginal: "2024:05:01 12:34:56", OffsetTimeOriginal: offset };
    expect(await exifOf({ IFD2 })).toEqual({ takenAt: `2024-05-01T12:34:56${kept}` });
  });

  it.each([
    [{ exif: true, location: false }, ["camera", "takenAt"]],
    [{ exif: false, location: true }, ["gps"]],
  ])("tells no more than what is wanted: %j", async (options, keys) => {
    expect(Object.keys(await exifOf(EXIF, options)).sort()).toEqual(keys);
  });

  it.each([
    ["a maker beside the model", { IFD0: { Make: "SONY", Model: "ILCE-7M4" } }, { camera: "SONY ILCE-7M4" }],
    ["a model alone", { IFD0: { Model: "Pixel 8" } }, { camera: "Pixel 8" }],
    ["no offset", { IFD2: { DateTimeOriginal: "2019:12:31 23:59:59" } }, { takenAt: "2019-12-31T23:59:59" }],
    ["a clock that was never set", { IFD2: { DateTimeOriginal: "0000:00:00 00:00:00" } }, {}],
    ["a moment that is none", { IFD2: { DateTimeOriginal: "yesterday" } }, {}],
    ["a month that there is not", { IFD2: { DateTimeOriginal: "2024:13:01 12:00:00" } }, {}],
    ["a day that its month has not", { IFD2: { DateTimeOriginal: "2023:02:30 12:00:00" } }, {}],
    ["a leap day in another year", { IFD2: { DateTimeOriginal: "2023:02:29 12:00:00" } }, {}],
    ["a leap day", { IFD2: { DateTimeOriginal: "2024:02:29 12:00:00" } }, { takenAt: "2024-02-29T12:00:00" }],
    ["an hour that no day has", { IFD2: { DateTimeOriginal: "2024:05:01 25:00:00" } }, {}],
    ["the hour behind the last", { IFD2: { DateTimeOriginal: "2024:05:01 24:00:00" } }, {}],
    ["half a position", { IFD3: { GPSLatitudeRef: "N", GPSLatitude: "1/1 2/1 3/1" } }, {}],
    ["a position that is nowhere", { IFD3: { ...EXIF.IFD3, GPSLatitude: "91/1 0/1 0/1" } }, {}],
    ["fractions of zero", { IFD3: { ...EXIF.IFD3, GPSLatitude: "0/0 0/0 0/0" } }, {}],
  ])("with %s", async (_, exif, expected) => {
    expect(await exifOf(exif)).toEqual(expected);
  });

  test("is read in either order of bytes", () => {
    const ascii = (text: string) => [...Buffer.from(text, "latin1")];
    const big = [...ascii("MM"), 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x10, 0, 2, 0, 0, 0, 4, ...ascii("X1\0\0"), 0, 0, 0, 0];
    const little = [
      ...ascii("II"),
      42,
      0,
      8,
      0,
      0,
      0,
      1,
      0,
      0x10,
      0x01,
      2,
      0,
      4,
      0,
      0,
      0,
      ...ascii("X1\0\0"),
      0,
      0,
      0,
      0,
    ];
    for (const bytes of [big, little]) expect(readExif(Uint8Array.from(bytes), ALL)).toEqual({ camera: "X1" });
  });

  test("that is damaged anywhere is read as far as it can be, and nothing is thrown", async () => {
    const { exif } = await sharp(await photoWith(EXIF)).metadata();
    const whole = Uint8Array.from(exif ?? []);
    expect(whole.length).toBeGreaterThan(100);
    for (let length = 0; length < whole.length; length++) readExif(whole.subarray(0, length), ALL);
    await holds(
      property(tuple(nat(whole.length - 1), nat(255)), tuple(nat(whole.length - 1), nat(255)), (one, other) => {
        const damaged = whole.slice();
        for (const [at, value] of [one, other]) damaged[at] = value;
        readExif(damaged, ALL);
      }),
      { numRuns: 2000 },
    );
    await holds(
      property(uint8Array({ maxLength: 400 }), (bytes) => void readExif(Uint8Array.from([...ascii, ...bytes]), ALL)),
    );
  });
  const ascii = [0x49, 0x49, 42, 0, 8, 0, 0, 0];

  test("a directory that refers to itself, and entries that all refer to everything, take no time", () => {
    const entries = 40_000;
    const bytes = new DataView(new ArrayBuffer(8 + 2 + entries * 12));
    bytes.setUint16(0, 0x4949);
    bytes.setUint16(2, 42, true);
    bytes.setUint32(4, 8, true);
    bytes.setUint16(8, entries, true);
    for (let entry = 0; entry < entries; entry++) {
      const at = 10 + entry * 12;
      bytes.setUint16(at, entry === 0 ? 0x8769 : 0x8825, true);
      bytes.setUint16(at + 2, 4, true);
      bytes.setUint32(at + 4, 1, true);
      bytes.setUint32(at + 8, 8, true);
    }
    expect(readExif(new Uint8Array(bytes.buffer), ALL)).toEqual({});
  });
});

describe("the option facts", () => {
  async function factsOf(original: Uint8Array, options: ProcessOptions, asks = false) {
    const upload = uploadOf("u1");
    const world = worldOf([upload]);
    world.storage.put(upload.storageKey, original);
    let told: object | undefined;
    world.ai.describe.mockImplementation(async (media) => {
      if (asks) told = await media.facts();
      return "a photo";
    });
    const result = await processUploadWithRetry(upload, world, options);
    if (result.status !== "completed") throw new Error(result.status);
    return { stored: mediaFacts(result.upload), told };
  }

  it.each(["jpeg", "png", "webp", "avif"] as const)("stores them and tells them to the model: %s", async (format) => {
    const original = await photoWith(EXIF, format);
    const { stored, told } = await factsOf(original, { facts: { exif: true } }, true);
    const facts = { takenAt: "2024-05-01T12:34:56+02:00", camera: "Canon EOS R5", width: 80, height: 60 };
    expect(stored).toMatchObject(facts);
    expect(stored).not.toHaveProperty("gps");
    expect(told).toMatchObject(facts);
  });

  it("is measured also when nobody asks, and no picture is made", async () => {
    const original = await photoWith(EXIF);
    const { stored } = await factsOf(original, { facts: { location: true }, thumbnail: false });
    expect(stored).toMatchObject({ gps: { latitude: -33.858703 } });
    expect(stored).not.toHaveProperty("takenAt");
  });

  it("reads nothing by default", async () => {
    const { stored } = await factsOf(await photoWith(EXIF), {}, true);
    for (const fact of ["takenAt", "camera", "gps"]) expect(stored).not.toHaveProperty(fact);
  });

  it("is read of an image with a decoder, where its header can be", async () => {
    const decoder = fakeDecoder({ mimeTypes: ["image/jpeg"], probe: { width: 80, height: 60, codec: "jpeg" } });
    const { stored } = await factsOf(await photoWith(EXIF), { decoders: [decoder], facts: { exif: true } });
    expect(stored).toMatchObject({ camera: "Canon EOS R5", codec: "jpeg" });
  });
});
