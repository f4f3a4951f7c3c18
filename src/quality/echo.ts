import type { AuditedText } from "./audited-text.js";
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
/** In characters, letters and digits alone: nobody begins like a prompt by chance. */
const SAME_BEGINNING = 24;

const find = phraseFinder(PROMPTS);

/** The letters and digits of a text, which survive when a model puts it into other marks. */
const bare = (text: string) => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");

export type EchoCheck = (text: AuditedText, prompt: string | undefined) => Finding[];

/** Makes the check for repetitions of the prompt. It remembers the last prompt, which is the same for a whole batch. */
export function echoCheck(): EchoCheck {
  let last: { readonly prompt: string; readonly bare: string; readonly grams: ReadonlySet<string> } | undefined;
  return (text, prompt) => {
    const phrase = find(text);
    if (phrase !== undefined) return [{ kind: "echo", detail: `begins like a prompt, ${show(phrase)}`, severity: 0.7 }];
    if (prompt === undefined) return [];
    if (last?.prompt !== prompt) {
      const asked = bare(prompt.slice(0, LONGEST_PROMPT));
      last = { prompt, bare: asked, grams: new Set(gramsOf(asked)) };
    }
    if (last.bare.length < SHORTEST_PROMPT) return [];
    const answered = bare(text.raw);
    const sameBeginning = answered.startsWith(last.bare.slice(0, SAME_BEGINNING)) && last.bare.length >= SAME_BEGINNING;
    const found = new Set<string>();
    let places = 0;
    for (const gram of gramsOf(answered)) {
      if (!last.grams.has(gram)) continue;
      found.add(gram);
      places++;
    }
    const ofPrompt = found.size / last.grams.size;
    const ofText = places / Math.max(1, answered.length - GRAM + 1);
    if (!sameBeginning && ofPrompt < MOST_OF_THE_PROMPT && ofText < 0.8) return [];
    const detail = `${Math.round(100 * ofPrompt)} % of the prompt, ${Math.round(100 * ofText)} % of the text`;
    return [{ kind: "echo", detail, severity: Math.min(0.95, 0.6 + 0.35 * ofText) }];
  };
}

function* gramsOf(text: string): Generator<string> {
  for (let index = 0; index + GRAM <= text.length; index++) yield text.slice(index, index + GRAM);
}
