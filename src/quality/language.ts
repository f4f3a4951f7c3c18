import { ConfigurationError } from "../errors.js";
import type { AuditedText } from "./audited-text.js";
import type { Script } from "./characters.js";
import type { Finding } from "./finding.js";

/** What a script of ISO 15924 is written in. All others are known by the same name here. */
const WRITTEN_IN: Readonly<Record<string, readonly Script[]>> = {
  Latn: ["Latin"],
  Cyrl: ["Cyrillic"],
  Grek: ["Greek"],
  Arab: ["Arabic"],
  Hebr: ["Hebrew"],
  Hans: ["Han"],
  Hant: ["Han", "Bopomofo"],
  Hani: ["Han"],
  Jpan: ["Han", "Hiragana", "Katakana"],
  Kore: ["Hangul", "Han"],
  Hang: ["Hangul"],
  Thai: ["Thai"],
  Deva: ["Devanagari"],
  Beng: ["Bengali"],
  Taml: ["Tamil"],
  Telu: ["Telugu"],
  Gujr: ["Gujarati"],
  Guru: ["Gurmukhi"],
  Knda: ["Kannada"],
  Mlym: ["Malayalam"],
  Sinh: ["Sinhala"],
  Orya: ["Oriya"],
  Geor: ["Georgian"],
  Armn: ["Armenian"],
  Ethi: ["Ethiopic"],
  Khmr: ["Khmer"],
  Laoo: ["Lao"],
  Mymr: ["Myanmar"],
  Tibt: ["Tibetan"],
  Mong: ["Mongolian"],
  Thaa: ["Thaana"],
};

/** Languages that are written in two scripts every day. A tag that names its script means that one alone. */
const IN_BOTH: Readonly<Record<string, readonly Script[]>> = {
  sr: ["Cyrillic", "Latin"],
  bs: ["Latin", "Cyrillic"],
  uz: ["Latin", "Cyrillic"],
  az: ["Latin", "Cyrillic"],
  kk: ["Cyrillic", "Latin"],
  pa: ["Gurmukhi", "Arabic"],
  sd: ["Arabic", "Devanagari"],
};

export type LanguageCheck = (text: AuditedText) => Finding[];

const FEWEST_LETTERS = 4;
/** Of the letters outside of quotations. Names and brands stand in other scripts. */
const LEAST_SHARE = 0.6;

/**
 * Makes the check for the scripts that languages are written in. Which of the languages it is that share one is not looked at.
 *
 * @param languages BCP 47 tags; undefined or empty: all are fine
 * @throws ConfigurationError for what is no tag
 */
export function languageCheck(languages: readonly string[] | undefined): LanguageCheck {
  if (languages === undefined || languages.length === 0) return () => [];
  const allowed = new Set(languages.flatMap(scriptsOf));
  return ({ letters }) => {
    let total = 0;
    let fitting = 0;
    for (const [script, count] of letters) {
      total += count;
      if (allowed.has(script)) fitting += count;
    }
    if (total < FEWEST_LETTERS || fitting >= LEAST_SHARE * total) return [];
    const [main = "other"] = [...letters].sort(([, one], [, other]) => other - one).map(([script]) => script);
    const detail = `mostly in ${main} letters, expected ${languages.join(", ")}`;
    return [{ kind: "language", detail, severity: 0.7 }];
  };
}

function scriptsOf(tag: string): readonly Script[] {
  let given: Intl.Locale;
  try {
    given = new Intl.Locale(tag);
  } catch {
    throw new ConfigurationError(
      `descriptionQuality.languages: expected tags of BCP 47, such as "de" or "pt-BR", got ${JSON.stringify(tag)}`,
    );
  }
  const both = given.script === undefined ? IN_BOTH[given.language] : undefined;
  return both ?? WRITTEN_IN[given.maximize().script ?? "Latn"] ?? ["other"];
}
