import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { mediaFacts, processUploadWithRetry, UploadError } from "../../src/index.js";
import { makePictures } from "../../src/media/pictures.js";
import { PIXEL_LIMITS } from "../../src/media/pixel-limits.js";
import { fakeAI, fakeRepository, fakeStorage } from "../../src/testing/index.js";
import { isInstalled, meanBy } from "../support/formats/decoders.js";
import { type Kind, kinds, type Shown } from "../support/formats/kinds.js";
import { pngChunk, withPngChunks } from "../support/formats/png-chunks.js";

/** Of 255. */
const MOST_DIFFERENCE = 3;

async function processed({ make, tolerance, background }: Kind) {
  const bytes = await make();
  const ai = fakeAI();
  ai.script.describe.does(async (media) => `${(await media.visionImage()).width} px wide`);
  const storage = fakeStorage({ original: bytes });
  const repository = fakeRepository({ uploads: [{ id: "1", storageKey: "x", status: "pending" as const }] });
  const result = await processUploadWithRetry(
    "1",
    { storage, ai, repository },
    {
      retry: { minTimeout: 1 },
      thumbnail: { size: 1000, format: "png", background: background ?? "#ffffff" },
      input: {
        tolerance,
        allow: [
          "image/jpeg",
          "image/png",
          "image/apng",
          "image/gif",
          "image/webp",
          "image/tiff",
          "image/avif",
          "image/heif",
        ],
      },
    },
  );
  return { result, bytes, thumbnail: storage.get("thumbnails/1.png") };
}

/** The same thumbnail without anything beside it: then it is not made of pixels that are kept for all pictures. */
async function thumbnailAlone({ tolerance, background = "#ffffff" }: Kind, input: Buffer, mimeType: string) {
  const wanted = { size: 1000, format: "png", quality: 85 } as const;
  const settings = { maxSide: 1568, multipleOf: 28, quality: 85, background, tolerance };
  const one = { pictures: [wanted], placeholder: false, vision: false, measure: false };
  const { pictures } = await makePictures({ input, mimeType }, one, settings);
  return pictures[0]?.data ?? new Uint8Array();
}

async function measured(image: Uint8Array): Promise<Pick<Shown, "width" | "height" | "mean">> {
  const { data, info } = await sharp(image).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const mean = [0, 1, 2].map((channel) => {
    let sum = 0;
    for (let at = channel; at < data.length; at += 3) sum += data[at] ?? 0;
    return (sum * 3) / data.length;
  });
  return { width: info.width, height: info.height, mean: mean as unknown as Shown["mean"] };
}

function expectNear(actual: readonly number[], expected: readonly number[], what: string): void {
  const distance = Math.max(...actual.map((value, channel) => Math.abs(value - (expected[channel] ?? Number.NaN))));
  const figures = (values: readonly number[]) => values.map((value) => value.toFixed(1)).join(", ");
  expect(distance, `${figures(actual)} instead of ${figures(expected)} (${what})`).toBeLessThanOrEqual(MOST_DIFFERENCE);
}

describe.each([...new Set(kinds.map(({ group }) => group))])("%s", (group) => {
  it.each(kinds.filter((kind) => kind.group === group))("$name: $outcome", async (kind) => {
    const { result, bytes, thumbnail } = await processed(kind);
    if (kind.shows instanceof RegExp) {
      expect(result).toMatchObject({ status: "failed", attempts: 1, error: { code: kind.outcome, retryable: false } });
      expect(result.status === "failed" && result.error.message).toMatch(kind.shows);
      return;
    }
    expect(result).toMatchObject({ status: kind.outcome });
    const codes = result.warnings.map(({ code }) => code);
    expect(codes).toEqual(kind.tolerance === undefined ? [] : ["INVALID_MEDIA"]);
    const { width, height, mean } = await measured(thumbnail ?? new Uint8Array());
    expect([width, height]).toEqual([kind.shows.width, kind.shows.height]);
    expectNear(mean, kind.shows.mean, kind.shows.by);
    const mimeType = result.status === "completed" ? (mediaFacts(result.upload)?.mimeType ?? "") : "";
    const alone = await measured(await thumbnailAlone(kind, bytes, mimeType));
    expect([alone.width, alone.height]).toEqual([width, height]);
    expectNear(alone.mean, kind.shows.mean, `${kind.shows.by}; by itself`);
  });

  const told = kinds.filter((kind) => kind.group === group && "decoder" in kind.shows && kind.shows.decoder);
  describe.runIf(told.length > 0)("as another decoder shows it", () => {
    for (const kind of told) {
      const { mean, decoder = "convert" } = kind.shows as Shown;
      const installed = isInstalled(decoder) && isInstalled("convert");
      it.skipIf(!installed)(`${kind.name}: by ${decoder}${installed ? "" : ", which is not installed"}`, async () => {
        expectNear(meanBy(decoder, await kind.make(), kind.background), mean, "the figure in the table");
      });
    }
  });
});

