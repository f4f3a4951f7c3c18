import sharp from "sharp";
import { animatedGif } from "../../../src/testing/fixtures/gif.js";
import { colourAt, grey, HEIGHT, inputFile, rgb, samples, WIDTH } from "./base.js";
import { gifFrame, gifScreen } from "./gif-writer.js";
import { blanked } from "./jpeg-kinds.js";
import { AS_BASE, BASE, FROM_P3, GREY, rowsOf } from "./kind-of.js";
import { chromaticities, cicp, exifOrientation, gamma, pngChunk, withPngChunks } from "./png-chunks.js";

const { shown, refused } = rowsOf("PNG");
const png = () =>
  sharp(rgb, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .png()
    .toBuffer();
const TURNED = { ...AS_BASE, width: HEIGHT, height: WIDTH };
const exif = () => pngChunk("eXIf", exifOrientation(6));

/** The photograph in other numbers, of 16 bits, which these chunks say the meaning of. */
async function deep(of: (light: number) => number, ...chunks: Buffer[]): Promise<Buffer> {
  const write = (bytes: Buffer, value: number, at: number) => bytes.writeUInt16LE(Math.round(65_535 * value), at);
  const bytes = samples((index) => colourAt(index).map((value) => of(lightOf(value / 255))), write, 2);
  const raw = { width: WIDTH, height: HEIGHT, channels: 3 } as const;
  const image = sharp(new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2), { raw });
  return withPngChunks(await image.toColourspace("rgb16").png().toBuffer(), chunks);
}

const lightOf = (sample: number) => (sample <= 0.04045 ? sample / 12.92 : ((sample + 0.055) / 1.055) ** 2.4);

async function greyWithGamma(): Promise<Buffer> {
  const linear = Buffer.from(grey.map((value) => Math.round(255 * lightOf(value / 255) ** (1 / 1.4))));
  const image = sharp(linear, { raw: { width: WIDTH, height: HEIGHT, channels: 1 } });
  return withPngChunks(await image.toColourspace("b-w").png().toBuffer(), [gamma(1 / 1.4)]);
}

/** In cd/m², by SMPTE ST 2084. */
function pq(light: number): number {
  const power = ((203 * light) / 10_000) ** (2610 / 16384);
  return ((3424 / 4096 + (2413 / 128) * power) / (1 + (2392 / 128) * power)) ** (2523 / 32);
}

export const pngKinds = [
  shown("PNG", png, BASE),
  shown("`eXIf` before the pixels", async () => withPngChunks(await png(), [exif()]), TURNED),
  shown("`eXIf` behind the pixels", async () => withPngChunks(await png(), [exif()], "behind"), TURNED),
  shown("Display P3 by `cICP`", async () => withPngChunks(await png(), [cicp(12, 13)]), FROM_P3),
  // The knee of the curve begins below white, so what is white in it gets a little darker.
  refused("narrow range by `cICP`", async () => withPngChunks(await png(), [cicp(1, 13, 0)]), /narrow range/),
  shown("PQ by `cICP`", () => deep(pq, cicp(1, 16)), AS_BASE),
  shown("linear by `gAMA`", () => deep((light) => light, gamma(1)), AS_BASE),
  shown(
    "Display P3 by `cHRM`",
    async () => {
      const primaries = [0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06];
      return withPngChunks(await png(), [gamma(1 / 2.2), chromaticities(primaries)]);
    },
    FROM_P3,
  ),
  shown("grey by `gAMA`", greyWithGamma, { ...AS_BASE, mean: GREY.mean, by: "ImageMagick, of base.png in grey" }),
  shown("16 bits with a profile of sRGB", () => withProfile("srgb"), AS_BASE),
  shown("16 bits with a profile of Display P3", () => withProfile("p3"), AS_BASE),
  refused("Apple's own kind", appleKind, /CgBI/),
  refused("cut off", async () => (await png()).subarray(0, 60_000), /damaged/, "INVALID_MEDIA"),
  shown(
    "cut off, lenient",
    async () => (await png()).subarray(0, 60_000),
    { ...AS_BASE, mean: [55.1, 34.8, 22.2], by: "sharp alone: the rest is black" },
    { tolerance: "lenient" },
  ),
];

