import sharp, { type TiffOptions } from "sharp";
import { inputFile } from "./base.js";
import { blanked } from "./jpeg-kinds.js";
import { AS_BASE, BASE, rowsOf } from "./kind-of.js";
import { directoryFirst, retagged } from "./tiff-rewrite.js";

const { shown, refused } = rowsOf("TIFF in strips and in tiles");

type Layout = "strips" | "tiles";

function tiff(compression: TiffOptions["compression"], layout: Layout): Promise<Buffer> {
  const options: TiffOptions = { compression, quality: 95, predictor: "none", xres: 3, yres: 3 };
  const tiles = { tile: true, tileWidth: 64, tileHeight: 64 };
  return sharp(inputFile("base.png"))
    .removeAlpha()
    .tiff({ ...options, ...(layout === "tiles" ? tiles : {}) })
    .toBuffer();
}

/** What every build of libtiff has. */
const USUAL = {
  "not compressed": "none",
  LZW: "lzw",
  Deflate: "deflate",
  PackBits: "packbits",
  JPEG: "jpeg",
  WebP: "webp",
} as const;

/** What sharp's build lacks, by its number in the file. */
const LACKING = {
  LZMA: 34925,
  ZSTD: 50000,
  LERC: 34887,
  "JPEG 2000": 34712,
  PNG: 34933,
  "JPEG XL": 50002,
} as const;

const [PLANES, COMPRESSION] = [284, 259];

const usual = (["strips", "tiles"] as const).flatMap((layout) =>
  Object.entries(USUAL).flatMap(([name, compression]) => {
    const whole = () => tiff(compression, layout);
    const cutOff = async () => {
      const file = directoryFirst(await whole());
      return file.subarray(0, file.length * 0.6);
    };
    const looks = compression === "webp" ? AS_BASE : BASE;
    return [
      shown(`${name}, in ${layout}`, whole, looks),
      refused(`${name}, in ${layout}, cut off`, cutOff, /damaged/, "INVALID_MEDIA"),
    ];
  }),
);

const holes = (["lzw", "deflate", "packbits"] as const).map((compression) =>
  refused(
    `${compression} in tiles, with a hole`,
    async () => blanked(await tiff(compression, "tiles"), 0.4, 0.6),
    /damaged/,
    "INVALID_MEDIA",
  ),
);

const lacking = (["strips", "tiles"] as const).flatMap((layout) =>
  Object.entries(LACKING).map(([name, number]) =>
    refused(
      `${name}, in ${layout}`,
      async () => retagged(await tiff("deflate", layout), COMPRESSION, number),
      new RegExp(`TIFF with ${name} compression, which the installed sharp cannot decode`),
    ),
  ),
);

export const tiffLayoutKinds = [
  ...usual,
  ...holes,
  shown(
    "LZW, in tiles, cut off, lenient",
    async () => {
      const file = directoryFirst(await tiff("lzw", "tiles"));
      return file.subarray(0, file.length * 0.6);
    },
    { ...AS_BASE, mean: [123.8, 69.4, 41.9], by: "sharp alone: the rest is black" },
    { tolerance: "lenient" },
  ),
  ...lacking,
  refused(
    "tiles with a plane for each colour",
    async () => retagged(await tiff("none", "tiles"), PLANES, 2),
    /tiles with a plane for each colour/,
  ),
];
