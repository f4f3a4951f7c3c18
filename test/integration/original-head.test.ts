import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { inspectImage } from "../../src/media/inspect/inspect-image.js";
import { Original } from "../../src/media/original.js";
import { makeThumbnail } from "../../src/media/thumbnail.js";
import { streamOf } from "../support/media.js";

const limits = { maxBytes: 10 ** 8, allow: ["image/jpeg", "image/tiff"] };
const { signal } = new AbortController();
const thumbnail = { size: 64, format: "jpeg", quality: 80, background: "#ffffff" } as const;
const pixels = sharp({ create: { width: 400, height: 300, channels: 3, background: "#884422" } });
let folder: string;
let jpeg: Buffer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "original-head-"));
  // As much EXIF as that of a camera with its preview.
  jpeg = await pixels
    .clone()
    .withExif({ IFD0: { ImageDescription: "x".repeat(50_000) } })
    .jpeg({ progressive: true })
    .toBuffer();
});
afterAll(() => rm(folder, { recursive: true }));

it.each(["a path", "a stream"])("the header of %s is read once, when it is let in", async (kind) => {
  const path = join(folder, "camera.jpg");
  await writeFile(path, jpeg);
  const original = new Original(kind === "a path" ? { path } : { stream: streamOf(jpeg) as Readable });
  const { mimeType } = await original.admit(limits, { signal });
  await rm(await original.path(signal));
  expect(original.image(mimeType).inspection).toMatchObject({ coding: "JPEG in several scans" });
  await original.close();
});

it("what stands far behind in a file is read when it is decoded", async () => {
  const path = join(folder, "directory-at-the-end.tiff");
  await writeFile(path, await pixels.clone().tiff({ compression: "none" }).toBuffer());
  const original = new Original({ path });
  const { mimeType, size } = await original.admit(limits, { signal });
  expect(size).toBeGreaterThan(300_000);
  expect(original.image(mimeType).inspection).toBeUndefined();
  expect((await inspectImage(path, mimeType)).coding).toMatch(/^TIFF with/);
  expect(await makeThumbnail(original.image(mimeType), thumbnail)).toMatchObject({ width: 64, height: 48 });
  await rm(path);
  await expect(inspectImage(path, mimeType)).rejects.toMatchObject({ code: "ENOENT" });
});

it("what is refused by its header is let in, and refused when it is decoded: not every upload is", async () => {
  const path = join(folder, "twelve-bits.jpg");
  const twelveBits = Buffer.from(jpeg);
  twelveBits[twelveBits.indexOf(Buffer.from([0xff, 0xc2])) + 4] = 12;
  await writeFile(path, twelveBits);
  const original = new Original({ path });
  const { mimeType } = await original.admit(limits, { signal });
  await expect(makeThumbnail(original.image(mimeType), thumbnail)).rejects.toMatchObject({ code: "UNSUPPORTED_MEDIA" });
});
