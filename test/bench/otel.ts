import { ai, CONCURRENCY, repository, requireCompleted, storage, uploadsOf } from "./idle-adapters.js";
import { BatchProcessor, telemetry } from "./library.js";
import type { Benchmark } from "./report.js";
import { interleave, median, noise } from "./rounds.js";

/** Of one upload without a thumbnail: the work on it, and the calls that open, describe and embed it. */
const CALLS = 4;

/**
 * What telemetry costs where no SDK is registered, for each call that it wraps, beyond a plugin that wraps it and does nothing.
 * It is the time of the processor: a microsecond is lost in what else the machine does.
 */
export const otel: Benchmark = async ({ quick }) => {
  const uploads = 5_000;
  const byPlugin = (plugins: ReturnType<typeof telemetry>[]) => async () => {
    const processor = new BatchProcessor({
      ...{ storage, ai, repository, plugins },
      thumbnail: false,
      concurrency: CONCURRENCY,
    });
    requireCompleted(await processor.processUploads(uploadsOf(uploads)), uploads);
    await processor.close();
  };
  const ofTelemetry = byPlugin([telemetry()]);
  const ofEmpty = byPlugin([{ around: (_scope, run) => run() }]);
  await ofTelemetry();
  await ofEmpty();
  const sides = { telemetry: () => processorTimeOf(ofTelemetry), empty: () => processorTimeOf(ofEmpty) };
  const times = await interleave(quick ? 9 : 31, sides);
  const microseconds = (ms: number) => (ms * 1000) / (uploads * CALLS);
  const differences = times.telemetry.map((ms, round) => microseconds(ms - (times.empty[round] ?? Number.NaN)));
  const perCall = (side: readonly number[]) => `${microseconds(median(side)).toFixed(1)} µs`;
  return [
    {
      name: "telemetry without an SDK, for each call",
      library: perCall(times.telemetry),
      bare: perCall(times.empty),
      ...{ measured: { value: median(differences), noise: noise(differences) }, unit: "µs", target: { atMost: 1 } },
    },
  ];
};

/** In milliseconds, of all threads. */
async function processorTimeOf(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
