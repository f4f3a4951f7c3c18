import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { promisify } from "node:util";
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { mediaFacts, processUploadWithRetry } from "../../src/index.js";
import { uploadOf, worldOf } from "../support/fakes.js";
import { distance, frameOf, heicBench, imageOf, meanOf, probeOf, sixteenths } from "../support/heic-frames.js";
import {
  box,
  changed,
  coloursProperty,
  full,
  grid,
  type Heif,
  heicFile,
  sizeProperty,
  turned,
  uint,
} from "../support/heif.js";

const bench = heicBench();
const photo = (name: string) => sharp(new URL(`../../examples/photos/${name}`, import.meta.url).pathname);
const rocket = () => photo("rocket.jpg").resize(320, 214);
const coffee = () => photo("coffee.webp").resize(300, 200);
const stretched = () => photo("rocket.jpg").resize(320, 160, { fit: "fill" });
const made = async (image: Sharp) => sharp(await image.png().toBuffer());
const secondIsPrimary = (_: unknown, heif: Heif) => {
  heif.primary = 2;
};

/** Each kind of file, with the photograph that it was made of: what its picture has to look like. */
const KINDS = [
  ["8-bit", () => heicFile("plain"), rocket, 320, 214],
  ["10-bit", () => heicFile("ten-bit"), rocket, 320, 214],
  ["with alpha", () => heicFile("alpha"), () => photo("astronaut-round-alpha.png").resize(200), 200, 200],
  ["in Display P3 by its profile", () => heicFile("p3-profile"), coffee, 300, 200],
  ["of several pictures, the first primary", () => heicFile("several"), coffee, 300, 200],
  ["of several pictures, the second primary", () => changed("several", secondIsPrimary), rocket, 320, 214],
  ["a grid", () => grid(), stretched, 320, 160],
  [
    "turned to the left",
    () => changed("plain", ({ properties }) => properties.push(turned(1))),
    async () => (await made(rocket())).rotate(270),
    214,
    320,
  ],
  [
    "upside down",
    () => changed("plain", ({ properties }) => properties.push(turned(2))),
    async () => (await made(rocket())).rotate(180),
    320,
    214,
  ],
  [
    "mirrored",
    () => changed("plain", ({ properties }) => properties.push({ type: "imir", body: Buffer.from([1]) })),
    async () => (await made(rocket())).flop(),
    320,
    214,
  ],
] as const;

const converts = await promisify(execFile)("heif-convert", ["--help"]).then(
  () => true,
  ({ code }) => code !== "ENOENT",
);

