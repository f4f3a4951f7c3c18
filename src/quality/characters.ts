/** The scripts that are told apart. The letters of all others count as one more. */
const SCRIPTS = [
  ...["Latin", "Cyrillic", "Greek", "Arabic", "Hebrew", "Han", "Hiragana", "Katakana", "Hangul", "Thai", "Devanagari"],
  ...["Bengali", "Tamil", "Telugu", "Gujarati", "Gurmukhi", "Kannada", "Malayalam", "Sinhala", "Oriya"],
  ...["Georgian", "Armenian", "Ethiopic", "Khmer", "Lao", "Myanmar", "Tibetan", "Mongolian", "Bopomofo", "Thaana"],
] as const;

export type Script = (typeof SCRIPTS)[number] | "other";

/** What a character is. A number below {@link COMMON} is a letter of a script: an index for {@link scriptOf}. */
export type CharacterClass = number;

const OTHER_SCRIPT: CharacterClass = SCRIPTS.length;
/** A letter that several scripts share, such as the mark for a long vowel in Japanese. */
export const COMMON: CharacterClass = OTHER_SCRIPT + 1;
/** Accents and signs that belong to the letter before them, and characters that nobody sees. */
export const MARK: CharacterClass = COMMON + 1;
export const DIGIT: CharacterClass = MARK + 1;
export const SPACE: CharacterClass = DIGIT + 1;
export const PUNCTUATION: CharacterClass = SPACE + 1;
/** Emoji too. */
export const SYMBOL: CharacterClass = PUNCTUATION + 1;
/** No text has it: control characters, what could not be decoded, halves of characters, private and unassigned ones. */
export const BROKEN: CharacterClass = SYMBOL + 1;

export const CLASSES = BROKEN + 1;

export const isLetter = (of: CharacterClass) => of <= COMMON;

export function scriptOf(letter: CharacterClass): Script {
  return SCRIPTS[letter] ?? "other";
}

/** Scripts whose words are written without spaces between them. */
export const WITHOUT_SPACES: ReadonlySet<Script> = new Set([
  ...(["Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan"] as const),
]);

export const classOfScript = (script: (typeof SCRIPTS)[number]): CharacterClass => SCRIPTS.indexOf(script);

/** Scripts that are used together in one language count as one. */
export function familyOf(script: Script): Script {
  return EAST_ASIAN.has(script) ? "Han" : script;
}

/** The same for the class of a letter; below 32. */
export function classOfFamily(letter: CharacterClass): CharacterClass {
  return EAST_ASIAN.has(scriptOf(letter)) ? classOfScript("Han") : letter;
}

const EAST_ASIAN: ReadonlySet<Script> = new Set(["Han", "Hiragana", "Katakana", "Hangul", "Bopomofo"] as const);

/** In this order: the first that fits decides. */
const TESTS: readonly (readonly [RegExp, CharacterClass])[] = [
  [/\p{L}/u, OTHER_SCRIPT],
  [/[\p{M}\p{Cf}]/u, MARK],
  [/\p{N}/u, DIGIT],
  [/\s/u, SPACE],
  [/\ufffd|[\p{Cc}\p{Co}\p{Cn}\p{Cs}]/u, BROKEN],
  [/\p{P}/u, PUNCTUATION],
];
const COMMON_LETTER = /[\p{Script=Common}\p{Script=Inherited}]/u;

let scripts: readonly RegExp[] | undefined;

function judge(character: string): CharacterClass {
  const found = TESTS.find(([test]) => test.test(character))?.[1] ?? SYMBOL;
  if (found !== OTHER_SCRIPT) return found;
  scripts ??= SCRIPTS.map((name) => new RegExp(`\\p{Script=${name}}`, "u"));
  const script = scripts.findIndex((test) => test.test(character));
  if (script >= 0) return script;
  return COMMON_LETTER.test(character) ? COMMON : OTHER_SCRIPT;
}

/** The characters below this have been judged once and for all: expressions for properties are slow. */
const REMEMBERED = 0x20000;
let known: Uint8Array | undefined;

/** @param codePoint as `codePointAt` tells it: half a surrogate pair is one too */
export function classOf(codePoint: number): CharacterClass {
  if (codePoint >= REMEMBERED) return codePoint < 0x40000 ? classOfScript("Han") : MARK;
  known ??= new Uint8Array(REMEMBERED);
  const told = known[codePoint] ?? 0;
  if (told > 0) return told - 1;
  const judged = judge(String.fromCodePoint(codePoint));
  known[codePoint] = judged + 1;
  return judged;
}
