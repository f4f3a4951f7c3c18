import { readdirSync, readFileSync } from "node:fs";
import { spoil } from "./spoil.js";

/** A description, and whether it is one that should be asked for again. */
export interface Labelled {
  readonly text: string;
  readonly language: string;
  /** `good`, or what is wrong with it. */
  readonly kind: string;
  readonly prompt: string;
  /** Checks are tuned on one half, and judged by the other. */
  readonly half: Half;
  /** Made from a good text by a script, not written by a person. */
  readonly isMade: boolean;
}

export type Half = "tuning" | "held out";

interface Written {
  readonly text: string;
  /** What was asked. @default the prompt of the language */
  readonly prompt?: string;
  /** Of texts that the checks were tried on before they came into the set: they can judge nothing any more. */
  readonly half?: "tuning";
}
type Entry = string | Written;

const read = (path: string) => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
const names = (folder: string) =>
  readdirSync(new URL(folder, import.meta.url))
    .map((file) => file.replace(".json", ""))
    .sort();

/** All of them, in an order that does not change. */
export function labelledSet(): readonly Labelled[] {
  const prompts: Readonly<Record<string, string>> = read("./prompts.json");
  const promptIn = (language: string) => prompts[language] ?? (prompts.en as string);
  const labelled = (entry: Entry, language: string, kind: string): Labelled => {
    const { text, prompt, half }: Written = typeof entry === "string" ? { text: entry } : entry;
    const [asked, ownHalf] = [prompt ?? promptIn(language), half ?? halfOf(language, text)];
    return { text, language, kind, prompt: asked, half: ownHalf, isMade: false };
  };
  const good = names("./good").flatMap((language) =>
    (read(`./good/${language}.json`) as readonly Entry[]).map((entry) => labelled(entry, language, "good")),
  );
  const written = names("./bad").flatMap((kind) =>
    Object.entries(read(`./bad/${kind}.json`) as Readonly<Record<string, readonly Entry[]>>).flatMap(
      ([language, entries]) => entries.map((entry) => labelled(entry, language, kind)),
    ),
  );
  // What is made of a text belongs to the half of that text, so that no half knows the words of the other.
  const made = good.flatMap((source) =>
    spoil(source.text, source.language).map(
      ({ text, kind }): Labelled => ({
        ...{ text, language: source.language, kind, prompt: source.prompt },
        ...{ half: source.half, isMade: true },
      }),
    ),
  );
  return [...good, ...written, ...made];
}

/** By the text alone: a text that is added or moved changes no other one's half. */
function halfOf(language: string, text: string): Half {
  return hashOf(`${language}: ${text}`) % 2 === 0 ? "tuning" : "held out";
}

/** FNV-1a, with its bits mixed once more. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
