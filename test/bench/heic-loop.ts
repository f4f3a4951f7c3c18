import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import type { AIAdapter } from "../../src/index.js";
import { grid } from "../support/heif.js";
import { ai, repository, requireCompleted, storage, uploadsOf } from "./idle-adapters.js";
import { BatchProcessor, heic } from "./library.js";
import type { Benchmark } from "./report.js";

const FILES = 16;
const MEGAPIXELS = { columns: 25, rows: 19 }; // 4000 × 3040 pixels in tiles, as phones make them

const looking: AIAdapter = {
  ...ai,
  describe: async (media) => `A photo of ${(await media.visionImage()).width} px`,
};

/** How long the event loop stands still while HEIC is decoded: 16 at once, 12 megapixels each, and their thumbnails made. */
export const heicLoop: Benchmark = async ({ quick }) => {
  const folder = mkdtempSync(join(tmpdir(), "heic-loop-"));
  try {
    const path = join(folder, "photo.heic");
    writeFileSync(path, grid(MEGAPIXELS));
    const stalls: number[] = [];
    const idle: number[] = [];
    for (let round = 0; round < (quick ? 1 : 3) + 1; round++) {
      const decoder = heic();
      const processor = new BatchProcessor({
        ...{ storage: { ...storage, open: async () => ({ path }) }, repository, ai: looking },
        ...{ decoders: [decoder], concurrency: FILES },
      });
      const delay = monitorEventLoopDelay({ resolution: 1 });
      delay.enable();
      const begunAt = performance.now();
      requireCompleted(await processor.processUploads(uploadsOf(FILES)), FILES);
      delay.disable();
      await decoder.close();
      if (round === 0) continue; // what is loaded the first time is loaded once
      stalls.push(delay.max / 1e6);
      idle.push(await stallOfIdleness(performance.now() - begunAt));
    }
    const stall = Math.max(...stalls);
    const measured = { value: stall, noise: 0 };
    return [
      {
        ...{
          name: "16 HEIC at once: longest stall of the event loop",
          library: `${stall.toFixed(1)} ms`,
          bare: `${Math.max(...idle).toFixed(1)} ms`,
        },
        ...{ measured, unit: " ms", target: { atMost: 50 } },
      },
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** What the machine does to a loop that has nothing to do, for as long. */
async function stallOfIdleness(ms: number): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await setTimeout(ms);
  delay.disable();
  return delay.max / 1e6;
}
