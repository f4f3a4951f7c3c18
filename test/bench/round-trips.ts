import { setTimeout as sleep } from "node:timers/promises";
import { ai, CONCURRENCY, repository, requireCompleted, storage, uploadsOf } from "./idle-adapters.js";
import { BatchProcessor } from "./library.js";
import type { Benchmark, Row } from "./report.js";

const UPLOADS = 40;
const SLOW_MS = 300;

/** How often an upload goes to the repository on the straight path: thumbnail, description, vector, all at the first try. */
export const roundTrips: Benchmark = async () => {
  const atOnce = await callsPerUpload(0);
  const slowly = await callsPerUpload(SLOW_MS);
  const row = { unit: "", bare: "" } satisfies Partial<Row>;
  return [
    {
      ...row,
      name: "round trips to the repository, per upload",
      library: String(atOnce),
      ...{ measured: { value: atOnce, noise: 0 }, target: { atMost: 4 } },
    },
    {
      ...row,
      name: `  more of them when the model takes ${SLOW_MS} ms`,
      library: String(slowly),
      ...{ measured: { value: slowly - atOnce, noise: 0 }, target: { atMost: 0 } },
    },
  ];
};

async function callsPerUpload(describeMs: number): Promise<number> {
  let calls = 0;
  const counted =
    <Arguments extends unknown[], Answer>(call: (...args: Arguments) => Answer) =>
    (...args: Arguments): Answer => {
      calls++;
      return call(...args);
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
  return calls / UPLOADS;
}
