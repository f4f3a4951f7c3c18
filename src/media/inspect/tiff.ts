import type { ByteSource } from "../headers/byte-source.js";
import { beginningAt, readTiffHeader, type TiffDirectory } from "../headers/tiff.js";
import { PIXEL_LIMITS } from "../pixel-limits.js";
import { type Inspection, refusal, unreadable } from "./inspection.js";

/** @throws UploadError `UNSUPPORTED_MEDIA` for what libvips shows wrongly, or not at all */
export async function inspectTiff(source: ByteSource, mimeType: string): Promise<Inspection> {
  const limitPixels = PIXEL_LIMITS.tiff;
  const header = await readTiffHeader(source);
  if (header === null) throw unreadable(mimeType);
  const { shown, shownAt, isRaw } = header;
  if (isRaw) {
    const advice = "its sensor data are not decoded, and the preview in it is not the photograph; convert it to JPEG";
    throw refusal(mimeType, `is a RAW photograph: ${advice}`);
  }
  const problem = problemOf(shown);
  if (problem !== undefined) throw refusal(mimeType, `${problem}; save it as RGB or grey of 8 or 16 bits`);
  const compression = COMPRESSIONS[shown.compression] ?? `compression ${shown.compression}`;
  // Where a tile cannot be decoded, libvips leaves it black, and complains of warnings alone. With JPEG inside, it complains of errors.
  const failOn = shown.isTiled && shown.compression !== JPEG ? "warning" : undefined;
  const isRare = !USUAL.has(shown.compression);
  const rewrite = shownAt === undefined ? undefined : (file: Uint8Array) => beginningAt(file, shownAt);
  return { coding: `TIFF with ${compression}`, limitPixels, isRare, failOn, rewrite };
}

const [WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, LAB] = [0, 1, 2, 3, 5, 6, 8];
const [OLD_JPEG, JPEG] = [6, 7];

/** How many samples of a pixel are colour. */
const COLOURS: Readonly<Record<number, number>> = {
  [WHITE_IS_ZERO]: 1,
  [BLACK_IS_ZERO]: 1,
  [RGB]: 3,
  [PALETTE]: 1,
  [CMYK]: 4,
  [YCBCR]: 3,
  [LAB]: 3,
};

function problemOf(directory: TiffDirectory): string | undefined {
  if (directory.isTiled && directory.isPlanar)
    return "has tiles with a plane for each colour, which sharp cannot decode";
  return problemOfSamples(directory) ?? problemOfColours(directory);
}

function problemOfSamples({ formats, bits, samples, compression }: TiffDirectory): string | undefined {
  const format = formats.find((one) => FORMATS[one] !== undefined);
  if (format !== undefined) return `has ${FORMATS[format]} samples, which cannot be shown rightly`;
  const [depth = 1] = bits;
  if (bits.some((one) => one !== depth)) return "has samples of different depths, which cannot be shown rightly";
  const depths = samples === 1 ? [1, 2, 4, 8, 16] : [8, 16];
  if (!depths.includes(depth)) return `has ${samples} samples of ${depth} bits a pixel, which cannot be shown rightly`;
  if (compression === OLD_JPEG) return "has old-style JPEG compression (6), which cannot be shown rightly";
  return undefined;
}

/** Other than unsigned integers, and those that say nothing of themselves. */
const FORMATS: Readonly<Record<number, string>> = {
  2: "signed",
  3: "floating-point",
  5: "complex integer",
  6: "complex floating-point",
};

function problemOfColours(directory: TiffDirectory): string | undefined {
  const { photometric, samples, bits, compression, inkSet } = directory;
  if (photometric === undefined) return undefined;
  const colours = COLOURS[photometric];
  if (colours === undefined) {
    const name = OTHER_COLOURS[photometric] ?? `colours of kind ${photometric}`;
    return `has ${name}, which cannot be shown rightly`;
  }
  const extra = samples - colours;
  if (extra > 1) return `has ${extra} samples a pixel beside its colours, which cannot be shown rightly`;
  if (photometric === CMYK && inkSet !== undefined && inkSet !== 1)
    return "has inks other than CMYK, which cannot be shown rightly";
  if (photometric === YCBCR && compression !== JPEG)
    return "has YCbCr colours without JPEG compression, which cannot be shown rightly";
  if (photometric === LAB && (extra > 0 || bits[0] !== 16))
    return `has CIELAB colours ${extra > 0 ? "with alpha" : "of 8 bits"}, which cannot be shown rightly`;
  if (extra > 0 && (photometric === WHITE_IS_ZERO || photometric === PALETTE))
    return `has ${photometric === PALETTE ? "a palette" : "grey whose zero is white"} with alpha, which cannot be shown rightly`;
  return undefined;
}

const OTHER_COLOURS: Readonly<Record<number, string>> = {
  4: "a mask in place of a picture",
  9: "ICC CIELAB colours",
  10: "ITU CIELAB colours",
  32844: "LogL light",
  32845: "LogLuv light",
};

/** What every build of libtiff has, as sharp's prebuilt ones do. */
const USUAL: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 7, 8, 32771, 32773, 32946, 50001]);

const COMPRESSIONS: Readonly<Record<number, string>> = {
  1: "no compression",
  2: "CCITT RLE compression",
  3: "CCITT fax 3 compression",
  4: "CCITT fax 4 compression",
  5: "LZW compression",
  7: "JPEG compression",
  8: "Deflate compression",
  9: "JBIG compression",
  10: "JBIG compression",
  32766: "NeXT compression",
  32771: "CCITT RLE compression",
  32773: "PackBits compression",
  32809: "ThunderScan compression",
  32909: "Pixar log compression",
  32946: "Deflate compression",
  33003: "JPEG 2000 compression",
  33005: "JPEG 2000 compression",
  34661: "JBIG compression",
  34676: "SGI log compression",
  34677: "SGI log 24 compression",
  34712: "JPEG 2000 compression",
  34887: "LERC compression",
  34933: "PNG compression",
  34925: "LZMA compression",
  50000: "ZSTD compression",
  50001: "WebP compression",
  50002: "JPEG XL compression",
  52546: "JPEG XL compression",
};
