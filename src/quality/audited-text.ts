import { CLASSES, classOf, isLetter, MARK, type Script, SPACE, scriptOf } from "./characters.js";
import { quotedIn } from "./quotes.js";

/** A text with what several checks ask of it, found in one pass. `raw`, `lower`, `classes` and `quoted` have the same places. */
export interface AuditedText {
  /** Trimmed. */
  readonly raw: string;
  /** In small letters with plain apostrophes, for searches. */
  readonly lower: string;
  /** The class of each UTF-16 unit; both of a pair have that of their character. */
  readonly classes: Uint8Array;
  /** 1 where a UTF-16 unit belongs to a quotation. */
  readonly quoted: Uint8Array;
  /** Characters by their class. */
  readonly counts: Float64Array;
  /** Letters outside of quotations by their script. */
  readonly letters: ReadonlyMap<Script, number>;
  /** Of letters, and what belongs to them. */
  readonly letterCount: number;
  /** All characters that are not white space. */
  readonly visibleCount: number;
}

export function readText(text: string): AuditedText {
  const raw = text.trim();
  // The only letter whose small one is longer would move all places behind it.
  const lower = raw
    .replaceAll("İ", "I")
    .toLowerCase()
    .replace(/[\u2019\u02bc]/g, "'");
  const quoted = quotedIn(lower);
  const classes = new Uint8Array(lower.length);
  const counts = new Float64Array(CLASSES);
  const outside = new Float64Array(CLASSES);
  for (let index = 0; index < lower.length; index++) {
    const codePoint = lower.codePointAt(index) as number;
    const of = classOf(codePoint);
    counts[of] = (counts[of] as number) + 1;
    if (quoted[index] === 0) outside[of] = (outside[of] as number) + 1;
    classes[index] = of;
    if (codePoint > 0xffff) classes[++index] = of;
  }
  const letters = new Map<Script, number>();
  let letterCount = counts[MARK] as number;
  let visibleCount = 0;
  counts.forEach((count, of) => {
    if (of !== SPACE) visibleCount += count;
    if (isLetter(of)) letterCount += count;
    if (of < MARK - 1 && (outside[of] as number) > 0) letters.set(scriptOf(of), outside[of] as number);
  });
  return { raw, lower, classes, quoted, counts, letters, letterCount, visibleCount };
}

/** The share of quotations in a part of a text, from 0 to 1. */
export function quotedShare({ quoted }: AuditedText, from: number, to: number): number {
  let count = 0;
  for (let index = from; index < to; index++) count += quoted[index] as number;
  return to > from ? count / (to - from) : 0;
}
