import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "decoder-memory-"));
});
afterAll(() => rm(directory, { recursive: true }));

/** 36 megapixels of one colour: what their decoder holds is 144 MB, or 108. */
const large = sharp({ create: { width: 6000, height: 6000, channels: 3, background: "#3366aa" } });

test.each([
  ["a GIF", "gif", () => large.clone().gif({ effort: 1 }).toBuffer()],
  ["a progressive JPEG", "jpeg", () => large.clone().jpeg({ progressive: true }).toBuffer()],
])("what a decoder held of %s is let go, though libvips would keep it for the next five", async (_, type, make) => {
  const path = join(directory, `large.${type}`);
  await writeFile(path, await make());
  const worker = fileURLToPath(new URL("../support/decoding-worker.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--import",
    "tsx",
    worker,
    path,
    `image/${type}`,
    "6",
  ]);
  const { memory, limits }: { memory: number[]; limits: string[] } = JSON.parse(stdout);
  // The first decodes, in a process that has just begun, leave something behind for good: threads, tables, arenas.
  const growth = (memory.at(-1) ?? 0) - (memory[0] ?? 0);
  expect(growth, `memory after each in MiB: ${memory}`).toBeLessThan(100);
  expect(limits[1]).toBe(limits[0]);
});