it("an image that is shown although a part of it is missing is told once, and by an event", async () => {
  const kind = kinds.find(({ name }) => name === "cut-off.jpg, lenient") as Kind;
  const bytes = await kind.make();
  const ai = fakeAI();
  ai.script.describe.does(async (media) => `${(await media.visionImage()).width} px wide`);
  const repository = fakeRepository({ uploads: [{ id: "1", storageKey: "x", status: "pending" as const }] });
  const { UploadEventEmitter } = await import("../../src/index.js");
  const events = new UploadEventEmitter();
  const warnings: UploadError[] = [];
  events.on("upload:warning", ({ error }) => void warnings.push(error));
  const adapters = { storage: fakeStorage({ original: bytes }), ai, repository };
  const result = await processUploadWithRetry("1", adapters, { events, input: { tolerance: "lenient" } });
  expect(result).toMatchObject({ status: "completed" });
  expect(result.warnings).toEqual(warnings);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatchObject({ code: "INVALID_MEDIA", stage: "open" });
  expect(warnings[0]?.message).toMatch(/part of the image .* is missing.*input\.tolerance/);
  expect(UploadError.isInstance(warnings[0]?.cause)).toBe(true);
});

it("all pictures of a damaged image are made of one reading, and it is told once", async () => {
  const options = {
    thumbnail: { size: 100 },
    renditions: { large: { size: 400 } },
    placeholder: "thumbhash",
    input: { tolerance: "lenient" },
  } as const;
  const warnings: Readonly<Record<string, readonly string[]>> = {
    "cut-off.jpg, lenient": ["INVALID_MEDIA"],
    "no-end-marker.jpg": [],
  };
  for (const [name, codes] of Object.entries(warnings)) {
    const kind = kinds.find((one) => one.name === name) as Kind;
    const storage = fakeStorage({ original: await kind.make() });
    const ai = fakeAI();
    ai.script.describe.does(async (media) => `${(await media.visionImage()).width} px wide`);
    const repository = fakeRepository({ uploads: [{ id: "1", storageKey: "x", status: "pending" as const }] });
    const result = await processUploadWithRetry("1", { storage, ai, repository }, options);
    if (result.status !== "completed") throw result;
    expect(result.warnings.map(({ code }) => code)).toEqual(codes);
    expect(mediaFacts(result.upload)).toMatchObject({
      renditions: { large: { key: "thumbnails/1-large.jpg", width: 400 } },
      placeholder: expect.any(String),
    });
    const { mean } = await measured(storage.get("thumbnails/1-large.jpg") ?? new Uint8Array());
    expectNear(mean, (kind.shows as Shown).mean, name);
  }
});

it("EXIF that stands behind the pixels of a PNG is found where only facts are wanted, too", async () => {
  const image = sharp({ create: { width: 8, height: 8, channels: 3, background: "#285aa0" } });
  const { exif } = await sharp(
    await image
      .clone()
      .withExif({ IFD0: { Model: "Acme 1" } })
      .jpeg()
      .toBuffer(),
  ).metadata();
  const chunk = pngChunk("eXIf", (exif as Buffer).subarray("Exif\0\0".length));
  const storage = fakeStorage({ original: withPngChunks(await image.png().toBuffer(), [chunk], "behind") });
  const repository = fakeRepository({ uploads: [{ id: "1", storageKey: "x", status: "pending" as const }] });
  const options = { thumbnail: false, facts: { exif: true } } as const;
  const result = await processUploadWithRetry("1", { storage, ai: fakeAI(), repository }, options);
  if (result.status !== "completed") throw result;
  expect(mediaFacts(result.upload)).toMatchObject({ camera: "Acme 1" });
});

it("a tolerance that there is none of is refused", async () => {
  const adapters = { storage: fakeStorage(), ai: fakeAI(), repository: fakeRepository({ uploads: [] }) };
  const input = { tolerance: "loose" as never };
  await expect(processUploadWithRetry("1", adapters, { input })).rejects.toThrow(
    /input\.tolerance.*"strict" or "lenient"/,
  );
});

it("the page is this table", async () => {
  const hint = "Write it again with `npx vitest run test/integration/formats.test.ts -u`";
  await expect(page(), hint).toMatchFileSnapshot("../../src/media/formats.md");
});