describe("a HEIC", () => {
  it.each(KINDS)("%s: size, what stands where, and colours", async (_, bytes, original, width, height) => {
    const decoder = bench.decoder();
    const path = bench.file(bytes());
    expect(await probeOf(decoder, path)).toEqual({ codec: "hevc", width, height, hdr: false });
    const image = await made(imageOf(await frameOf(decoder, path)));
    expect(await image.metadata()).toMatchObject({ width, height });
    const expected = await made(await original());
    expect(distance(await meanOf(image), await meanOf(expected))).toBeLessThanOrEqual(3);
    // Of a thirtieth of the picture each: the compression is seen, a half turn or a wrong picture is forty and more.
    expect(distance(await sixteenths(image), await sixteenths(expected))).toBeLessThanOrEqual(12);
  });

  it.skipIf(!converts).each(KINDS)("%s: as libheif's own tool has it", async (_, bytes) => {
    const path = bench.file(bytes());
    await promisify(execFile)("heif-convert", [path, `${path}.png`]).catch(() => {}); // some of several may fail
    const image = await made(imageOf(await frameOf(bench.decoder(), path)));
    const { width, height } = await image.metadata();
    const [name = ""] = path.split("/").slice(-1);
    const nearest: number[] = [];
    for (const file of readdirSync(bench.folder).filter(
      (each) => each.startsWith(`${name}-`) || each === `${name}.png`,
    )) {
      const other = sharp(`${bench.folder}/${file}`);
      const size = await other.metadata();
      if (size.width !== width || size.height !== height) continue;
      nearest.push(
        distance(await meanOf(image), await meanOf(other)),
        distance(await sixteenths(image), await sixteenths(other)),
      );
    }
    expect(Math.max(...nearest.slice(0, 2), ...(nearest.length < 2 ? [Number.NaN] : []))).toBeLessThanOrEqual(3);
  });

  it("keeps its alpha", async () => {
    const frame = await frameOf(bench.decoder(), bench.file(heicFile("alpha")));
    expect(frame).toMatchObject({ channels: 4 });
    const [alpha, expected] = await Promise.all(
      [imageOf(frame), photo("astronaut-round-alpha.png").resize(200)].map(async (image) =>
        (await sharp(await image.png().toBuffer()).stats()).channels.map(({ mean }) => mean),
      ),
    );
    expect(Math.abs((alpha?.[3] ?? 0) - (expected?.[3] ?? 255))).toBeLessThanOrEqual(1);
  });

  it.each([
    ["p3", 12],
    ["BT.2020", 9],
  ])("in %s by its numbers alone is converted to sRGB", async (_, primaries) => {
    const plain = await meanOf(imageOf(await frameOf(bench.decoder(), bench.file(heicFile("several")))));
    const wide = changed("several", ({ properties }) => properties.unshift(coloursProperty(primaries, 13)));
    const mean = await meanOf(imageOf(await frameOf(bench.decoder(), bench.file(wide))));
    // The red of the cup is outside of sRGB then: more red, less of what is not.
    expect(mean[0]).toBeGreaterThan((plain[0] ?? 0) + 3);
    expect(mean[1]).toBeLessThan((plain[1] ?? 0) - 1);
  });

  it.each([
    ["linear light", 8, 1],
    ["the power 2.2", 4, 2.2],
    ["the power 2.8", 5, 2.8],
    ["the curve of video", 1, undefined],
  ])("with the transfer function of %s and no profile is shown by it", async (_, transfer, exponent) => {
    const told = changed("plain", ({ properties }) => {
      properties.splice(0, properties.length, ...properties.filter(({ type }) => type !== "colr"));
      properties.push(coloursProperty(1, transfer));
    });
    const shown = await imageOf(await frameOf(bench.decoder(), bench.file(told)))
      .raw()
      .toBuffer();
    const plain = await imageOf(await frameOf(bench.decoder(), bench.file(heicFile("plain"))))
      .raw()
      .toBuffer();
    const most = plain.reduce((most, value, at) => {
      const light = exponent === undefined ? undefined : (value / 255) ** exponent;
      const expected =
        light === undefined ? value : 255 * (light <= 0.0031308 ? light * 12.92 : 1.055 * light ** (1 / 2.4) - 0.055);
      return Math.max(most, Math.abs(expected - (shown[at] ?? 0)));
    }, 0);
    expect(most).toBeLessThan(2);
  });

  it("with a logarithmic transfer function and no profile is refused by name", async () => {
    const told = changed("plain", ({ properties }) => properties.unshift(coloursProperty(1, 9)));
    const error = { code: "UNSUPPORTED_MEDIA", message: expect.stringContaining("transfer function 9") };
    await expect(frameOf(bench.decoder(), bench.file(told))).rejects.toMatchObject(error);
  });

  it("that is cropped is not called damaged", async () => {
    const crop = [160, 1, 106, 1, 0, 1, 0, 1].map((value) => uint(4, value));
    const clap = { type: "clap", body: Buffer.concat(crop) };
    const cropped = changed("plain", ({ properties }) => void properties.push(clap));
    const error = { code: "UNSUPPORTED_MEDIA", message: expect.stringMatching(/cropped.*JPEG/) };
    await expect(frameOf(bench.decoder(), bench.file(cropped))).rejects.toMatchObject(error);
  });

  it.each([
    ["PQ", 16],
    ["HLG", 18],
  ])("in %s without a profile is refused by name", async (name, transfer) => {
    const hdr = changed("ten-bit", ({ properties }) => properties.unshift(coloursProperty(9, transfer)));
    const path = bench.file(hdr);
    expect(await probeOf(bench.decoder(), path)).toMatchObject({ hdr: true });
    const error = { code: "UNSUPPORTED_MEDIA", message: expect.stringContaining(name) };
    await expect(frameOf(bench.decoder(), path)).rejects.toMatchObject(error);
  });

  it("is made smaller where it is decoded, and no smaller than asked for", async () => {
    const frame = await frameOf(bench.decoder(), bench.file(heicFile("large-flat")), { maxSide: 1500 });
    expect(frame).toMatchObject({ width: 1613, height: 1210, channels: 3, timeSeconds: 0 });
    expect(distance(await meanOf(imageOf(frame)), [180, 90, 40])).toBeLessThanOrEqual(3);
  });
});

