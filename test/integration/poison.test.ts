import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const worker = fileURLToPath(new URL("../support/poison-worker.ts", import.meta.url));

/** Runs the worker once: `null` when it was killed, else what it printed. */
function run(folder: string, poison: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, ["--import", "tsx", worker, folder, poison], (error, stdout, stderr) => {
      if (error === null) resolve(JSON.parse(stdout));
      else if (error.signal === "SIGKILL") resolve(null);
      else reject(new Error(stderr));
    });
  });
}

test("a file that takes the process down is quarantined after three crashes, and no other with it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "poison-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  let crashes = 0;
  let outcome = await run(folder, "u5");
  for (; outcome === null && crashes < 10; outcome = await run(folder, "u5")) crashes++;
  expect(outcome).toMatchObject({
    status: "completed",
    counts: { completed: 11, failed: 1 },
    quarantined: ["u5"],
  });
  expect(crashes).toBe(3);
  const described = (await readFile(join(folder, "described.log"), "utf8")).trim().split("\n");
  expect(described.filter((id) => id === "u5")).toHaveLength(3);
  // At most those that were in flight at a crash were described again.
  expect(described.length).toBeLessThanOrEqual(12 + 2 + 3 * 3);
});
