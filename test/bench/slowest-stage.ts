import { setTimeout as sleep } from "node:timers/promises";
import { repository, requireCompleted, storage, uploadsOf } from "./idle-adapters.js";
import { BatchProcessor } from "./library.js";
import { examplePhotos } from "./photos.js";
import type { Benchmark } from "./report.js";
import { interleave, median, ratio, timeOf } from "./rounds.js";

const UPLOADS = 200;
const DESCRIBE_MS = 50;
const EMBED_MS = 10;
const THEORETICAL_MS = UPLOADS * DESCRIBE_MS;

/** Whether the slowest stage is the only thing that is waited for, while thumbnails and embeddings are made beside it. */
export const slowestStage: Benchmark = async ({ quick }) => {
  const times = await interleave(quick ? 1 : 3, {
    library: () => timeOf(byLibrary),
    bare: () => timeOf(oneAfterTheOther),
  });
  const theoretical = times.library.map(() => THEORETICAL_MS);
  const target = { atMost: 1.05 };
  return [
    {
      name: `${UPLOADS} uploads, described in ${DESCRIBE_MS} ms, one at a time`,
      library: seconds(times.library),
      bare: seconds(theoretical),
      ...{ measured: ratio(times.library, theoretical), unit: "×", target },
    },
    {
      name: `  to ${UPLOADS} timers of ${DESCRIBE_MS} ms`,
      library: seconds(times.library),
      bare: seconds(times.bare),
      ...{ measured: ratio(times.library, times.bare), unit: "×" },
    },
  ];
};

async function byLibrary(): Promise<void> {
  const photos = examplePhotos();
  let opened = 0;
  let written = 0;
  const processor = new BatchProcessor({
    storage: {
      ...storage,
      open: async () => ({ path: photos[opened++ % photos.length] as string }),
      write: async () => {
        written++;
      },
    },
    ai: {
      describe: () => sleep(DESCRIBE_MS, "A photo"),
      embed: () => sleep(EMBED_MS, [1, 0, 0]),
      concurrency: { describe: 1, embed: 3 },
    },
    repository,
  });
  requireCompleted(await processor.processUploads(uploadsOf(UPLOADS)), UPLOADS);
  if (written !== UPLOADS) throw new Error(`thumbnails: expected ${UPLOADS}, got ${written}`);
}

/** What the timers of this machine make of the theoretical time. */
async function oneAfterTheOther(): Promise<void> {
  for (let upload = 0; upload < UPLOADS; upload++) await sleep(DESCRIBE_MS);
}

function seconds(times: readonly number[]): string {
  return `${(median(times) / 1000).toFixed(2)} s`;
}
