import pLimit from "p-limit";
import sharp from "sharp";
import { ai } from "./idle-adapters.js";
import { withLargePhotos } from "./photos.js";
import { DECODERS, processFiles, warmUp } from "./process-files.js";
import type { Benchmark } from "./report.js";
import { interleave, median, ratio, timeOf } from "./rounds.js";

const THUMBNAILS = 28;

/** Whether the decoders are kept as busy as they can be. */
export const thumbnails: Benchmark = ({ quick }) =>
  withLargePhotos(async (paths) => {
    const jobs = Array.from({ length: THUMBNAILS }, (_, index) => paths[index % paths.length] as string);
    const sides = { library: () => timeOf(() => byLibrary(jobs)), bare: () => timeOf(() => bySharp(jobs)) };
    await warmUp(byLibrary, bySharp);
    await interleave(1, sides);
    const times = await interleave(quick ? 3 : 9, sides);
    return [
      {
        name: "thumbnails of 12-megapixel JPEGs",
        library: perSecond(times.library),
        bare: perSecond(times.bare),
        ...{ measured: ratio(times.bare, times.library), unit: "×", target: { atLeast: 0.97 } },
      },
    ];
  });

async function byLibrary(paths: readonly string[]): Promise<void> {
  const written = await processFiles(paths, ai);
  if (written !== paths.length) throw new Error(`thumbnails: expected ${paths.length}, got ${written}`);
}

/** With the library's settings, as many at once. */
async function bySharp(paths: readonly string[]): Promise<void> {
  const limit = pLimit(DECODERS);
  const make = (path: string) =>
    sharp(path, { failOn: "error", limitInputPixels: 100_000_000, pages: 1 })
      .autoOrient()
      .resize(256, 256, { fit: "inside", withoutEnlargement: true })
      .flatten({ background: "#ffffff" })
      .jpeg({ quality: 85 })
      .toBuffer();
  await Promise.all(paths.map((path) => limit(make, path)));
}

function perSecond(times: readonly number[]): string {
  return `${(THUMBNAILS / (median(times) / 1000)).toFixed(1)}/s`;
}
