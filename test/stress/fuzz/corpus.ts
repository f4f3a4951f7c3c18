import sharp, { type Sharp } from "sharp";
import { createMediaFixtures } from "../../../src/testing/index.js";
import { kinds } from "../../support/formats/kinds.js";
import { heic, photo } from "../../support/images.js";

/** A file that mutations begin with. */
export interface Specimen {
  readonly name: string;
  readonly bytes: Buffer;
}

/** How long a fixture may be to be mutated: most changes of a longer one touch nothing that a decoder looks at. */
const LONGEST_FIXTURE = 50_000;
/** They take a third of a second each. */
const SLOW: ReadonlySet<string> = new Set([
  "99 megapixels in 12 kB",
  "99 megapixels in 415 bytes",
  "GIF of 10,000 frames, all of one colour",
]);

/** Photographs, scaled down, in every format that is let in by default and in each of its ways to be coded; then the media fixtures. */
export async function createCorpus(): Promise<readonly Specimen[]> {
  const photos = ["astronaut.jpg", "astronaut-round-alpha.png", "rocket-exif-rotated.jpg"];
  const encodings = Object.entries(ENCODINGS);
  const encoded = photos.flatMap((name) => encodings.map(([encoding, encode]) => specimen(name, encoding, encode)));
  // One is enough: its colours take 50 ms each time.
  const printed = specimen("astronaut.jpg", "JPEG in CMYK", (image) => image.toColourspace("cmyk").jpeg().toBuffer());
  const fixtures = createMediaFixtures()
    .filter(({ name, bytes }) => bytes.length > 0 && bytes.length <= LONGEST_FIXTURE && !SLOW.has(name))
    .map(({ name, bytes }) => ({ name, bytes: Buffer.from(bytes) }));
  const others = await Promise.all(
    kinds
      .filter(({ name }) => !SLOW.has(name))
      .map(async ({ name, make }) => ({ name: `right or refused: ${name}`, bytes: await make() })),
  );
  return [
    ...others.filter(({ bytes }) => bytes.length <= LONGEST_FIXTURE),
    ...(await Promise.all([...encoded, printed])),
    ...fixtures,
    { name: "HEIC without a picture", bytes: heic() },
  ];
}

async function specimen(name: string, encoding: string, encode: (image: Sharp) => Promise<Buffer>): Promise<Specimen> {
  const small = sharp(photo(name)).resize(120, 90, { fit: "inside" }).keepExif();
  return { name: `${name} as ${encoding}`, bytes: await encode(small) };
}

const ENCODINGS: Readonly<Record<string, (image: Sharp) => Promise<Buffer>>> = {
  JPEG: (image) => image.jpeg().toBuffer(),
  "JPEG, progressive": (image) => image.jpeg({ progressive: true }).toBuffer(),
  "JPEG with a profile": (image) => image.withIccProfile("p3").jpeg().toBuffer(),
  PNG: (image) => image.png().toBuffer(),
  "PNG, interlaced": (image) => image.png({ progressive: true }).toBuffer(),
  "PNG with a palette": (image) => image.png({ palette: true, colours: 32 }).toBuffer(),
  "PNG of 16 bits": (image) => image.toColourspace("rgb16").png().toBuffer(),
  WebP: (image) => image.webp().toBuffer(),
  "WebP, lossless": (image) => image.webp({ lossless: true }).toBuffer(),
  "WebP, animated": (image) => framesOf(image, (frames) => frames.webp()),
  GIF: (image) => image.gif().toBuffer(),
  "GIF, animated": (image) => framesOf(image, (frames) => frames.gif()),
  "TIFF, not compressed": (image) => image.tiff({ compression: "none" }).toBuffer(),
  "TIFF, LZW": (image) => image.tiff({ compression: "lzw", predictor: "horizontal" }).toBuffer(),
  "TIFF, Deflate, in tiles": (image) => image.tiff({ compression: "deflate", tile: true }).toBuffer(),
  "TIFF, JPEG": (image) => image.flatten().tiff({ compression: "jpeg" }).toBuffer(),
  "TIFF, fax": (image) =>
    image.flatten().toColourspace("b-w").tiff({ compression: "ccittfax4", bitdepth: 1 }).toBuffer(),
  AVIF: (image) => image.avif({ effort: 0 }).toBuffer(),
};

/** An animation of three frames: the image, and shades of it. */
async function framesOf(image: Sharp, encode: (frames: Sharp) => Sharp): Promise<Buffer> {
  const { data, info } = await image.ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const frames = [1, 0.7, 0.4].map((shade) => data.map((value) => value * shade));
  const raw = { width, height: height * frames.length, channels, pageHeight: height };
  return encode(sharp(Buffer.concat(frames), { raw })).toBuffer();
}
