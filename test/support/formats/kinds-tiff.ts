import sharp from "sharp";
import { alphaAt, colourAt, grey, greyAt, HEIGHT, inputFile, packedGrey, rgb, samples, WIDTH } from "./base.js";
import { blanked } from "./jpeg-kinds.js";
import { AS_BASE, BASE, GREY, GREY_ON_WHITE, RGB_ON_WHITE, rowsOf } from "./kind-of.js";
import { makeTiff, type TiffTags } from "./tiff-writer.js";

const { shown, refused } = rowsOf("TIFF");
const tiff = (pixels: Buffer, tags: TiffTags = {}) => makeTiff({ width: WIDTH, height: HEIGHT, pixels, tags });

const short = (...values: number[]) => [3, values] as const;
const bits = (...values: number[]): TiffTags => ({ 258: short(...values), 277: short(values.length) });
const photometric = (value: number): TiffTags => ({ 262: short(value) });
const format = (value: number, count = 3): TiffTags => ({ 339: short(...Array(count).fill(value)) });
const alpha = (kind: number): TiffTags => ({ 338: short(kind) });
const greyTags = (depth: number): TiffTags => ({ ...bits(depth), ...photometric(1) });

const u16 = (buffer: Buffer, value: number, at: number) => buffer.writeUInt16LE(Math.round(value), at);
const s16 = (buffer: Buffer, value: number, at: number) => buffer.writeInt16LE(Math.round(value), at);
const s8 = (buffer: Buffer, value: number, at: number) => buffer.writeInt8(Math.round(value), at);
const f32 = (buffer: Buffer, value: number, at: number) => buffer.writeFloatLE(value, at);
const f64 = (buffer: Buffer, value: number, at: number) => buffer.writeDoubleLE(value, at);
const deep = (index: number) => colourAt(index).map((value) => value * 257);
const withAlpha = (index: number) => [...colourAt(index), Math.round(255 * alphaAt(index))];
const multiplied = (index: number) =>
  withAlpha(index).map((value, at) => (at < 3 ? Math.round(value * alphaAt(index)) : value));
const inks = (index: number) => [...colourAt(index).map((value) => 255 - value), 0];
const jpegInside = () =>
  sharp(inputFile("base.png")).removeAlpha().tiff({ compression: "jpeg", quality: 95 }).toBuffer();
const lzw = () => sharp(inputFile("base.png")).removeAlpha().tiff({ compression: "lzw" }).toBuffer();
const greyAlpha = (index: number) => [greyAt(index), Math.round(255 * alphaAt(index))];
const inverted = Buffer.from(grey.map((value) => 255 - value));

/** A RAW photograph: its small preview comes first, its directory is far behind, and it points to what the sensor measured. */
function raw(): Buffer {
  const sensor = { width: WIDTH, height: HEIGHT, pixels: grey, tags: { ...bits(8), ...photometric(32803) } };
  return makeTiff({ width: WIDTH, height: HEIGHT, pixels: rgb }, { sub: [sensor] });
}

function behindSmaller(big: boolean): Buffer {
  const smaller = { width: 32, height: 21, pixels: Buffer.alloc(32 * 21 * 3, 77), tags: { 254: [4, [1]] } as const };
  return makeTiff(smaller, { big, next: { width: WIDTH, height: HEIGHT, pixels: rgb } });
}

async function withProfile(profile: "p3" | "srgb"): Promise<Buffer> {
  return sharp(inputFile("base.png"))
    .toColourspace("rgb16")
    .withIccProfile(profile)
    .tiff({ compression: "lzw" })
    .toBuffer();
}

