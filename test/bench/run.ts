/**
 * Measures what the library costs, in ratios to the bare calls of the same run: absolute figures are the machine's.
 *
 *     npm run bench                            all of them
 *     npm run bench -- throughput thumbnails   some of them
 *     npm run bench -- --quick                 fewer rounds; 200,000 uploads instead of a million
 *     TEST_POSTGRES_URL=… npm run bench        also those that need a PostgreSQL server (and TEST_REDIS_URL), which are passed over without
 *     npm run bench -- --check                 fails when a target is missed by more than the noise
 */
import { parseArgs } from "node:util";
import { batchDone } from "./batch-done.js";
import { bullmq } from "./bullmq.js";
import { embedMany } from "./embed-many.js";
import { heicLoop, sharpLoop } from "./event-loop.js";
import { memory } from "./memory.js";
import { models } from "./models.js";
import { oneDecode } from "./one-decode.js";
import { otel } from "./otel.js";
import { postgres } from "./postgres.js";
import { quality } from "./quality.js";
import { type Benchmark, format, header, isMissed } from "./report.js";
import { roundTrips } from "./round-trips.js";
import { slowestStage } from "./slowest-stage.js";
import { streams } from "./streams.js";
import { throughput } from "./throughput.js";
import { thumbnails } from "./thumbnails.js";
import { video } from "./video.js";

const benchmarks: Readonly<Record<string, Benchmark>> = {
  throughput,
  postgres,
  bullmq,
  thumbnails,
  video,
  "one-decode": oneDecode,
  "heic-loop": heicLoop,
  "sharp-loop": sharpLoop,
  "slowest-stage": slowestStage,
  memory,
  "round-trips": roundTrips,
  "batch-done": batchDone,
  "embed-many": embedMany,
  streams,
  otel,
  models,
  quality,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false }, check: { type: "boolean", default: false } },
});
const unknown = positionals.find((name) => !Object.hasOwn(benchmarks, name));
if (unknown !== undefined) throw new Error(`${unknown}: expected one of ${Object.keys(benchmarks).join(", ")}`);

console.log(header());
let missed = 0;
// Always in this order: what ran before in the process is what V8 has optimized for.
for (const [name, benchmark] of Object.entries(benchmarks)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  if (process.stdout.isTTY) process.stdout.write(`${name} …\r`);
  for (const row of await benchmark(values)) {
    console.log(format(row));
    if (isMissed(row)) missed++;
  }
}
if (values.check && missed > 0) {
  console.error(`${missed} ${missed === 1 ? "target is" : "targets are"} missed by more than the noise.`);
  process.exitCode = 1;
}
