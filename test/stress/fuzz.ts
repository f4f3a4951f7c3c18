/**
 * Damages photographs and media fixtures in every way it can think of, and processes them as uploads: each has to end as
 * completed, or failed by what the file is, and nothing else may come of it.
 *
 *     npm run stress:fuzz                             100,000 cases
 *     npm run stress:fuzz -- --cases 1000000 --seed 7
 *     npm run stress:fuzz -- --seed 7 --case 1234     one of them again; its bytes are written to a file
 *     npm run stress:fuzz -- --kind videos --cases 1000   videos by ffmpeg, two to five a second
 *     npm run stress:fuzz -- --kind heic --cases 20000   HEIC by libheif-js
 *
 * A case is the same for the same seed, number and version of sharp.
 */
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { wayOf } from "./fuzz/case.js";
import { createCorpus } from "./fuzz/corpus.js";
import { fuzz } from "./fuzz/fuzz-run.js";
import { createHeicCorpus } from "./fuzz/heic-corpus.js";
import { mutantOf } from "./fuzz/mutate.js";
import { createVideoCorpus } from "./fuzz/video-corpus.js";
import { tellProgress } from "./tell-progress.js";

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "100000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    case: { type: "string" },
    kind: { type: "string", default: "images" },
    workers: { type: "string", default: "2" },
  },
});
const seed = Number(values.seed);
const kind = values.kind === "videos" || values.kind === "heic" ? values.kind : "images";
const only = values.case === undefined ? undefined : Number(values.case);

if (only !== undefined) {
  const corpora = { images: createCorpus, videos: createVideoCorpus, heic: createHeicCorpus };
  const { name, bytes } = mutantOf(await corpora[kind](), seed, only);
  const path = join(tmpdir(), `fuzz-${seed}-${only}`);
  writeFileSync(path, bytes);
  console.log(
    `case ${only} of seed ${seed}: ${name}\n${bytes.length} bytes, opened as ${wayOf(only)}, written to ${path}`,
  );
}
const [from, to] = only === undefined ? [0, Number(values.cases)] : [only, only + 1];
const told = tellProgress(to - from, "cases");
const begunAt = performance.now();
const { cases, outcomes, peakMiB, failures } = await fuzz({
  ...{ seed, kind, from, to, workers: Math.min(Number(values.workers), to - from) },
  onProgress: told.at,
});
const seconds = (performance.now() - begunAt) / 1000;
told.end();
console.log(`${cases} cases in ${Math.round(seconds)} s, ${Math.round(cases / seconds)} a second (seed ${seed})`);
for (const [outcome, count] of Object.entries(outcomes).sort(([, a], [, b]) => b - a))
  console.log(`  ${outcome.padEnd(20)} ${count}`);
console.log(`  ${"peak of one process".padEnd(20)} ${peakMiB} MiB`);
if (failures.length === 0) console.log("  nothing crashed, hung, or ended otherwise than it may");
for (const { number, problem } of failures) console.log(`  FAILED --seed ${seed} --case ${number}: ${problem}`);
if (failures.length > 0) process.exitCode = 1;
