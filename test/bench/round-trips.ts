import { setTimeout as sleep } from "node:timers/promises";
import { ai, CONCURRENCY, repository, requireCompleted, storage, uploadsOf } from "./idle-adapters.js";
import { BatchProcessor } from "./library.js";
import type { Benchmark } from "./report.js";

const UPLOADS = 40;
const SLOW_MS = 300;

/** How often an upload goes to the repository on the straight path: thumbnail, description, vector, all at the first try. */
export const roundTrips: Benchmark = async () => {
  const atOnce = await mostCallsPerUpload(0);
  const slowly = await mostCallsPerUpload(SLOW_MS);
  return [
    {
      name: "round trips to the repository per upload",
      library: String(atOnce),
      bare: "",
      ...{ measured: { value: atOnce, noise: 0 }, unit: "", target: { atMost: 4 } },
    },
    {
      name: `  more of them with a model that takes ${SLOW_MS} ms`,
      library: String(slowly),
      bare: String(atOnce),
      ...{ measured: { value: slowly - atOnce, noise: 0 }, unit: "", target: { atMost: 0 } },
    },
  ];
};

async function mostCallsPerUpload(describeMs: number): Promise<number> {
  const calls = new Map<string, number>();
  const counted =
    <Rest extends unknown[], Answer>(call: (id: string, ...rest: Rest) => Answer) =>
    (id: string, ...rest: Rest): Answer => {
      calls.set(id, (calls.get(id) ?? 0) + 1);
      return call(id, ...rest);
    };
  const processor = new BatchProcessor({
    storage,
    ai: { ...ai, describe: () => sleep(describeMs, "A photo") },
    repository: {
      findUpload: counted(repository.findUpload),
      claimUpload: counted(repository.claimUpload),
      updateUpload: counted(repository.updateUpload),
    },
    concurrency: CONCURRENCY,
  });
  requireCompleted(await processor.processUploads(uploadsOf(UPLOADS)), UPLOADS);
  return Math.max(...calls.values());
}
