/** The members that hold the description, in this order, where a model answers JSON. */
const TEXTS = ["description", "caption", "text"] as const;
/** Keys of `metadata` that are the library's own. A model does not write there, whatever a picture tells it to. */
const RESERVED: ReadonlySet<string> = new Set(["media", "usage", "audit", "model", "redo"]);

/**
 * Reads an answer that may be JSON, because the prompt or an option of the service asked for it.
 *
 * - One JSON object, bare or in a fence of three backticks: the first of its members `description`, `caption` and `text` that
 *   is a text and not blank is the description, and all its other members are kept as metadata.
 * - What begins like such an object and is broken: the description alone, if that is whole.
 * - Anything else, JSON without such a member included, is the description as it stands.
 */
export function readStructured(text: string): { readonly text: string; readonly metadata?: Record<string, unknown> } {
  const json = withoutFence(text.trim());
  if (!json.startsWith("{")) return { text };
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    return { text: salvaged(json) ?? text };
  }
  const members = Object.entries(parsed as object);
  for (const key of TEXTS) {
    const value = members.find(([name]) => name === key)?.[1];
    if (typeof value !== "string" || value.trim() === "") continue;
    const others = members.filter(([name]) => name !== key && !RESERVED.has(name));
    return others.length === 0 ? { text: value } : { text: value, metadata: Object.fromEntries(others) };
  }
  return { text };
}

/** The end of the fence may have been cut off. */
function withoutFence(text: string): string {
  if (!text.startsWith("```")) return text;
  const begin = text.indexOf("\n");
  if (begin === -1 || !/^```\w*\s*$/.test(text.slice(0, begin))) return text;
  const end = text.endsWith("```") ? -3 : text.length;
  return text.slice(begin + 1, end).trim();
}

const MEMBER = /"(description|caption|text)"\s*:\s*("(?:[^"\\]|\\.)*")/g;

function salvaged(json: string): string | undefined {
  const found = new Map<string, string>();
  for (const [, key = "", literal = ""] of json.matchAll(MEMBER)) {
    const value = parsedText(literal);
    if (value !== undefined && value.trim() !== "" && !found.has(key)) found.set(key, value);
  }
  return TEXTS.map((key) => found.get(key)).find((value) => value !== undefined);
}

function parsedText(literal: string): string | undefined {
  try {
    return JSON.parse(literal);
  } catch {
    return undefined;
  }
}
