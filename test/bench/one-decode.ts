import pLimit from "p-limit";
import sharp from "sharp";
import type { AIAdapter, BatchProcessorOptions } from "../../src/index.js";
import { ai } from "./idle-adapters.js";
import { withLargePhotos } from "./photos.js";
import { DECODERS, processFiles, warmUp } from "./process-files.js";
import type { Benchmark, Row } from "./report.js";
import { interleave, median, ratio, timeOf } from "./rounds.js";

const UPLOADS = 14;

/** A model that looks at the image. */
const looking: AIAdapter = {
  ...ai,
  describe: async (media) => {
    const { width, height } = await media.visionImage();
    return `A photo of ${width} × ${height}`;
  },
};
/** Another adapter than that of the other benchmarks: what it does with its media is remembered for each. */
const blind: AIAdapter = { ...ai };

type Options = Pick<BatchProcessorOptions, "renditions" | "placeholder">;
const SIZES: Options = { renditions: { medium: { size: 640 }, large: { size: 1024 } }, placeholder: "thumbhash" };

/** What is saved by decoding once for everything that is made of an original. */
export const oneDecode: Benchmark = ({ quick }) =>
  withLargePhotos(async (paths) => {
    const jobs = Array.from({ length: UPLOADS }, (_, index) => paths[index % paths.length] as string);
    const sides = {
      thumbnail: () => timeOf(() => byLibrary(jobs, blind, {})),
      bareThumbnail: () => timeOf(() => bySharp(jobs, [thumbnail])),
      both: () => timeOf(() => byLibrary(jobs, looking, {})),
      all: () => timeOf(() => byLibrary(jobs, looking, SIZES)),
      bareBoth: () => timeOf(() => bySharp(jobs, [thumbnail, visionImage])),
    };
    await warmUp(
      (paths) => byLibrary(paths, blind, {}),
      (paths) => byLibrary(paths, looking, {}),
      (paths) => byLibrary(paths, looking, SIZES),
      (paths) => bySharp(paths, [thumbnail, visionImage]),
    );
    await interleave(1, sides);
    const times = await interleave(quick ? 3 : 9, sides);
    const row = (
      name: string,
      library: readonly number[],
      bare: readonly number[],
      more: Pick<Row, "measured" | "target">,
    ): Row => ({ name, library: perUpload(library), bare: perUpload(bare), unit: "×", ...more });
    return [
      row("thumbnail alone, 12 megapixels (speed)", times.thumbnail, times.bareThumbnail, {
        ...{ measured: ratio(times.bareThumbnail, times.thumbnail), target: { atLeast: 0.98 } },
      }),
      row("thumbnail and vision image (time)", times.both, times.bareBoth, {
        ...{ measured: ratio(times.both, times.bareBoth), target: { atMost: 0.85 } },
      }),
      row("three sizes, placeholder, vision image (time)", times.all, times.bareBoth, {
        ...{ measured: ratio(times.all, times.bareBoth), target: { atMost: 1.15 } },
      }),
    ];
  });

async function byLibrary(paths: readonly string[], model: AIAdapter, options: Options): Promise<void> {
  await processFiles(paths, model, options);
}

/** With the library's settings, as many at once; for each photo one after the other. */
async function bySharp(
  paths: readonly string[],
  makers: readonly ((path: string) => Promise<unknown>)[],
): Promise<void> {
  const limit = pLimit(DECODERS);
  const makeAll = async (path: string) => {
    for (const make of makers) await make(path);
  };
  await Promise.all(paths.map((path) => limit(makeAll, path)));
}

const open = (path: string) => sharp(path, { failOn: "error", limitInputPixels: 100_000_000, pages: 1 }).autoOrient();

function thumbnail(path: string): Promise<unknown> {
  return open(path)
    .resize(256, 256, { fit: "inside", withoutEnlargement: true })
    .flatten({ background: "#ffffff" })
    .jpeg({ quality: 85 })
    .toBuffer();
}

function visionImage(path: string): Promise<unknown> {
  return open(path)
    .resize(1568, 1176, { fit: "fill" })
    .flatten({ background: "#ffffff" })
    .jpeg({ quality: 85 })
    .toBuffer();
}

function perUpload(times: readonly number[]): string {
  return `${(median(times) / UPLOADS).toFixed(1)} ms`;
}
