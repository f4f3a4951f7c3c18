import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import type { AIAdapter } from "../../src/index.js";
import { grid } from "../support/heif.js";
import { ai, repository, requireCompleted, storage, uploadsOf } from "./idle-adapters.js";
import { BatchProcessor, heic } from "./library.js";
import { withLargePhotos } from "./photos.js";
import type { Benchmark, Row } from "./report.js";

const HEICS = 16;
const MEGAPIXELS = { columns: 25, rows: 19 }; // 4000 × 3040 pixels in tiles, as phones make them
const PHOTOS = 96;
const AT_ONCE = 32;
/** In milliseconds. */
const LONGEST = 50;

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
    const round = async () => {
      const decoder = heic();
      try {
        return await delayOf(() => processAll([path], HEICS, HEICS, decoder));
      } finally {
        await decoder.close();
      }
    };
    const name = "16 HEIC at once: longest stall of the event loop";
    return [await compare(name, quick ? 1 : 3, round, ({ max }) => max)];
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** How late the event loop comes while sharp decodes JPEGs of 12 megapixels, with 32 uploads in work. */
export const sharpLoop: Benchmark = ({ quick }) =>
  withLargePhotos(async (paths) => {
    const round = () => delayOf(() => processAll(paths, PHOTOS, AT_ONCE));
    const name = "sharp at work, 32 at once: p99 of the loop's delay";
    return [await compare(name, quick ? 1 : 3, round, (delay) => delay.percentile(99))];
  });

async function processAll(
  paths: readonly string[],
  count: number,
  concurrency: number,
  ...decoders: readonly ReturnType<typeof heic>[]
): Promise<void> {
  let opened = 0;
  const open = async () => ({ path: paths[opened++ % paths.length] ?? "" });
  const processor = new BatchProcessor({
    ...{ storage: { ...storage, open }, repository, ai: looking },
    ...{ decoders, concurrency },
  });
  requireCompleted(await processor.processUploads(uploadsOf(count)), count);
  await processor.close();
}

/** The worst of some rounds, beside what the machine does to a loop that has nothing to do, for as long. */
async function compare(
  name: string,
  rounds: number,
  work: () => Promise<IntervalHistogram>,
  read: (delay: IntervalHistogram) => number,
): Promise<Row> {
  await work(); // what is loaded the first time is loaded once
  const busy: number[] = [];
  const idle: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const begunAt = performance.now();
    busy.push(read(await work()) / 1e6);
    const tookMs = performance.now() - begunAt;
    idle.push(read(await delayOf(() => setTimeout(tookMs))) / 1e6);
  }
  const value = Math.max(...busy);
  return {
    name,
    library: `${value.toFixed(1)} ms`,
    bare: `${Math.max(...idle).toFixed(1)} ms`,
    ...{ measured: { value, noise: 0 }, unit: " ms", target: { atMost: LONGEST } },
  };
}

async function delayOf(work: () => Promise<unknown>): Promise<IntervalHistogram> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await work();
  delay.disable();
  return delay;
}
