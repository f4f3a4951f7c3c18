import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";

const PHOTOS = fileURLToPath(new URL("../../../examples/photos", import.meta.url));
const SIDES = [96, 128, 160];
const FORMATS = ["jpeg", "png", "webp"] as const;

/** Writes the photographs of the examples into the storage in every size and format: small files, but files to decode. */
export async function writeOriginals(root: string): Promise<readonly string[]> {
  await mkdir(join(root, "originals"), { recursive: true });
  const photos = (await readdir(PHOTOS)).filter((name) => !name.endsWith(".md"));
  const keys: string[] = [];
  for (const photo of photos)
    for (const side of SIDES)
      for (const format of FORMATS) {
        const key = `originals/${photo.replace(".", "-")}-${side}.${format}`;
        const small = sharp(join(PHOTOS, photo)).autoOrient().resize(side, side, { fit: "inside" });
        await writeFile(join(root, key), await small.toFormat(format).toBuffer());
        keys.push(key);
      }
  return keys;
}
