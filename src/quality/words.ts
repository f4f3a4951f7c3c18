import type { AuditedText } from "./audited-text.js";
import { classOf, DIGIT, isLetter, MARK, SYMBOL, scriptOf, WITHOUT_SPACES } from "./characters.js";

export interface JudgedWords {
  /** Outside of quotations, addresses and code. */
  readonly words: number;
  /** That no language has: `uBThVTg`, `###`, `_cre7`, sixty letters without a space. */
  readonly odd: number;
  /** Words with letters of two alphabets, such as Latin and Cyrillic. */
  readonly mixed: number;
  /** The last of them. */
  readonly example: string;
}

/** In characters, in scripts with spaces between words: the longest compounds of German and Finnish stay below it. */
const LONGEST_WORD = 45;
const ADDRESS = /^\(?(?:https?:\/\/|www\.)|@\w+\.|\w\.(?:com|org|net|de|fr|io|jp|ru|uk)\b/i;

/** Looks at each word by itself. Words without a capital letter, a digit or a sign inside pass, whatever their language. */
export function judgeWords({ raw, quoted, lower }: AuditedText): JudgedWords {
  let words = 0;
  let odd = 0;
  let mixed = 0;
  let example = "";
  // The places of `raw` and `lower` differ where a small letter is longer than its capital: quotations are unknown then.
  const isKnown = raw.length === lower.length;
  for (const { 0: word, index } of raw.matchAll(/\S+/g)) {
    if (isKnown && quoted[index] === 1) continue;
    words++;
    const verdict = word.length > 4 * LONGEST_WORD || ADDRESS.test(word) ? tooLong(word) : judge(word);
    if (verdict === "fine") continue;
    if (verdict === "mixed") mixed++;
    else odd++;
    example = word;
  }
  return { words, odd, mixed, example };
}

type Verdict = "fine" | "odd" | "mixed";

function tooLong(word: string): Verdict {
  if (ADDRESS.test(word)) return "fine";
  return WITHOUT_SPACES.has(scriptOf(classOf(word.codePointAt(word.length >> 1) as number))) ? "fine" : "odd";
}

function judge(word: string): Verdict {
  const core = word.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}\p{M}]+$/gu, "");
  if (core === "") return /^[#@{}[\]<>\\|;_^~=+*/]{2,}$|^[;\\^~_|{}<>]$/.test(word) ? "odd" : "fine";
  const alphabets = new Set<string>();
  let letters = 0;
  let signs = 0;
  let changes = 0;
  let wasLetter = false;
  for (const character of core) {
    const of = classOf(character.codePointAt(0) as number);
    if (isLetter(of)) {
      letters++;
      const script = scriptOf(of);
      if (script === "Latin" || script === "Cyrillic" || script === "Greek") alphabets.add(script);
      if (WITHOUT_SPACES.has(script) || script === "Hangul") return "fine";
      wasLetter = true;
    } else if (of !== MARK) {
      if (of === DIGIT && wasLetter) changes++;
      if (of === SYMBOL || /[_\\{}[\]<>|;#@*]/.test(character)) signs++;
      if (/[-‐–—/&+.’']/.test(character)) alphabets.clear(); // "QR-код" is a word
      wasLetter = false;
    }
  }
  if (alphabets.size > 1) return "mixed";
  if (letters === 0) return "fine";
  if (letters > LONGEST_WORD && !/[-/–—]/.test(core)) return "odd";
  if (signs > 0 && letters > 1) return "odd";
  if (changes >= 2) return "odd";
  return hasOddCapitals(core) || hasNoVowel(core) ? "odd" : "fine";
}

/** `rouTer`, `uBThVTg`; not `iPhone`, `McDonald's`, `LED`, `KfZ`. */
function hasOddCapitals(word: string): boolean {
  const inner = word.match(/\p{Ll}\p{Lu}/gu)?.length ?? 0;
  if (inner === 0) return false;
  return (
    inner >= 2 ||
    !/^(?:\p{Lu}?\p{Ll}{1,3}\p{Lu}\p{Ll}+(?:['’]s)?|\p{Lu}\p{Ll}+\p{Lu}\p{Ll}+|\p{Ll}\p{Lu}+|\p{Lu}\p{Ll}\p{Lu})$/u.test(
      word,
    )
  );
}

/** Five small consonants and no vowel: shorter ones are words in Czech, and abbreviations. */
function hasNoVowel(word: string): boolean {
  return /^[a-z]{5,}$/.test(word.toLowerCase()) && !/[aeiouy]/i.test(word) && word !== word.toUpperCase();
}
