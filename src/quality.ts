import type { Audit, AuditVerdict } from "./contracts/ai.js";
import { type AuditedText, readText } from "./quality/audited-text.js";
import { checkCutOff } from "./quality/cut-off.js";
import { checkDebris } from "./quality/debris.js";
import { echoCheck } from "./quality/echo.js";
import { checkEmpty } from "./quality/empty.js";
import type { Finding } from "./quality/finding.js";
import { languageCheck } from "./quality/language.js";
import { checkLoop } from "./quality/loop.js";
import { checkReasoning } from "./quality/reasoning.js";
import { checkRefusal } from "./quality/refusal.js";
import { checkSoup } from "./quality/soup.js";
import { checkTokens } from "./quality/tokens.js";
import { aString, count, expected, optional, requireKnown } from "./validate.js";

export interface DescriptionQualityOptions {
  /** How often the model is asked in all, for one attempt. @default 2 */
  readonly maxAsks?: number | undefined;
  /** From 0 to 1: a description below it is asked for again. At 0, none is. @default 0.5 */
  readonly minScore?: number | undefined;
  /** What the model is asked, to find echoes of it. @default what the adapter tells of its prompt */
  readonly prompt?: string | undefined;
  /** BCP 47 tags: a text in other scripts than these languages are written in is asked for again. @default any */
  readonly languages?: readonly string[] | undefined;
}

/**
 * An audit for the descriptions of small vision models. It finds what such models write when they fail, whatever the language:
 * template tokens, leaked reasoning, loops, soup, echoes of the prompt, refusals, cut-off texts, coordinates and JSON, and nothing
 * at all. It does not know what the image shows. It asks no service, and takes less than a millisecond for 2,000 characters.
 *
 * Each issue begins with one of these words, then says what was found: `empty`, `tokens`, `reasoning`, `loop`, `soup`, `echo`,
 * `refusal`, `cut-off`, `debris`, `language`.
 *
 * @throws ConfigurationError for an option that is unknown or out of range
 * @example
 * const audit = descriptionQuality({ languages: ["de"] });
 * const processor = new BatchProcessor({ storage, repository, ai, audit });
 */
export function descriptionQuality(options: DescriptionQualityOptions = {}): Audit {
  requireKnown("descriptionQuality", options, ["maxAsks", "minScore", "prompt", "languages"]);
  const { prompt, languages } = options;
  const minScore = scoreOf(options.minScore);
  optional("descriptionQuality.prompt", prompt, aString, "a text");
  optional("descriptionQuality.languages", languages, areTags, "an array of BCP 47 tags");
  const checkEcho = echoCheck();
  const checkLanguage = languageCheck(languages === undefined ? undefined : [...languages]);
  const checks: readonly ((text: AuditedText, asked: string | undefined) => readonly Finding[])[] = [
    ...[checkTokens, checkReasoning, checkLoop, checkSoup, checkEcho],
    ...[checkRefusal, checkCutOff, checkDebris, checkLanguage],
  ];
  return {
    maxAsks: count("descriptionQuality.maxAsks", options.maxAsks, 2),
    check(text, context) {
      const read = readText(text);
      const asked = prompt ?? context.prompt;
      const empty = checkEmpty(read);
      return verdictOf(empty.length > 0 ? empty : checks.flatMap((check) => check(read, asked)), minScore);
    },
  };
}

function areTags(value: unknown): boolean {
  return Array.isArray(value) && value.every(aString);
}

function scoreOf(given: number | undefined): number {
  const score = given ?? 0.5;
  if (Number.isFinite(score) && score >= 0 && score <= 1) return score;
  throw expected("descriptionQuality.minScore", "a number from 0 to 1", given);
}

/** Each finding takes its share of what the others have left: two faults are worse than one, and none makes a score negative. */
function verdictOf(findings: readonly Finding[], minScore: number): AuditVerdict {
  const left = findings.reduce((rest, { severity }) => rest * (1 - severity), 1);
  const score = Math.round(1000 * left) / 1000;
  return {
    ok: score >= minScore,
    score,
    issues: findings.map(({ kind, detail }) => `${kind}: ${detail}`),
  };
}
