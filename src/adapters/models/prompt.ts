import type { Media } from "../../contracts/ai.js";

/** What the model is asked: a text, or what a function makes of the media, which may look at `media.facts()` or the record. */
export type Prompt = string | ((media: Media) => string | Promise<string>);

/** What is asked where the user asks nothing else. */
function defaultPrompt(kind: Media["kind"]): string {
  return `Describe this ${kind} in two to five sentences, for people who will search for it in words. Say what it shows: the main subject, the setting, what happens, the colours, and any text that can be read. Tell only what can be seen. Answer with the description alone.`;
}

export async function promptFor(media: Media, prompt: Prompt | undefined): Promise<string> {
  if (prompt === undefined) return defaultPrompt(media.kind);
  return typeof prompt === "string" ? prompt : prompt(media);
}

/** A model without randomness gives the same answer to the same words: so who asks again asks with other words. */
export function promptOfAsk(prompt: string, ask: number): string {
  if (ask <= 1) return prompt;
  return `${prompt}\n\nAn earlier answer (number ${ask - 1}) could not be used. Look again, and answer in plain, complete sentences without repeating yourself.`;
}
