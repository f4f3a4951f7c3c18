import type { AuditedText } from "./audited-text.js";
import {
  type CharacterClass,
  COMMON,
  classOfFamily,
  classOfScript,
  DIGIT,
  isLetter,
  MARK,
  PUNCTUATION,
  type Script,
  SPACE,
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
export function judgeWords(text: AuditedText): JudgedWords {
  const { raw, classes, quoted, letters } = text;
  let words = 0;
  let odd = 0;
  let mixed = 0;
  let example = "";
  const main = mainScript(letters);
  for (let start = 0, end = 0; start < raw.length; start = end + 1) {
    end = start;
    while (end < raw.length && classes[end] !== SPACE) end++;
    if (end === start || quoted[start] === 1) continue;
    words++;
    if (isPlain(text, start, end)) continue;
    const word = raw.slice(start, Math.min(end, start + LONGEST_JUDGED));
    const verdict = ADDRESS.test(word) ? "fine" : judge(text, word, start, main);
    if (verdict === "fine") continue;
    if (verdict === "mixed") mixed++;
    else odd++;
    example = word;
  }
  return { words, odd, mixed, example };
}

/** The script of most letters. One that borrows Latin letters counts more: a Japanese text may be full of brands. */
function mainScript(letters: ReadonlyMap<Script, number>): Script {
  let main: Script = "Latin";
  let most = 0;
  for (const [script, count] of letters) {
    const weighed = ALPHABETS.has(script) ? count : 5 * count;
    if (weighed > most) {
      main = script;
      most = weighed;
    }
  }
  return main;
}

/** Most words: letters of one script without capitals inside, perhaps with a mark behind them. There is nothing to judge. */
function isPlain({ raw, lower, classes }: AuditedText, start: number, end: number): boolean {
  const last = end - (classes[end - 1] === PUNCTUATION ? 2 : 1);
  if (last - start >= LONGEST_PLAIN) return false;
  const script = classes[start] as CharacterClass;
  if (!isLetter(script) || raw[start] === "Ġ" || raw[start] === "Ċ") return false;
  let hasVowel = script !== LATIN || last - start < 4;
  for (let index = start; index <= last; index++) {
    if (classes[index] !== script && classes[index] !== MARK) return false;
    if (index > start && raw.charCodeAt(index) !== lower.charCodeAt(index)) return false;
    hasVowel ||= !CONSONANTS.includes(lower[index] as string);
  }
  return hasVowel;
}
const LONGEST_PLAIN = 30;
const CONSONANTS = "bcdfghjklmnpqrstvwxz";

type Verdict = "fine" | "odd" | "mixed";

/** Scripts that borrow no letters into their words. The others do: "Tシャツ", "LED를". */
const ALPHABETS: ReadonlySet<Script> = new Set(["Latin", "Cyrillic", "Greek"]);

function judge({ classes }: AuditedText, word: string, start: number, main: Script): Verdict {
  const isLong = word.length === LONGEST_JUDGED;
  let families = 0; // one bit each
  let letters = 0;
  let digitsInside = 0;
  for (let offset = 0; offset < word.length; offset++) {
    const of = classes[start + offset] as CharacterClass;
    if (isLetter(of)) {
      letters++;
      if (of !== COMMON) families |= bitOf(of);
    } else if (of === DIGIT) {
      if (offset > 0 && isLetter(classes[start + offset - 1] as CharacterClass)) digitsInside++;
    } else if (of === PUNCTUATION && !areMixed(families, main)) {
      families = 0; // "QR-код" is a word
    }
  }
  if (areMixed(families, main)) return "mixed";
  if (SIGNS.test(word) && !WITH_SIGNS.test(word)) return "odd";
  if (letters === 0 || WITHOUT_SPACES.has(main)) return "fine";
  if (isLong || (letters > LONGEST_WORD && !/[-/–—]/.test(word))) return "odd";
  if (digitsInside >= 2 || /^[ĠĊ▁]/.test(word)) return "odd";
  const core = word.replace(/^[^\p{L}]+/u, "").replace(TRAILING, "");
  return hasOddCapitals(core) || hasNoVowel(core) ? "odd" : "fine";
}
/** Bounded, and tried once from each place: what is longer is no punctuation. */
const TRAILING = /[^\p{L}]{1,20}$/u;

const bitOf = (letter: CharacterClass) => 1 << classOfFamily(letter);
const LATIN = classOfScript("Latin");

/** No Latin or Cyrillic word borrows letters. Other scripts take in Latin ones, and no third one. */
function areMixed(families: number, main: Script): boolean {
  if ((families & (families - 1)) === 0) return false; // at most one
  if (ALPHABETS.has(main)) return true;
  const others = families & ~(1 << LATIN);
  return (others & (others - 1)) !== 0;
}

/** Of code and of broken tokens, which stand in no word. */
const SIGNS = /[_\\{}[\]<>|#@^~;`=]{2}|[_\\{}<>|^]|[#@][#@]|\p{L}[@#=;]\p{L}|\ufffd/u;
/** Emphasis, blanks of a form, headings, hashtags, names of people and of files, tags of HTML. */
const WITH_SIGNS =
  /^_+[.,]?$|^[*_]{0,3}[^_\\{}<>|^#@~=;]*[*_.,:;!?]{0,4}$|^#{1,6}$|^[#@][\p{L}\p{N}_]+[.,]?$|^[\p{L}\p{N}_-]+\.[a-z]{2,4}[.,]?$|^<3$|^<\/?[a-z][a-z0-9]{0,9}>[.,]?$|^\|$|^`[^`]*`[.,]?$/u;

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
