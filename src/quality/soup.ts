import type { AuditedText } from "./audited-text.js";
import { BROKEN, DIGIT, familyOf, WITHOUT_SPACES } from "./characters.js";
import { type Finding, show } from "./finding.js";
import { judgeWords } from "./words.js";

const soup = (detail: string, severity: number): Finding[] => [{ kind: "soup", detail, severity }];

/** In the order of certainty: what a model writes whose sampling, template or weights are broken. */
export function checkSoup(text: AuditedText): Finding[] {
  return broken(text) ?? fewLetters(text) ?? manyScripts(text) ?? oddWords(text) ?? [];
}

/** One may be an emoji that was cut; more are bytes that are no text. */
function broken({ counts, visibleCount }: AuditedText): Finding[] | undefined {
  const count = counts[BROKEN] as number;
  if (count < 3 && count < 0.05 * visibleCount) return undefined;
  return soup(`${count} characters that are no text`, Math.min(0.95, 0.6 + count / visibleCount));
}

const FEWEST_LETTERS = 0.45;

/** Digits are left out of it: a receipt has few letters, and is no soup. So are lines of dots and dashes. */
function fewLetters(text: AuditedText): Finding[] | undefined {
  const { counts, letterCount, visibleCount } = text;
  const share = letterCount / (visibleCount - (counts[DIGIT] as number) - leaders(text.lower));
  if (share >= FEWEST_LETTERS && letterCount >= 0.12 * visibleCount) return undefined;
  return soup(`${Math.round((100 * letterCount) / visibleCount)} % letters`, 0.95 - share / 2);
}

/** How many characters only continue a line, as in a table of contents or a form: all but its first two. */
function leaders(text: string): number {
  let count = 0;
  for (let index = 2; index < text.length; index++) {
    const character = text[index] as string;
    if (LEADERS.includes(character) && character === text[index - 1] && character === text[index - 2]) count++;
  }
  return count;
}
const LEADERS = ".·…_-–—=";

/** Of all letters; a single word in another script is a name on a sign. */
const LEAST_SHARE = 0.03;

function manyScripts({ letters }: AuditedText): Finding[] | undefined {
  const total = [...letters.values()].reduce((sum, count) => sum + count, 0);
  const shares = new Map<string, number>();
  for (const [script, count] of letters) {
    const family = familyOf(script);
    shares.set(family, (shares.get(family) ?? 0) + count / total);
  }
  const present = [...shares].filter(([, share]) => share >= LEAST_SHARE).map(([family]) => family);
  const isKorean = (letters.get("Hangul") ?? 0) > 0;
  const kana = (letters.get("Hiragana") ?? 0) + (letters.get("Katakana") ?? 0);
  if (isKorean && kana >= 2 && kana / total >= LEAST_SHARE) present.push("Hangul with Kana");
  if (shares.size >= 4) return soup(`${shares.size} scripts: ${[...shares.keys()].join(", ")}`, 0.7);
  return present.length < 3 ? undefined : soup(`scripts ${present.join(", ")}`, 0.7);
}

/** Good texts have none, but for names of products and files. */
const MOST_ODD = 0.13;
const FEWEST_WORDS = 5;

function oddWords(text: AuditedText): Finding[] | undefined {
  const { words, odd, example, mixed } = judgeWords(text);
  if (mixed >= 2 || (mixed === 1 && words < 12)) return soup(`scripts change inside of words: ${show(example)}`, 0.6);
  const spaced = [...text.letters].filter(([script]) => !WITHOUT_SPACES.has(script));
  if (spaced.length === 0 || words === 0) return undefined;
  const none = odd + mixed;
  if (none >= 2 && words >= FEWEST_WORDS && none > MOST_ODD * words)
    return soup(`${none} of ${words} words are none: ${show(example)}`, Math.min(0.9, 0.52 + none / words));
  if (odd > 0 && odd >= 0.5 * words) return soup(`${odd} of ${words} words are none: ${show(example)}`, 0.6);
  return undefined;
}
