import type { AuditedText } from "./audited-text.js";
import {
  COMMON,
  classOf,
  DIGIT,
  familyOf,
  isLetter,
  MARK,
  PUNCTUATION,
  type Script,
  SPACE,
  scriptOf,
  WITHOUT_SPACES,
} from "./characters.js";

export interface JudgedWords {
  /** Outside of quotations, addresses and code. */
  readonly words: number;
  /** That no language has: `uBThVTg`, `###`, `_cre7`, fifty letters without a space. */
  readonly odd: number;
  /** Words with letters of two scripts that do not go together, such as Latin and Cyrillic. */
  readonly mixed: number;
  /** The last of them. */
  readonly example: string;
}

/** In letters, in scripts with spaces between words: the longest compounds of German and Finnish stay below it. */
const LONGEST_WORD = 45;
/** In UTF-16 units: what is longer is judged by its length alone. */
const LONGEST_JUDGED = 200;
const ADDRESS = /^\(?(?:https?:\/\/|www\.)|@\w{1,60}\.|\w\.(?:com|org|net|de|fr|io|jp|ru|uk)\b/i;

/** Looks at each word by itself. Words of letters without capitals inside pass, whatever their language. */
export function judgeWords({ raw, quoted, lower, letters }: AuditedText): JudgedWords {
  let words = 0;
  let odd = 0;
  let mixed = 0;
  let example = "";
  const main = mainScript(letters);
  // The places of `raw` and `lower` differ where a small letter is longer than its capital: quotations are unknown then.
  const isKnown = raw.length === lower.length;
  for (let start = 0, end = 0; start < raw.length; start = end + 1) {
    end = start;
    while (end < raw.length && classOf(raw.charCodeAt(end)) !== SPACE) end++;
    if (end === start || (isKnown && quoted[start] === 1)) continue;
    words++;
    if (isKnown && isPlain(raw, lower, start, end)) continue;
    const word = raw.slice(start, end);
    const verdict = ADDRESS.test(word.slice(0, LONGEST_JUDGED)) ? "fine" : judge(word, main);
    if (verdict === "fine") continue;
    if (verdict === "mixed") mixed++;
    else odd++;
    example = word;
  }
  return { words, odd, mixed, example };
}

function mainScript(letters: ReadonlyMap<Script, number>): Script {
  let main: Script = "Latin";
  for (const [script, count] of letters) if (count > (letters.get(main) ?? 0)) main = script;
  return main;
}

/** Most words: letters of one script without capitals inside, perhaps with a mark behind them. There is nothing to judge. */
function isPlain(raw: string, lower: string, start: number, end: number): boolean {
  let last = end - 1;
  if (last > start && classOf(raw.charCodeAt(last)) === PUNCTUATION) last--;
  if (last - start >= LONGEST_PLAIN) return false;
  const script = classOf(raw.charCodeAt(start));
  let hasVowel = script !== LATIN || last - start < 4;
  for (let index = start; index <= last; index++) {
    const of = classOf(raw.charCodeAt(index));
    if (of !== script && of !== MARK) return false;
    if ((of !== MARK && !isLetter(of)) || (index > start && raw[index] !== lower[index])) return false;
    hasVowel ||= !CONSONANTS.includes(lower[index] as string);
  }
  return hasVowel && raw[start] !== "Ġ" && raw[start] !== "Ċ";
}
const LONGEST_PLAIN = 30;
const CONSONANTS = "bcdfghjklmnpqrstvwxz";
const LATIN = classOf(0x61);

type Verdict = "fine" | "odd" | "mixed";

/** Scripts that borrow no letters into their words. The others do: "Tシャツ", "LED를". */
const ALPHABETS: ReadonlySet<Script> = new Set(["Latin", "Cyrillic", "Greek"]);

function judge(word: string, main: Script): Verdict {
  if (word.length > LONGEST_JUDGED) return WITHOUT_SPACES.has(main) ? "fine" : "odd";
  const families = new Set<string>();
  let letters = 0;
  let digitsInside = 0;
  let before: "letter" | "digit" | "other" = "other";
  for (const character of word) {
    const of = classOf(character.codePointAt(0) as number);
    if (of === MARK) continue;
    if (isLetter(of)) {
      letters++;
      if (of !== COMMON) families.add(familyOf(scriptOf(of)));
      before = "letter";
      continue;
    }
    if (of === DIGIT && before === "letter") digitsInside++;
    if (/[-‐–—/&+.,:;()'’"]/.test(character) && areMixed(families, main) === false) families.clear(); // "QR-код" is a word
    before = of === DIGIT ? "digit" : "other";
  }
  if (areMixed(families, main)) return "mixed";
  if (SIGNS.test(word) && !WITH_SIGNS.test(word)) return "odd";
  if (letters === 0 || WITHOUT_SPACES.has(main)) return "fine";
  if (letters > LONGEST_WORD && !/[-/–—]/.test(word)) return "odd";
  if (digitsInside >= 2 || /^[ĠĊ▁]/.test(word)) return "odd";
  const core = word.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, "");
  return hasOddCapitals(core) || hasNoVowel(core) ? "odd" : "fine";
}

function areMixed(families: ReadonlySet<string>, main: Script): boolean {
  if (families.size < 2) return false;
  return ALPHABETS.has(main) || families.size > 2 || !families.has("Latin");
}

/** Of code and of broken tokens, which stand in no word. */
const SIGNS = /[_\\{}[\]<>|#@^~;`=]{2}|[_\\{}<>|^]|[#@][#@]|\p{L}[@#=;]\p{L}|\ufffd/u;
/** Emphasis, headings, hashtags, names of people and of files. */
const WITH_SIGNS =
  /^[*_]{0,3}[^_\\{}<>|^#@~=;]*[*_.,:;!?]{0,4}$|^#{1,6}$|^[#@][\p{L}\p{N}_]+[.,]?$|^[\p{L}\p{N}_-]+\.[a-z]{2,4}[.,]?$|^<3$|^\|$|^`.*`[.,]?$/u;

/** `rouTer`, `uBThVTg`; not `iPhone`, `McDonald's`, `LED`, `KfZ`. */
function hasOddCapitals(word: string): boolean {
  const inner = word.match(/\p{Ll}\p{Lu}/gu)?.length ?? 0;
  if (inner === 0) return false;
  return inner >= 2 || !USUAL_CAPITALS.test(word);
}
const USUAL_CAPITALS =
  /^(?:\p{Lu}?\p{Ll}{1,3}\p{Lu}\p{Ll}+(?:['’]s)?|\p{Lu}\p{Ll}+\p{Lu}\p{Ll}+|\p{Ll}\p{Lu}+|\p{Lu}\p{Ll}\p{Lu}|\p{L}+[-/'’]\p{L}+)$/u;

/** Five small consonants and no vowel: shorter ones are words in Czech, and abbreviations. */
function hasNoVowel(word: string): boolean {
  return /^[A-Za-z][a-z]{4,}$/.test(word) && !/[aeiouy]/i.test(word);
}
