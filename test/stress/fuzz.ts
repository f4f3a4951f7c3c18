/**
 * Damages photographs and media fixtures in every way it can think of, and processes them as uploads: each has to end as
 * completed, or failed by what the file is, and nothing else may come of it.
 *
 *     npm run stress:fuzz                             100,000 images, 5,000 HEIC by libheif-js, 300 videos by ffmpeg
 *     npm run stress:fuzz -- --kind images --cases 1000000 --seed 7
 *     npm run stress:fuzz -- --kind images --seed 7 --case 1234     one of them again; its bytes are written to a file
 *     npm run stress:fuzz -- --kind videos --cases 1000   two to five a second
 *     npm run stress:fuzz -- --kind heic --cases 20000
 *
 * A case is the same for the same seed, number and version of sharp.
 */
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { hasFfmpeg } from "../support/videos.js";
import { wayOf } from "./fuzz/case.js";
import { createCorpus } from "./fuzz/corpus.js";
import { fuzz } from "./fuzz/fuzz-run.js";
import { createHeicCorpus } from "./fuzz/heic-corpus.js";
import { mutantOf } from "./fuzz/mutate.js";
import { createVideoCorpus } from "./fuzz/video-corpus.js";
import { tellProgress } from "./tell-progress.js";

const CORPORA = { images: createCorpus, heic: createHeicCorpus, videos: createVideoCorpus };
/** By default; videos take a thousand times as long. */
const CASES = { images: 100_000, heic: 5000, videos: 300 };
const KINDS = ["images", "heic", "videos"] as const;

const { values } = parseArgs({
  options: {
    cases: { type: "string" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    case: { type: "string" },
    kind: { type: "string" },
    workers: { type: "string", default: "2" },
  },
});
const seed = Number(values.seed);
const only = values.case === undefined ? undefined : Number(values.case);
const kinds = KINDS.filter((kind) => values.kind === undefined || values.kind === kind);
if (kinds.length === 0) throw new Error(`--kind ${values.kind}: expected ${KINDS.join(", ")}`);
if (only !== undefined && kinds.length > 1) throw new Error(`--case needs --kind: ${KINDS.join(", ")}`);

for (const kind of kinds) {
  if (kind === "videos" && values.kind === undefined && !hasFfmpeg) console.log("videos are passed over: no ffmpeg");
  else await run(kind);
}

async function run(kind: (typeof KINDS)[number]): Promise<void> {
  if (only !== undefined) {
    const { name, bytes } = mutantOf(await CORPORA[kind](), seed, only);
    const path = join(tmpdir(), `fuzz-${seed}-${only}`);
    writeFileSync(path, bytes);
    console.log(
      `case ${only} of seed ${seed}: ${name}\n${bytes.length} bytes, opened as ${wayOf(only)}, written to ${path}`,
    );
  }
  const [from, to] = only === undefined ? [0, Number(values.cases ?? CASES[kind])] : [only, only + 1];
  const told = tellProgress(to - from, "cases");
  const begunAt = performance.now();
  const { cases, outcomes, peakMiB, failures } = await fuzz({
    ...{ seed, kind, from, to, workers: Math.min(Number(values.workers), to - from) },
    onProgress: told.at,
  });
  const seconds = (performance.now() - begunAt) / 1000;
  told.end();
  console.log(
    `${kind}: ${cases} cases in ${Math.round(seconds)} s, ${Math.round(cases / seconds)} a second (seed ${seed})`,
  );
  for (const [outcome, count] of Object.entries(outcomes).sort(([, a], [, b]) => b - a))
    console.log(`  ${outcome.padEnd(20)} ${count}`);
  console.log(`  ${"peak of one process".padEnd(20)} ${peakMiB} MiB`);
  if (failures.length === 0) console.log("  nothing crashed, hung, or ended otherwise than it may");
  for (const { number, problem } of failures)
    console.log(`  FAILED --kind ${kind} --seed ${seed} --case ${number}: ${problem}`);
  if (failures.length > 0) process.exitCode = 1;
}