function page(): string {
  const groups = [...new Set(kinds.map(({ group }) => group))];
  const sections = groups.map((group) => {
    const lines = kinds.filter((kind) => kind.group === group).map(lineOf);
    return `## ${group}\n\n| medium | outcome | size | mean colour | by |\n| --- | --- | --- | --- | --- |\n${lines.join("\n")}\n`;
  });
  return `${INTRODUCTION}\n\n${sections.join("\n")}\n${DAMAGE}\n\n${LIMITS}\n`;
}

function lineOf({ name, outcome, shows }: Kind): string {
  if (shows instanceof RegExp) return `| ${name} | \`${outcome}\` | | | |`;
  const { width, height, mean, by } = shows;
  return `| ${name} | ${outcome} | ${width} × ${height} | ${mean.join(", ")} | ${by} |`;
}

const INTRODUCTION = `# Right or refused

What becomes of each kind of image: it is shown rightly, or is refused by name. \`UNSUPPORTED_MEDIA\` is a whole image that is not
shown, \`INVALID_MEDIA\` one that is damaged; messages tell what it is and what to do. Sizes are those of the upright thumbnail, mean
colours those of red, green and blue from 0 to 255. A test makes each file, and finds each size, and each colour within 3 of the
figure here; where ImageMagick and libheif's tools are installed (Debian: \`imagemagick\`, \`libheif-examples\`), it has them decode the
file, too. This page is written by that test; it fails when the two differ.

- **Colours** go by the profile; where there is none, by the tags of the container: \`nclx\` of AVIF and HEIC, \`cICP\`, \`gAMA\` and \`cHRM\` of PNG.
  PQ and HLG are brought under white by the curve of ITU-R BT.2390, with white at 203 cd/m² and the peak at 1,000, each channel by
  itself. Colours that sRGB lacks end at its border. The curves of video are shown as sRGB's.
- **CMYK** has no single right answer: Little CMS by itself shows the JPEG with the profile as 160.7, 89.8, 57.2.
- **Animations** are shown by their first frame that is not of one colour; where there is none among the first 50 megapixels of
  frames, by the first. Animated PNG and AVIF are shown by their still picture, whatever comes behind it.
- **Files with several pictures** (MPO, gain maps, motion photos, HEIF) are shown by their primary one.`;

const DAMAGE = `## Damage

Damage is known by what the decoder says of it. What is cut off is known in all formats, except in a later
frame of a GIF, or of an animated PNG. In the middle of a file, PNG and AVIF have checks
that find nearly all; JPEG, GIF and TIFF with compression show it where the data end too early or make no sense, which other bytes that
happen to make sense do not; WebP, HEIC, and TIFF without compression, or with JPEG inside in strips, show none of it. What a damaged
HEIC codes no pixels for is of one colour. Of an animation, only what
stands before the frame that is shown, and that one, matter. \`input.tolerance: "lenient"\` shows what there is of a JPEG, PNG, GIF or TIFF, with a
warning; a damaged WebP, AVIF or HEIC fails in both tolerances.`;

const mega = (pixels: number) => (pixels / 1e6).toLocaleString("en");
const LIMITS = `## Limits

The most pixels that are let in unless \`input.limitInputPixels\` says otherwise, by what decoding takes in memory: about a gigabyte at
most, once for each slot of \`limits.decode\`. Measured with images of 50 megapixels, a thumbnail and a vision image of each, as growth
over the process with a small one (Node 20, sharp 0.35.5, two cores).

| coding | bytes a pixel | megapixels |
| --- | --- | --- |
| JPEG in one scan | 0.4 | ${mega(PIXEL_LIMITS.jpeg)} |
| JPEG in several scans (progressive), 4:2:0 | 3.4 | 200 |
| JPEG in several scans, 4:4:4 | 6.4 | 100 |
| PNG | 0.8; 3 with 16 bits and alpha | ${mega(PIXEL_LIMITS.png)} |
| PNG, interlaced | 3.8 | ${mega(PIXEL_LIMITS.pngInterlaced)} |
| PNG, interlaced, of 16 bits | 10.1 with alpha | ${mega(PIXEL_LIMITS.pngInterlacedDeep)} |
| TIFF | 1.0; 1.2 in tiles | ${mega(PIXEL_LIMITS.tiff)} |
| WebP | 0.3; 1.2 lossless | ${mega(PIXEL_LIMITS.webp)} |
| GIF | 5.3 | ${mega(PIXEL_LIMITS.gif)} |
| AVIF | 18.9 | ${mega(PIXEL_LIMITS.heif)} |
| HEIC | | ${mega(PIXEL_LIMITS.heif)} |
| whatever else a decoder takes | | ${mega(PIXEL_LIMITS.other)} |

A JPEG of 200 megapixels took 189 MiB in all in one scan, and 736 MiB when it was progressive (4:2:0).`;
