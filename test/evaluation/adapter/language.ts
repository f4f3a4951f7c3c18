/** Words that each language cannot do without, and that the others do not have. */
const COMMON: Readonly<Record<string, string>> = {
  en: "the is are and with of its on",
  de: "der die das ist und mit ein eine auf",
  fr: "le les est et avec une des sur dans",
  es: "el los es y con una del sobre la",
  pt: "o os é e com uma do em um",
  it: "il gli è e con una della di un",
  nl: "het de een en van met is op",
  pl: "jest i na z w się oraz",
  fi: "on ja sekä kuvassa joka",
  tr: "bir ve ile bu olan",
  vi: "một và của với trong những",
  id: "yang dan dengan di sebuah",
};
const SCRIPTS: readonly (readonly [RegExp, string])[] = [
  [/\p{Script=Hiragana}/gu, "ja"],
  [/\p{Script=Hangul}/gu, "ko"],
  [/\p{Script=Han}/gu, "zh"],
  [/\p{Script=Thai}/gu, "th"],
  [/[іїєґ]/gu, "uk"],
  [/\p{Script=Cyrillic}/gu, "ru"],
  [/\p{Script=Greek}/gu, "el"],
  [/\p{Script=Arabic}/gu, "ar"],
  [/\p{Script=Hebrew}/gu, "he"],
  [/\p{Script=Devanagari}/gu, "hi"],
];

/** A guess, good enough to see that a model answers in another language than it was asked in; `?` for what is none of these. */
export function languageOf(text: string): string {
  const letters = text.match(/\p{L}/gu)?.length ?? 0;
  for (const [letter, language] of SCRIPTS) {
    // A twentieth: Ukrainian and Japanese are told by a part of their letters.
    if ((text.match(letter)?.length ?? 0) > letters / 20) return language;
  }
  const words = text.toLowerCase().match(/\p{L}+/gu) ?? [];
  let best = { language: "?", count: 0 };
  for (const [language, common] of Object.entries(COMMON)) {
    const known = new Set(common.split(" "));
    const count = words.filter((word) => known.has(word)).length;
    if (count > best.count) best = { language, count };
  }
  return best.language;
}
