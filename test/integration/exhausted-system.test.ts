import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { endOf, startChild } from "../support/child.js";
import { quarters } from "../support/images.js";
import { jpeg, mediaOf, streamOf } from "../support/media.js";
import { SmallDisk } from "../support/small-disk.js";

const passing = { code: "STORAGE_FAILED", retryable: true };

it.skipIf(process.platform === "win32")("no image is damaged because all file descriptors are in use", async () => {
  const folder = mkdtempSync(join(tmpdir(), "open-files-test-"));
  const formats = ["jpeg", "png", "webp", "gif", "tiff", "avif"] as const;
  const files = formats.map((format) => join(folder, `image.${format}`));
  for (const [at, format] of formats.entries())
    writeFileSync(files[at] as string, await quarters(64, 64).toFormat(format).toBuffer());
  const { out, err } = await endOf(startChild("test/support/open-files-worker.ts", files, { openFiles: 80 }));
  rmSync(folder, { recursive: true });
  expect(err).toBe("");
  expect(JSON.parse(out)).toEqual({ without: formats.map(() => passing), again: formats.map(() => "made") });
});

it.skipIf(process.platform === "win32")("no HEIC is damaged because no worker can be started for it", async () => {
  const file = join(import.meta.dirname, "../support/heic/plain.heic");
  const { out, err } = await endOf(startChild("test/support/heic-open-files-worker.ts", [file], { openFiles: 80 }));
  expect(err).toBe("");
  const failed = { ...passing, stage: "open", fault: "service" };
  const { none, few, again } = JSON.parse(out);
  expect(none).toMatchObject({ ...failed, message: expect.stringContaining("EMFILE") });
  expect(few).toMatchObject({ ...failed, message: expect.stringContaining("its worker could not be started") });
  expect(again).toBe("decoded");
});

it("a temporary folder without room is the storage's fault, and passes", async ({ skip }) => {
  const disk = SmallDisk.make(1);
  if (disk === undefined) return skip("only root may mount a disk");
  const { TMPDIR } = process.env;
  process.env.TMPDIR = disk.folder;
  try {
    disk.fill(0);
    const stream = mediaOf(() => ({ stream: streamOf(jpeg) }));
    await expect(stream.prepare()).rejects.toMatchObject({ ...passing, message: expect.stringContaining("ENOSPC") });
    const bytes = mediaOf(() => ({ bytes: jpeg }));
    await expect((await bytes.prepare()).path()).rejects.toMatchObject(passing);
    expect(readdirSync(disk.folder)).toEqual(["filler"]);
    disk.makeRoom();
    expect((await stream.prepare()).mimeType).toBe("image/jpeg");
    await Promise.all([stream.media.release(), bytes.media.release()]);
    expect(readdirSync(disk.folder)).toEqual([]);
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
    disk.remove();
  }
});
