import { labelledSet } from "../evaluation/quality/labelled-set.js";
import { descriptionQuality } from "./library.js";
import type { Benchmark } from "./report.js";
import { median, noise } from "./rounds.js";

const LENGTH = 2_000;
const LANGUAGES = ["en", "ru", "ar", "th", "ja", "zh"];
const CHECKS = 50;

/**
 * How long the audit of a description of 2,000 characters takes: of good texts, all of which every check reads to the end. It is
 * the time of the processor, which hardly changes with what else the machine does.
 */
export const quality: Benchmark = async ({ quick }) => {
  const audit = descriptionQuality();
  const upload = { id: "1", storageKey: "1.jpg", status: "pending" } as const;
  const good = labelledSet().filter(({ kind }) => kind === "good");
  return LANGUAGES.map((language) => {
    const own = good.filter((one) => one.language === language);
    let text = own.map((one) => one.text).join("\n");
    while (text.length < LENGTH) text += text; // where there are fewer texts, they come twice
    text = text.slice(0, LENGTH);
    const context = { upload, kind: "image", prompt: own[0]?.prompt } as const;
    const check = () => {
      const before = process.cpuUsage();
      for (let round = 0; round < CHECKS; round++) audit.check(text, context);
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000 / CHECKS;
    };
    for (let round = 0; round < 10; round++) check(); // to warm up
    const times = Array.from({ length: quick ? 9 : 31 }, check);
    return {
      name: `audit of ${LENGTH} characters, ${language}`,
      library: `${median(times).toFixed(2)} ms`,
      bare: "",
      ...{ measured: { value: median(times), noise: noise(times) }, unit: "ms", target: { atMost: 1 } },
    };
  });
};
