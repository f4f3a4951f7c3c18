import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";

const folder = new URL("../../examples/photos/", import.meta.url);

/** The path of one of the photographs that the examples use. */
export function examplePhoto(name: string): string {
  return fileURLToPath(new URL(name, folder));
}

/** All of them, in several formats. */
export function examplePhotos(): string[] {
  return readdirSync(folder)
    .filter((name) => /\.(jpg|png|webp)$/.test(name))
    .map(examplePhoto);
}

/** JPEGs of 12 megapixels and about 4 MB, in a temporary folder that is gone afterwards. */
export function withLargePhotos<T>(work: (paths: readonly string[]) => Promise<T>): Promise<T> {
  return inTemporaryFolder(async (folder) => {
    const grain = await makeGrain();
    const paths: string[] = [];
    for (const [index, small] of examplePhotos().entries()) {
      const path = join(folder, `${index}.jpg`);
      await enlarge(small, grain, path);
      paths.push(path);
    }
    return await work(paths);
  });
}

/** A JPEG of 64 × 48 pixels: next to nothing to decode. */
export function withSmallPhoto<T>(work: (path: string) => Promise<T>): Promise<T> {
  return inTemporaryFolder(async (folder) => {
    const path = join(folder, "small.jpg");
    await sharp(examplePhoto("rocket.jpg")).resize(64, 48, { fit: "cover" }).jpeg().toFile(path);
    return await work(path);
  });
}

async function inTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "upload-processor-bench-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const WIDTH = 4000;
const HEIGHT = 3000;

/** An enlarged photo is smoother than a camera's, and would decode faster: grain makes up for the detail. */
function makeGrain(): Promise<Buffer> {
  const noise = { type: "gaussian", mean: 128, sigma: 30 } as const;
  return sharp({ create: { width: WIDTH, height: HEIGHT, channels: 3, background: "#808080", noise } })
    .raw()
    .toBuffer();
}

async function enlarge(small: string, grain: Buffer, path: string): Promise<void> {
  const raw = { width: WIDTH, height: HEIGHT, channels: 3 } as const;
  await sharp(small)
    .autoOrient()
    .resize(WIDTH, HEIGHT, { fit: "cover" })
    .flatten({ background: "#ffffff" })
    .composite([{ input: grain, raw, blend: "soft-light" }])
    .jpeg({ quality: 90 })
    .toFile(path);
}
