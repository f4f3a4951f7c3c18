/**
 * Processes 100,000 uploads in one processor while 2 % of all calls of its adapters go wrong: small photographs, through
 * `fileStorage` and a PGlite on disk; the model is a hash of the vision image, because `localAI` takes four times as long. In
 * the end every upload has to be stored exactly once, and nothing may be left or have grown.
 *
 *     npm run stress:soak
 *     npm run stress:soak -- --uploads 10000 --batch 1000 --seed 7
 */
import { parseArgs } from "node:util";
import type { Flatness } from "./soak/flatness.js";
import { type SoakProgress, soak } from "./soak/soak-run.js";

const { values } = parseArgs({
  options: {
    uploads: { type: "string", default: "100000" },
    batch: { type: "string", default: "10000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const seed = Number(values.seed);
const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(2)} MiB`;

let last = { uploads: 0, at: performance.now() };
const report = await soak({
  ...{ uploads: Number(values.uploads), batch: Number(values.batch), seed, leaseMs: 10_000, rate: 0.02 },
  onProgress: print,
});

const { uploads, seconds, faults, withoutThumbnail, flatness, databaseMemory, problems, originals } = report;
console.log(
  `${uploads} uploads of ${originals} files in ${Math.round(seconds)} s, ${Math.round(uploads / seconds)} a second (seed ${seed})`,
);
console.log(
  `  faults: ${Object.entries(faults)
    .map(([name, count]) => `${count} ${name}`)
    .join(", ")}`,
);
console.log(`  without a thumbnail, as their events told: ${withoutThumbnail}`);
for (const each of flatness) console.log(`  ${verdictOf(each)}`);
console.log(`  the database's own process: ${databaseMemory.map(mib).join(" at first, at last ")}`);
for (const problem of problems) console.log(`  FAILED: ${problem}`);
if (problems.length === 0) console.log("  every upload was stored exactly once, and nothing was left");
if (problems.length > 0 || flatness.some(({ flat }) => flat === false)) process.exitCode = 1;

function print({ uploads, memory, resources, files }: SoakProgress): void {
  const now = performance.now();
  const perSecond = Math.round(((uploads - last.uploads) / (now - last.at)) * 1000);
  last = { uploads, at: now };
  const { rss, heapUsed, external, database } = memory;
  const open = Object.entries(resources).map(([name, count]) => `${count} ${name}`);
  console.log(
    `${String(uploads).padStart(7)} uploads, ${perSecond}/s; resident ${mib(rss)}, heap ${mib(heapUsed)}, external ${mib(external)}, database ${mib(database)}; ${files ?? "?"} files, ${open.join(", ")}`,
  );
}

function verdictOf({ name, samples, medians, slope, uncertainty, bound, flat }: Flatness): string {
  const verdict = flat === undefined ? "too few samples to tell" : flat ? "flat" : "FAILED: it grows";
  const levels = medians.map(mib).join(" in the second quarter, in the last ");
  const growth = `${mib(slope)} ± ${mib(uncertainty)} for 10,000 uploads, at most ${mib(bound)}`;
  return `${name}: ${levels}; ${growth} (${samples} samples): ${verdict}`;
}