export const tiffKinds = [
  shown("RGB of 8 bits", () => tiff(rgb), BASE),
  shown("RGB of 16 bits", () => tiff(samples(deep, u16, 2), bits(16, 16, 16)), BASE),
  shown("RGB of 16 bits with a profile of sRGB", () => withProfile("srgb"), AS_BASE),
  shown("RGB of 16 bits with a profile of Display P3", () => withProfile("p3"), AS_BASE),
  shown("BigTIFF", () => makeTiff({ width: WIDTH, height: HEIGHT, pixels: rgb }, { big: true }), BASE),
  ...[false, true].map((big) =>
    shown(`a smaller copy before it${big ? ", BigTIFF" : ""}`, () => behindSmaller(big), AS_BASE),
  ),
  shown("turned by its orientation", () => tiff(rgb, { 274: short(6) }), { ...AS_BASE, width: HEIGHT, height: WIDTH }),
  shown("grey", () => tiff(grey, greyTags(8)), GREY),
  shown("grey whose zero is white", () => tiff(inverted, { ...bits(8), ...photometric(0) }), GREY),
  shown("grey of 4 bits", () => tiff(packedGrey(4), greyTags(4)), { ...GREY, mean: [103.3, 103.3, 103.3] }),
  shown("grey of 1 bit", () => tiff(packedGrey(1), greyTags(1)), { ...GREY, mean: [84.9, 84.9, 84.9] }),
  shown(
    "grey with alpha",
    () => tiff(samples(greyAlpha), { ...bits(8, 8), ...photometric(1), ...alpha(2) }),
    GREY_ON_WHITE,
  ),
  shown("gray-alpha.tif", () => inputFile("gray-alpha.tif"), { ...BASE, mean: [161, 161, 161] }),
  shown(
    "gray-alpha.tif on red",
    () => inputFile("gray-alpha.tif"),
    { ...BASE, mean: [161, 58.5, 58.5] }, // convert gray-alpha.tif -background red -flatten
    { background: "#ff0000" },
  ),
  shown("RGB with alpha", () => tiff(samples(withAlpha), { ...bits(8, 8, 8, 8), ...alpha(2) }), RGB_ON_WHITE),
  shown(
    "RGB multiplied by its alpha",
    () => tiff(samples(multiplied), { ...bits(8, 8, 8, 8), ...alpha(1) }),
    RGB_ON_WHITE,
  ),
  shown("CMYK", () => tiff(samples(inks), { ...bits(8, 8, 8, 8), ...photometric(5) }), {
    ...AS_BASE,
    mean: [161.1, 92.6, 62.3],
    by: "sharp alone: see above",
  }),
  shown("CIELAB of 16 bits", () => tiff(samples(lab16, s16, 2), { ...bits(16, 16, 16), ...photometric(8) }), {
    ...BASE,
    mean: [161.2, 85.4, 50.9],
  }),
  refused("RAW, its directory at the end", raw, /RAW photograph.*convert it/),
  ...["float16.tif", "float32.tif"].map((name) => refused(name, () => inputFile(name), /floating-point samples/)),
  refused(
    "grey of 32-bit floating point",
    () =>
      tiff(
        samples((i) => [greyAt(i) / 255], f32, 4),
        { ...greyTags(32), ...format(3, 1) },
      ),
    /floating-point/,
  ),
  refused(
    "64-bit floating point",
    () =>
      tiff(
        samples((i) => colourAt(i).map((v) => v / 255), f64, 8),
        { ...bits(64, 64, 64), ...format(3) },
      ),
    /floating-point/,
  ),
  refused(
    "signed of 8 bits",
    () =>
      tiff(
        samples((i) => colourAt(i).map((v) => v - 128), s8),
        format(2),
      ),
    /signed samples/,
  ),
  refused(
    "signed of 16 bits",
    () =>
      tiff(
        samples((i) => colourAt(i).map((v) => v * 128), s16, 2),
        { ...bits(16, 16, 16), ...format(2) },
      ),
    /signed samples/,
  ),
  refused(
    "complex",
    () =>
      tiff(
        samples((i) => [greyAt(i) / 255, 0], f32, 4),
        { ...greyTags(64), ...format(6, 1) },
      ),
    /complex/,
  ),
  refused("uint32.tif", () => inputFile("uint32.tif"), /32 bits/),
  refused("grey of 12 bits", () => tiff(packedGrey(12), greyTags(12)), /12 bits/),
  refused(
    "samples of different depths",
    () =>
      tiff(
        samples((i) => [...colourAt(i), 0]),
        bits(8, 8, 16),
      ),
    /different depths/,
  ),
  refused("lab-alpha.tif", () => inputFile("lab-alpha.tif"), /CIELAB colours with alpha/),
  refused("ICC CIELAB", () => tiff(rgb, photometric(9)), /ICC CIELAB/),
  refused(
    "grey whose zero is white, with alpha",
    () => tiff(samples(greyAlpha), { ...bits(8, 8), ...photometric(0), ...alpha(2) }),
    /zero is white/,
  ),
  refused(
    "RGB with two more samples",
    () =>
      tiff(
        samples((i) => [...withAlpha(i), 77]),
        { ...bits(8, 8, 8, 8, 8), 338: short(2, 0) },
      ),
    /2 samples/,
  ),
  refused(
    "five inks",
    () =>
      tiff(
        samples((i) => [...withAlpha(i), 77]),
        { ...bits(8, 8, 8, 8, 8), ...photometric(5), 332: short(2) },
      ),
    /inks other/,
  ),
  refused("YCbCr, not compressed", () => tiff(rgb, { ...photometric(6), 530: short(1, 1) }), /YCbCr/),
  refused("a mask", () => tiff(packedGrey(1), { ...bits(1), ...photometric(4) }), /a mask/),
  refused("old-style JPEG", () => tiff(rgb, { 259: short(6), ...photometric(6) }), /old-style JPEG/),
  refused("lzma.tif", () => inputFile("lzma.tif"), /LZMA compression/),
  refused("zstd.tif", () => inputFile("zstd.tif"), /ZSTD compression/),
  refused("JPEG 2000 inside", () => tiff(rgb, { 259: short(34712) }), /JPEG 2000 compression/),
  shown("JPEG inside with a hole, which is not seen", async () => blanked(await jpegInside(), 0.4, 0.6), {
    ...{ ...AS_BASE, mean: [165, 96.1, 53.4], by: "sharp alone" },
  }),
  refused("LZW with a hole", async () => blanked(await lzw(), 0.4, 0.6), /damaged/, "INVALID_MEDIA"),
  refused("cut off", () => tiff(rgb).subarray(0, 100_000), /damaged/, "INVALID_MEDIA"),
];

/** With white at D50, as the format says. */
function lab16(index: number): readonly number[] {
  const [red, green, blue] = colourAt(index).map((value) => {
    const sample = value / 255;
    return sample <= 0.04045 ? sample / 12.92 : ((sample + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  const root = (value: number) => (value > 0.008856 ? Math.cbrt(value) : 7.787 * value + 16 / 116);
  const x = root((0.4361 * red + 0.3851 * green + 0.1431 * blue) / 0.9642);
  const y = root(0.2225 * red + 0.7169 * green + 0.0606 * blue);
  const z = root((0.0139 * red + 0.0971 * green + 0.7141 * blue) / 0.8249);
  const lightness = Math.round((116 * y - 16) * 655.35);
  return [lightness > 32_767 ? lightness - 65_536 : lightness, 500 * (x - y) * 256, 200 * (y - z) * 256];
}
