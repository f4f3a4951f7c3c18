/** What the checks are called: the first word of an issue, which stays the same between versions. */
export type Kind =
  | "empty"
  | "tokens"
  | "reasoning"
  | "loop"
  | "soup"
  | "echo"
  | "refusal"
  | "cut-off"
  | "debris"
  | "language";

/** One thing that a check found fault with. */
export interface Finding {
  readonly kind: Kind;
  /** What was found, for who reads `metadata.audit`. */
  readonly detail: string;
  /** From 0, harmless, to 1, the text is useless. */
  readonly severity: number;
}

/** Enough to find the place, and not so much that a text stands twice in the database. */
const LONGEST_QUOTE = 40;

/** A piece of the text as an issue shows it: one line, short, without halves of characters. */
export function show(piece: string): string {
  const line = piece.slice(0, 4 * LONGEST_QUOTE).replace(/[\s\p{Cc}]+/gu, " ");
  const characters = [...line.trim().replace(/\p{Surrogate}/gu, "\ufffd")];
  const shown = characters.slice(0, LONGEST_QUOTE).join("");
  return JSON.stringify(characters.length > LONGEST_QUOTE ? `${shown}…` : shown);
}
