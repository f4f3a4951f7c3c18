/** Makes an image about as large as is let in by default, or has it processed like an upload and prints the most memory that this process had. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { memoryRepository } from "../../../src/adapters/memory.js";
import { assertCompleted, type Media, processUploadWithRetry } from "../../../src/index.js";

const WIDTH = 9900;
const HEIGHT = 10_000;
/** Of those that have another limit than 100 megapixels. */
const SIZES: Readonly<Record<string, { width: number; height: number }>> = {
  small: { width: 640, height: 480 },
  JPEG: { width: 16_320, height: 12_240 },
  PNG: { width: 16_000, height: 12_400 },
  "PNG of 16 bits, interlaced": { width: 8000, height: 6200 },
  AVIF: { width: 8000, height: 6200 },
};

const CODINGS: Readonly<Record<string, (image: Sharp) => Sharp>> = {
  JPEG: (image) => image.jpeg(),
  "JPEG, progressive": (image) => image.jpeg({ progressive: true }),
  PNG: (image) => image.png({ compressionLevel: 1 }),
  "PNG, interlaced": (image) => image.png({ compressionLevel: 1, progressive: true }),
  "PNG of 16 bits, interlaced": (image) =>
    image.ensureAlpha().toColourspace("rgb16").png({ compressionLevel: 1, progressive: true }),
  WebP: (image) => image.webp({ effort: 0 }),
  GIF: (image) => image.gif({ effort: 1 }),
  TIFF: (image) => image.tiff({ compression: "lzw" }),
  AVIF: (image) => image.avif({ effort: 0 }),
};

const [task, coding = "", where = ""] = process.argv.slice(2);
if (task === "list") console.log(JSON.stringify({ codings: Object.keys(CODINGS) }));
else if (task === "make") {
  const size = SIZES[coding] ?? { width: WIDTH, height: HEIGHT };
  const image = sharp({ create: { ...size, channels: 3, background: "#3366aa" }, limitInputPixels: false });
  const name = coding.replaceAll(/\W+/g, "-");
  writeFileSync(join(where, name), await (CODINGS[coding] ?? ((small) => small.jpeg()))(image).toBuffer());
  console.log(JSON.stringify({ name }));
} else {
  const storage = { open: async () => ({ path: where }), write: async () => {}, delete: async () => {} };
  const describe = async (media: Media) => `${(await media.visionImage()).width} px wide`;
  const repository = memoryRepository({ uploads: [{ id: "1", storageKey: "1", status: "pending" }] });
  assertCompleted(await processUploadWithRetry("1", { storage, ai: { describe }, repository }));
  console.log(JSON.stringify({ peakMiB: Math.round(process.resourceUsage().maxRSS / 1024), pixels: pixelsOf(coding) }));
}

function pixelsOf(coding: string): number {
  const { width, height } = SIZES[coding] ?? { width: WIDTH, height: HEIGHT };
  return width * height;
}
