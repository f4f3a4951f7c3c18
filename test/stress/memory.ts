/**
 * How much memory the largest images take that are let in by default, in each coding: a thumbnail and a vision image, in a process of its own each.
 *
 *     npm run stress:memory
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const worker = fileURLToPath(new URL("memory/worker.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "memory-"));
const run = async (...args: string[]) =>
  JSON.parse((await promisify(execFile)(process.execPath, ["--import", "tsx", worker, ...args])).stdout);

try {
  const { peakMiB: small } = await run("measure", "JPEG", join(folder, (await run("make", "small", folder)).name));
  console.log(`${"a small JPEG".padEnd(26)} ${String(small).padStart(5)} MiB`);
  const { codings }: { codings: string[] } = await run("list");
  for (const coding of codings) {
    const { name } = await run("make", coding, folder);
    const { peakMiB, pixels } = await run("measure", coding, join(folder, name));
    const perPixel = (((peakMiB - small) * 2 ** 20) / pixels).toFixed(1);
    console.log(
      `${coding.padEnd(26)} ${String(peakMiB).padStart(5)} MiB, ${perPixel} bytes a pixel over the small one`,
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}
