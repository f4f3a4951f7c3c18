import sharp from "sharp";
import { alphaAt, colourAt, HEIGHT, inputFile, rgb, samples, WIDTH } from "./base.js";
import { branded, heifOf, multiplied, retagged, uncompressedHeif, withOpenEnd, without } from "./heif-kinds.js";
import { AS_BASE, BASE, FROM_BT2020, FROM_P3, RGB_ON_WHITE, rowsOf } from "./kind-of.js";

const { shown, refused } = rowsOf("AVIF and HEIF");
const size = { width: WIDTH, height: HEIGHT };
const plain = () => sharp(inputFile("base.png")).avif({ effort: 0, quality: 90 }).toBuffer();
const withAlpha = () =>
  sharp(
    samples((index) => [...colourAt(index), Math.round(255 * alphaAt(index))]),
    { raw: { ...size, channels: 4 } },
  )
    .avif({ effort: 0, quality: 90 })
    .toBuffer();
const p3 = () => inputFile("p3-nclx.avif");
/** By the formulas of ITU-R BT.2100 and BT.2390, in double precision, with white at 203 cd/m² and the peak at 1,000. */
const BY_FORMULA = { ...size, by: "BT.2100, BT.2390" };

export const heifKinds = [
  shown("AVIF", plain, { ...BASE, by: "libheif", decoder: "heif-convert" }),
  ...["avio", "MA1A", "miaf", "mif2"].map((brand) =>
    shown(`AVIF that calls itself ${brand} first`, async () => branded(await plain(), brand), AS_BASE),
  ),
  shown("p3-nclx.avif", p3, FROM_P3),
  shown("Display P3 that calls itself MA1B first", () => branded(p3(), "MA1B"), FROM_P3),
  shown("Display P3, its last box of length 0", () => withOpenEnd(p3(), "mdat"), FROM_P3),
  shown("Display P3 in four tiles", () => inputFile("grid.avif"), {
    ...{ width: 128, height: 128, mean: [168, 77.7, 38.4], by: "zscale" },
  }),
  shown("BT.2020 with the curve of video", () => retagged(p3(), 9, 14), FROM_BT2020),
  shown("told to be sRGB", () => retagged(p3(), 1, 13), AS_BASE),
  shown("told nothing of", () => retagged(p3(), 2, 2), AS_BASE),
  shown("pq-bt2020.avif", () => inputFile("pq-bt2020.avif"), { ...BY_FORMULA, mean: [209.9, 73.8, 29.6] }),
  shown("hlg.avif", () => inputFile("hlg.avif"), { ...BY_FORMULA, mean: [203.6, 67.9, 34.7] }),
  refused("colours multiplied by alpha", async () => multiplied(await withAlpha()), /multiplied by its alpha/),
  shown("with alpha", withAlpha, { ...size, mean: RGB_ON_WHITE.mean, by: "ImageMagick, of base.png with alpha" }),
  refused("a logarithmic curve", () => retagged(p3(), 9, 9), /transfer function 9/),
  shown("animated AVIF", () => inputFile("animated.avif"), {
    ...{ width: 320, height: 212, mean: [154.8, 87.8, 47.2], by: "libavif: `avifdec --index 0`" },
  }),
  refused("AVIF that is animated alone", () => without(inputFile("animated.avif"), "meta"), /moving pictures alone/),
  refused("uncompressed HEIF", () => uncompressedHeif(rgb, WIDTH, HEIGHT), /uncompressed samples/),
  refused(
    "JPEG in HEIF",
    async () => heifOf("jpeg", await sharp(inputFile("base.png")).jpeg().toBuffer(), size),
    /JPEG, which/,
  ),
  refused("VVC in HEIF", () => heifOf("vvc1", Buffer.alloc(64), size), /VVC/),
  refused("AVIF cut off", async () => (await plain()).subarray(0, 4000), /damaged/, "INVALID_MEDIA"),
];
