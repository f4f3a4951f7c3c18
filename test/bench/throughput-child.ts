/** Processes uploads in one of several ways, and prints how long that takes once V8 is warm, in milliseconds. */
import { randomUUID } from "node:crypto";
import pLimit from "p-limit";
import pRetry from "p-retry";
import type { UploadRecord } from "../../src/index.js";
import { ai, CONCURRENCY, repository, requireCompleted, storage, uploadsOf } from "./idle-adapters.js";
import { BatchProcessor, defineStage } from "./library.js";
import { timeOf } from "./rounds.js";

const WARM_UPS = 2;
const RUNS = 5;
const LEASE_MS = 60_000;

const newProcessor = () => new BatchProcessor({ storage, ai, repository, thumbnail: false, concurrency: CONCURRENCY });

async function byLibrary(uploads: readonly UploadRecord[], processor = newProcessor()): Promise<void> {
  requireCompleted(await processor.processUploads(uploads), uploads.length);
}

async function byListenedLibrary(uploads: readonly UploadRecord[]): Promise<void> {
  let events = 0;
  const count = () => {
    events++;
  };
  await byLibrary(uploads, newProcessor().on("upload:progress", count).on("batch:progress", count));
  if (events < uploads.length) throw new Error(`progress events: expected ${uploads.length} and more, got ${events}`);
}

/** With one stage more, which does nothing but answer: a call, its timing, and a checkpoint. */
async function byLibraryWithStage(uploads: readonly UploadRecord[]): Promise<void> {
  const stages = [defineStage({ name: "facts", run: async () => ({ one: 1 }) })];
  await byLibrary(
    uploads,
    new BatchProcessor({ storage, ai, repository, thumbnail: false, concurrency: CONCURRENCY, stages }),
  );
}

/**
 * The same calls of the adapters in the same order, as one writes them without the library.
 *
 * On Node 20 more than half of this is p-retry: it copies its options and adds those that are left out, which that V8 does
 * slowly. Since Node 22 it does not, so that the ratio there is a quarter of this one, though the library is no slower.
 */
async function byHand(uploads: readonly UploadRecord[]): Promise<void> {
  const limit = pLimit(CONCURRENCY);
  const { signal } = new AbortController();
  const processOne = async ({ id }: UploadRecord) => {
    const { upload, fence } = await repository.claimUpload(id, { leaseMs: LEASE_MS, token: randomUUID() });
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

const sides: Readonly<Record<string, (uploads: readonly UploadRecord[]) => Promise<void>>> = {
  library: byLibrary,
  "library-listened": byListenedLibrary,
  "library-stage": byLibraryWithStage,
  "by-hand": byHand,
};

const [side = "", count] = process.argv.slice(2);
const work = sides[side];
if (work === undefined) throw new Error(`${side}: expected one of ${Object.keys(sides).join(", ")}`);
const uploads = uploadsOf(Number(count));
const times: number[] = [];
for (let run = -WARM_UPS; run < RUNS; run++) {
  const time = await timeOf(() => work(uploads));
  if (run >= 0) times.push(time);
}
// The fastest run: whatever else the machine does only adds to it.
console.log(Math.min(...times));
