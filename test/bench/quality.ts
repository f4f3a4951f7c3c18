import { labelledSet } from "../evaluation/quality/labelled-set.js";
import { descriptionQuality } from "./library.js";
import type { Benchmark } from "./report.js";
import { median, noise, timeOf } from "./rounds.js";

const LENGTH = 2_000;
const LANGUAGES = ["en", "ru", "ar", "th", "ja", "zh"];
const CHECKS = 50;

/** How long the audit of a description of 2,000 characters takes: of good texts, which every check reads to the end. */
export const quality: Benchmark = async ({ quick }) => {
  const audit = descriptionQuality();
  const upload = { id: "1", storageKey: "1.jpg", status: "pending" } as const;
  const good = labelledSet().filter(({ kind }) => kind === "good");
  const rows = [];
  for (const language of LANGUAGES) {
    const own = good.filter((one) => one.language === language);
    const text = own
      .map((one) => one.text)
      .join("\n")
      .slice(0, LENGTH);
    const context = { upload, kind: "image", prompt: own[0]?.prompt } as const;
    const check = () =>
      timeOf(async () => {
        for (let round = 0; round < CHECKS; round++) audit.check(text, context);
      });
    await check(); // to warm up
    const times: number[] = [];
    for (let round = 0; round < (quick ? 9 : 31); round++) times.push((await check()) / CHECKS);
    rows.push({
      name: `audit of ${text.length} characters, ${language}`,
      library: `${median(times).toFixed(2)} ms`,
      bare: "",
      ...{ measured: { value: median(times), noise: noise(times) }, unit: "ms", target: { atMost: 1 } },
    });
  }
  return rows;
};
