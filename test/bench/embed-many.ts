import { setTimeout as sleep } from "node:timers/promises";
import type { AIAdapter, UploadRecord } from "../../src/index.js";
import { repository, requireCompleted, storage, uploadsOf } from "./idle-adapters.js";
import { BatchProcessor } from "./library.js";
import type { Benchmark } from "./report.js";
import { interleave, median, ratio, timeOf } from "./rounds.js";

const UPLOADS = 1000;
const CALL_MS = 20;
const AT_ONCE = 64;
const MOST_CALLS = 20;
/** As many as a model of one's own takes: what one by one is compared with. */
const SLOTS = 3;

const vectors = (count: number) => Array.from({ length: count }, () => [1, 0, 0]);

/** What it is worth to send texts together, in re-embedding: against one text a call, at the same service. */
export const embedMany: Benchmark = async ({ quick }) => {
  const calls: number[] = [];
  const times = await interleave(quick ? 1 : 3, {
    library: () => timeOf(async () => void calls.push(await reEmbed(together))),
    single: () => timeOf(() => reEmbed(oneByOne)),
    bare: () => timeOf(bareCalls),
  });
  const name = `${UPLOADS} texts, ${CALL_MS} ms a call, ${AT_ONCE} at once`;
  const most = Math.max(...calls);
  return [
    {
      name: `re-embed ${name}: calls`,
      library: `${most}`,
      bare: `${UPLOADS}`,
      ...{ measured: { value: most, noise: 0 }, unit: "", target: { atMost: MOST_CALLS } },
    },
    {
      name: "  rate, to one by one",
      library: seconds(times.library),
      bare: seconds(times.single),
      ...{ measured: ratio(times.single, times.library), unit: "×", target: { atLeast: 10 } },
    },
    {
      name: "  rate, to the calls of 64 in a loop",
      library: seconds(times.library),
      bare: seconds(times.bare),
      ...{ measured: ratio(times.bare, times.library), unit: "×" },
    },
  ];
};

type Embedding = Pick<AIAdapter, "embed" | "embedMany">;

const together = (count: () => void): Embedding => ({
  embedMany: async (inputs) => {
    count();
    return sleep(CALL_MS, { vectors: vectors(inputs.length) });
  },
});

const oneByOne = (count: () => void): Embedding => ({
  embed: async () => {
    count();
    return sleep(CALL_MS, [1, 0, 0]);
  },
});

/** @returns how many calls were made */
async function reEmbed(embedding: (count: () => void) => Embedding): Promise<number> {
  let calls = 0;
  const described = (upload: UploadRecord): UploadRecord => ({ ...upload, description: `A photo called ${upload.id}` });
  const processor = new BatchProcessor({
    storage,
    thumbnail: false,
    concurrency: AT_ONCE,
    repository: {
      ...repository,
      claimUpload: async (id, request) => {
        const answer = await repository.claimUpload(id, request);
        return { outcome: "claimed", fence: answer.fence, upload: described(answer.upload) };
      },
    },
    ai: {
      describe: () => Promise.reject(new Error("it is described already")),
      concurrency: { embed: SLOTS },
      ...embedding(() => {
        calls++;
      }),
    },
  });
  requireCompleted(await processor.processUploads(uploadsOf(UPLOADS)), UPLOADS);
  return calls;
}

async function bareCalls(): Promise<void> {
  for (let left = UPLOADS; left > 0; left -= AT_ONCE) await sleep(CALL_MS, vectors(Math.min(left, AT_ONCE)));
}

function seconds(times: readonly number[]): string {
  return `${(median(times) / 1000).toFixed(2)} s`;
}
