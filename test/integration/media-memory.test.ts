import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { createMediaFixtures } from "../../src/testing/index.js";

const worker = fileURLToPath(new URL("../support/media-memory-worker.ts", import.meta.url));

async function measured(...args: readonly string[]): Promise<{ outcomes: Record<string, number>; peakMiB: number }> {
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", worker, ...args]);
  return JSON.parse(stdout);
}

/**
 * Less than what one bomb alone unpacks to: its text or its profile to 256 MiB, the pixels of 415 bytes of JPEG to 283 MiB.
 * They need 90 MiB more than photographs, most of it for lines of 9,900 pixels.
 */
const MOST_FOR_BOMBS_MIB = 200;

it("hostile media need little more memory than photographs, however often they come", async () => {
  const photographs = await measured("photographs", "10");
  const hostile = await measured("fixtures", "3");
  expect(photographs.outcomes).toEqual({ completed: 50 });
  expect(Object.values(hostile.outcomes).reduce((sum, count) => sum + count, 0)).toBe(3 * createMediaFixtures().length);
  const difference = hostile.peakMiB - photographs.peakMiB;
  expect(difference, `${hostile.peakMiB} instead of ${photographs.peakMiB} MiB`).toBeLessThan(MOST_FOR_BOMBS_MIB);
}, 180_000);
