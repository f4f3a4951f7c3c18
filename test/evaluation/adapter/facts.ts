import { readFileSync } from "node:fs";

/** What a description of a photograph should tell, with the words that it may be told in. `*` behind a word: it may go on. */
type Facts = Readonly<Record<string, readonly string[]>>;

export const FACTS: Readonly<Record<string, Facts>> = JSON.parse(
  readFileSync(new URL("./facts.json", import.meta.url), "utf8"),
);

export interface Recall {
  readonly told: readonly string[];
  readonly missed: readonly string[];
}

export function recallOf(facts: Facts, text: string): Recall {
  const names = Object.keys(facts);
  const isTold = (name: string) => (facts[name] ?? []).some((word) => contains(text, word));
  return { told: names.filter(isTold), missed: names.filter((name) => !isTold(name)) };
}

/** Whole words, in any case; in scripts without spaces, and in Korean, anywhere. */
function contains(text: string, word: string): boolean {
  const start = word.replace(/\*$/, "");
  if (/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}]/u.test(start))
    return text.includes(start);
  const escaped = start.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`(?<!\\p{L})${escaped}${word.endsWith("*") ? "" : "(?!\\p{L})"}`, "iu").test(text);
}
