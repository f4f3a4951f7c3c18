import { type AuditedText, readText } from "./audited-text.js";
import { type CharacterClass, DIGIT, isLetter } from "./characters.js";
import { type Finding, show } from "./finding.js";
import { phraseFinder } from "./phrase-table.js";
import { PROMPTS } from "./phrases/prompts.js";

const GRAM = 10;
/** In characters, letters and digits alone. Of a shorter prompt a good answer may well repeat everything. */
const SHORTEST_PROMPT = 16;
/** Prompts with examples are long; what is behind this is not looked for. */
const LONGEST_PROMPT = 20_000;
/** Of the prompt's pieces in the text. */
const MOST_OF_THE_PROMPT = 0.6;
/** Of the text's pieces in the prompt. */
const MOST_OF_THE_TEXT = 0.8;
/** In characters, letters and digits alone: nobody begins like a prompt by chance. */
const SAME_BEGINNING = 24;

const find = /* @__PURE__ */ phraseFinder(PROMPTS);

export type EchoCheck = (text: AuditedText, prompt: string | undefined) => Finding[];

/** A prompt as it is compared. */
interface Asked {
  readonly prompt: string;
  readonly bare: Bare;
  readonly grams: ReadonlySet<number>;
}

/** Makes the check for repetitions of the prompt. It remembers the last prompt, which is the same for a whole batch. */
export function echoCheck(): EchoCheck {
  let last: Asked | undefined;
  return (text, prompt) => {
    const phrase = find(text);
    if (phrase !== undefined) return [{ kind: "echo", detail: `begins like a prompt, ${show(phrase)}`, severity: 0.7 }];
    if (prompt === undefined) return [];
    if (last?.prompt !== prompt) {
      const bare = bareOf(readText(prompt.slice(0, LONGEST_PROMPT)));
      last = { prompt, bare, grams: new Set(gramsOf(bare)) };
    }
    return last.bare.length < SHORTEST_PROMPT ? [] : compare(bareOf(text), last);
  };
}

function compare(answered: Bare, { bare, grams }: Asked): Finding[] {
  let same = 0;
  while (same < SAME_BEGINNING && same < bare.length && answered[same] === bare[same]) same++;
  const found = new Set<number>();
  const hashes = gramsOf(answered);
  let places = 0;
  for (const hash of hashes) {
    if (!grams.has(hash)) continue;
    found.add(hash);
    places++;
  }
  const ofPrompt = found.size / grams.size;
  const ofText = places / Math.max(1, hashes.length);
  if (same < SAME_BEGINNING && ofPrompt < MOST_OF_THE_PROMPT && ofText < MOST_OF_THE_TEXT) return [];
  const detail = `${Math.round(100 * ofPrompt)} % of the prompt, ${Math.round(100 * ofText)} % of the text`;
  return [{ kind: "echo", detail, severity: Math.min(0.95, 0.6 + 0.35 * ofText) }];
}

/** The letters and digits of a text, which survive when a model puts it into other marks. */
type Bare = Uint16Array;

function bareOf({ lower, classes }: AuditedText): Bare {
  const bare = new Uint16Array(lower.length);
  let length = 0;
  for (let index = 0; index < lower.length; index++) {
    const of = classes[index] as CharacterClass;
    if (isLetter(of) || of === DIGIT) bare[length++] = lower.charCodeAt(index);
  }
  return bare.subarray(0, length);
}

/** A hash of each {@link GRAM} characters in a row, made from the one before. */
function gramsOf(bare: Bare): Int32Array {
  const hashes = new Int32Array(Math.max(0, bare.length - GRAM + 1));
  let weight = 1;
  for (let power = 0; power < GRAM; power++) weight = Math.imul(weight, BASE);
  let hash = 0;
  for (let index = 0; index < bare.length; index++) {
    hash = (Math.imul(hash, BASE) + (bare[index] as number)) | 0;
    if (index >= GRAM) hash = (hash - Math.imul(bare[index - GRAM] as number, weight)) | 0;
    if (index >= GRAM - 1) hashes[index - GRAM + 1] = hash;
  }
  return hashes;
}
const BASE = 0x01000193;