describe("an upload", () => {
  it("of AVIF that calls itself HEIF first is left to sharp", async () => {
    const bytes = await rocket().avif({ quality: 40 }).toBuffer();
    bytes.write("mif1", 8, "latin1");
    const upload = uploadOf("u1");
    const world = worldOf([upload]);
    world.storage.put(upload.storageKey, bytes);
    const result = await processUploadWithRetry(upload, world, { decoders: [bench.decoder()] });
    expect(result).toMatchObject({ status: "completed", warnings: [] });
    if (result.status === "completed") expect(mediaFacts(result.upload)).toMatchObject({ mimeType: "image/avif" });
  });

  it.each(["heim", "hevs", "miaf", "MiHB"])("of HEIC that calls itself %s first is no video", async (brand) => {
    const bytes = heicFile("plain");
    bytes.write(brand, 8, "latin1");
    const upload = uploadOf("u1");
    const world = worldOf([upload]);
    world.storage.put(upload.storageKey, bytes);
    const result = await processUploadWithRetry(upload, world, { decoders: [bench.decoder()] });
    expect(result).toMatchObject({ status: "completed", warnings: [] });
    if (result.status === "completed") expect(mediaFacts(result.upload)).toMatchObject({ mimeType: "image/heic" });
  });

  it.each(KINDS)("%s is completed", async (_, bytes, original, width, height) => {
    const upload = uploadOf("u1");
    const world = worldOf([upload]);
    world.storage.put(upload.storageKey, bytes());
    world.ai.describe.mockImplementation(async (media) => {
      const image = await media.visionImage();
      expect(image.width / image.height).toBeCloseTo(width / height, 0);
      return "a photo";
    });
    const result = await processUploadWithRetry(upload, world, { decoders: [bench.decoder()] });
    expect(result).toMatchObject({ status: "completed", warnings: [] });
    if (result.status !== "completed") return;
    expect(mediaFacts(result.upload)).toMatchObject({ kind: "image", codec: "hevc", width, height });
    const thumbnail = sharp(world.storage.get(result.upload.thumbnailKey ?? ""));
    expect(distance(await meanOf(thumbnail), await meanOf(await made(await original())))).toBeLessThanOrEqual(4);
  });

  it.each([
    ["cut off in its picture", heicFile("plain").subarray(0, 4000), {}, "INVALID_MEDIA"],
    ["cut off in its header", heicFile("plain").subarray(0, 200), {}, "INVALID_MEDIA"],
    ["with a size that is no size", changed("plain", sized(0, 214)), {}, "INVALID_MEDIA"],
    ["too large", heicFile("plain"), { limitInputPixels: 320 * 214 - 1 }, "MEDIA_TOO_LARGE"],
    ["too large in a tile", tooLargeTile(), { limitInputPixels: 320 * 160 }, "MEDIA_TOO_LARGE"],
    [
      "of a codec that is none",
      changed("plain", (item) => Object.assign(item, { type: "xyz1" })),
      {},
      "UNSUPPORTED_MEDIA",
    ],
  ])("%s fails by what it is", async (_, bytes, input, code) => {
    const upload = uploadOf("u1");
    const world = worldOf([upload]);
    world.storage.put(upload.storageKey, bytes);
    world.ai.describe.mockImplementation(async (media) => `${(await media.visionImage()).width}`);
    const result = await processUploadWithRetry(upload, world, { decoders: [bench.decoder()], input });
    expect(result).toMatchObject({ status: "failed", error: { code, fault: "upload", retryable: false } });
  });
});