function withProfile(profile: "p3" | "srgb"): Promise<Buffer> {
  return sharp(inputFile("base.png")).toColourspace("rgb16").withIccProfile(profile).png().toBuffer();
}

async function appleKind(): Promise<Buffer> {
  const whole = await png();
  return Buffer.concat([whole.subarray(0, 8), pngChunk("CgBI", Buffer.from([0x50, 0, 0x20, 2])), whole.subarray(8)]);
}

const animations = rowsOf("Animations");

/** Frames of one colour each, and then the photograph. */
function animation(format: "gif" | "webp" | "png", blank: readonly (readonly number[])[]): Promise<Buffer> {
  const frames = blank.map((colour) => samples(() => colour));
  const picture = samples((index) => [...colourAt(index), 255]);
  const raw = { width: WIDTH, height: HEIGHT * (blank.length + 1), channels: 4, pageHeight: HEIGHT } as const;
  const image = sharp(Buffer.concat([...frames, picture]), { raw });
  return format === "gif" ? image.gif().toBuffer() : image.webp({ lossless: true }).toBuffer();
}

/** Blue and red, on a quarter of the canvas. */
function smallFrame(): Buffer {
  const palette = [0, 0, 200, 200, 0, 0, 0, 200, 0, 0, 0, 0];
  const frame = gifFrame({ left: 20, top: 15, width: 20, height: 15, colourAt: (x) => (x < 10 ? 1 : 0) });
  return Buffer.concat([gifScreen(40, 30, palette), frame, Buffer.from(";")]);
}

const NOTHING = [0, 0, 0, 0];
const WHITE = [255, 255, 255, 255];
const BLACK = [0, 0, 0, 255];
const GIF_BASE = { ...AS_BASE, by: "ImageMagick, of base.png" };

export const animationKinds = [
  animations.shown("GIF that begins with a picture", () => animation("gif", []), GIF_BASE),
  animations.shown("GIF whose first frame is transparent", () => animation("gif", [NOTHING]), GIF_BASE),
  animations.shown("GIF with three blank frames before", () => animation("gif", [WHITE, BLACK, WHITE]), GIF_BASE),
  animations.shown("GIF whose first frame is smaller than its canvas", smallFrame, {
    ...{ width: 40, height: 30, mean: [216.3, 191.3, 216.3], by: "its palette, on white" },
  }),
  animations.shown("WebP whose first frame is transparent", () => animation("webp", [NOTHING]), AS_BASE),
  animations.shown(
    "WebP with twelve blank frames before",
    () =>
      animation(
        "webp",
        Array.from({ length: 12 }, (_, i) => (i % 2 ? BLACK : WHITE)),
      ),
    AS_BASE,
  ),
  animations.refused(
    "GIF whose picture ends in zeros",
    async () => blanked(await animation("gif", []), 0.5),
    /Invalid frame data/,
    "INVALID_MEDIA",
  ),
  animations.shown(
    "GIF whose picture ends in zeros, lenient",
    async () => blanked(await animation("gif", []), 0.5),
    { ...AS_BASE, mean: [92.7, 55.7, 34.1], by: "sharp alone: the rest is black" },
    { tolerance: "lenient" },
  ),
  animations.shown(
    "GIF with zeros before its end",
    async () => Buffer.concat([(await animation("gif", [WHITE])).subarray(0, -1), Buffer.alloc(20), Buffer.from(";")]),
    GIF_BASE,
  ),
  animations.shown("GIF of 10,000 frames, all of one colour", () => animatedGif(10_000), {
    ...{ width: 1, height: 1, mean: [40, 90, 160], by: "its palette" },
  }),
];
