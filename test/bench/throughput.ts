import pLimit from "p-limit";
import pRetry from "p-retry";
import type { UploadRecord } from "../../src/index.js";
import { ai, CONCURRENCY, repository, requireCompleted, storage, uploadsOf } from "./idle-adapters.js";
import { BatchProcessor } from "./library.js";
import type { Benchmark } from "./report.js";
import { interleave, median, ratio, type Times } from "./rounds.js";

const UPLOADS = 20_000;
const LEASE_MS = 60_000;

/** What the library itself costs an upload, when nothing else takes any time. */
export const throughput: Benchmark = async ({ quick }) => {
  const uploads = uploadsOf(UPLOADS);
  const newProcessor = () =>
    new BatchProcessor({ storage, ai, repository, thumbnail: false, concurrency: CONCURRENCY });

  const byLibrary = async (processor = newProcessor()) => {
    requireCompleted(await processor.processUploads(uploads), UPLOADS);
  };
  const listened = async () => {
    let events = 0;
    const count = () => {
      events++;
    };
    await byLibrary(newProcessor().on("upload:progress", count).on("batch:progress", count));
    if (events < UPLOADS) throw new Error(`progress events: expected at least ${UPLOADS}, got ${events}`);
  };
  const times = await interleave(
    { rounds: quick ? 5 : 15, warmUps: 2 },
    { library: () => byLibrary(), listened, bare: () => byHand(uploads) },
  );
  return [
    {
      name: `throughput of ${UPLOADS.toLocaleString("en")} uploads`,
      library: perSecond(times.library),
      bare: perSecond(times.bare),
      ...{ measured: ratio(times.bare, times.library), unit: "×", target: { atLeast: 0.5 } },
    },
    {
      name: "  with listeners of the progress",
      library: perSecond(times.listened),
      bare: perSecond(times.bare),
      ...{ measured: ratio(times.bare, times.listened), unit: "×" },
    },
  ];
};

/**
 * The same calls of the adapters in the same order, as one writes them without the library.
 *
 * On Node 20 more than half of this is p-retry: it copies its options and adds those that are left out, which that V8 does
 * slowly. Since Node 22 it does not, so that the ratio there is a third of what it is here, though the library is no slower.
 */
async function byHand(uploads: readonly UploadRecord[]): Promise<void> {
  const limit = pLimit(CONCURRENCY);
  const { signal } = new AbortController();
  const processOne = async ({ id }: UploadRecord) => {
    const { upload, fence } = await repository.claimUpload(id, { leaseMs: LEASE_MS, mode: "continue" });
    const media = await storage.open(upload.storageKey, { signal });
    const embedding = await pRetry(
      async (attempt) => {
        const context = { signal, attempt };
        const description = await ai.describe(media, context);
        await repository.updateUpload(id, { description, status: "embedding" }, { fence, leaseMs: LEASE_MS });
        return ai.embed({ text: description, media }, context);
      },
      { retries: 1 },
    );
    await repository.updateUpload(id, { embedding, status: "completed" }, { fence });
  };
  await Promise.all(uploads.map((upload) => limit(processOne, upload)));
}

function perSecond(times: Times): string {
  return `${Math.round(UPLOADS / (median(times) / 1000)).toLocaleString("en")}/s`;
}