function sized(width: number, height: number) {
  return ({ properties }: { properties: ReturnType<typeof sizeProperty>[] }) => {
    const at = properties.findIndex(({ type }) => type === "ispe");
    properties[at] = sizeProperty(width, height);
  };
}

/** What begins like a sequence, and has no picture beside it. */
function _sequence(): Buffer {
  return Buffer.concat([
    box("ftyp", Buffer.from("hevc\0\0\0\0msf1hevc", "latin1")),
    box("moov", full("mvhd", 0, 0, Buffer.alloc(96))),
    box("mdat", Buffer.alloc(64)),
  ]);
}

/** A grid whose tiles say that they are larger than it. */
function tooLargeTile(): Buffer {
  return changed("tiles", (item, heif) => {
    sized(1000, 1000)(item);
    heif.items.set(100, {
      type: "grid",
      data: Buffer.from([0, 0, 0, 1, 1, 64, 0, 160]),
      properties: [sizeProperty(320, 160)],
    });
    heif.references.push({ type: "dimg", from: 100, to: [1, 2] });
    heif.primary = 100;
  });
}

/** The rows of the table of kinds, with the cases above that hold them. */
const ROWS: Readonly<Record<string, readonly string[]>> = {
  "8-bit": ["8-bit"],
  "10-bit": ["10-bit"],
  "with alpha": ["with alpha"],
  "several pictures in one file": ["of several pictures, the first primary", "of several pictures, the second primary"],
  "a grid of tiles": ["a grid"],
  "turned or mirrored (`irot`, `imir`)": ["turned to the left", "upside down", "mirrored"],
  "with an ICC profile": ["in Display P3 by its profile"],
};
/** Those with a test of their own, and the code that they fail with. */
const OTHERS: Readonly<Record<string, string | undefined>> = {
  "Display P3 or BT.2020 without a profile": undefined,
  "linear light, or a power of 2.2 or 2.8, without a profile": undefined,
  "HDR (PQ, HLG) or a logarithmic curve without a profile": "UNSUPPORTED_MEDIA",
  "a picture that is a crop of what is coded (`clap`)": "UNSUPPORTED_MEDIA",
  "coded in anything but HEVC": "UNSUPPORTED_MEDIA",
  "a sequence without a still picture": "UNSUPPORTED_MEDIA",
  "more pixels than `input.limitInputPixels`, also in a tile": "MEDIA_TOO_LARGE",
  "damaged, cut off, or hiding a larger picture than it says": "INVALID_MEDIA",
};

describe("the table of the page on adapters", () => {
  const page = readFileSync(new URL("../../src/adapters/README.md", import.meta.url), "utf8");
  const [, table = ""] = page.split("| HEIC | what comes of it |\n| --- | --- |\n");
  const rows = (table.split("\n\n", 1)[0] ?? "")
    .split("\n")
    .map((row) => row.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "")));

  it("has every kind, and no other", () => {
    expect(rows.map(([kind]) => kind)).toEqual([...Object.keys(ROWS), ...Object.keys(OTHERS)]);
    expect(Object.values(ROWS).flat().sort()).toEqual(KINDS.map(([kind]) => kind).sort());
  });

  it("tells their outcomes", () => {
    const codes = rows.map(([kind = "", outcome = ""]) => [kind, /`([A-Z_]{5,})`/.exec(outcome)?.[1]]);
    const expected = [...Object.keys(ROWS).map((kind) => [kind, undefined]), ...Object.entries(OTHERS)];
    expect(codes).toEqual(expected);
  });
});
