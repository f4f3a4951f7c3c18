/**
 * Judges `descriptionQuality()` by the labelled set: how many of those it calls bad are bad (precision), and how many bad ones it
 * finds (recall).
 *
 *     npm run evaluate:quality               both halves, by kind and by language
 *     npm run evaluate:quality -- --tuning   the tuning half alone, with every text that is judged wrongly
 */
import { parseArgs } from "node:util";
import { descriptionQuality } from "../../src/index.js";
import { figuresOf, type Judged, judge } from "./quality/figures.js";
import { labelledSet } from "./quality/labelled-set.js";

const { values } = parseArgs({ options: { tuning: { type: "boolean", default: false } } });
const judged = judge(descriptionQuality(), labelledSet());

for (const half of ["tuning", "held out"] as const) {
  if (values.tuning && half === "held out") continue;
  const part = judged.filter((one) => one.half === half);
  console.log(`\n${half}`);
  print("all", part);
  print(
    "written by hand",
    part.filter(({ isMade }) => !isMade),
  );
  printBy("kind", part);
  printBy("language", part);
}
if (values.tuning) {
  for (const { kind, language, text, issues, isMade } of figuresOf(judged.filter((one) => one.half === "tuning")).wrong)
    console.log(
      `\n${kind} ${language}${isMade ? " (made)" : ""}: ${JSON.stringify(text.slice(-300))}\n  ${issues.join("\n  ")}`,
    );
}

function printBy(key: "kind" | "language", part: readonly Judged[]): void {
  for (const value of [...new Set(part.map((one) => one[key]))].sort()) {
    if (value !== "good")
      print(
        `  ${key} ${value}`,
        part.filter((one) => one[key] === value),
      );
  }
}

function print(name: string, part: readonly Judged[]): void {
  const { good, bad, precision, recall } = figuresOf(part);
  const counts = `${String(good).padStart(4)} good ${String(bad).padStart(4)} bad`;
  const isMixed = good > 0 && bad > 0;
  const figures = `${isMixed || name === "all" ? `precision ${precision.toFixed(3)}  ` : ""}recall ${recall.toFixed(3)}`;
  console.log(`${name.padEnd(24)}${counts}   ${figures}`);
}
