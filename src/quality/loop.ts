import { type AuditedText, quotedShare } from "./audited-text.js";
import { isLetter } from "./characters.js";
import { type Finding, show } from "./finding.js";
import { distancesOf, GRAM } from "./recurrence.js";

/** A stretch of text that says the same again and again. */
interface Loop {
  readonly from: number;
  readonly to: number;
  readonly detail: string;
}

/**
 * The text goes round in circles, at any scale: a character, a word, a sentence, a paragraph. Told by two signs: a stretch has a
 * period, or almost everything in it stood there before.
 */
export function checkLoop(text: AuditedText): Finding[] {
  const folded = text.lower.replace(/\d/g, "0"); // "1. a tree 2. a tree" is a loop
  const distances = distancesOf(folded);
  const loop = periodic(text, folded, distances) ?? (isList(text.lower) ? undefined : repetitive(folded, distances));
  if (loop === undefined) return [];
  const share = (loop.to - loop.from) / folded.length;
  return [{ kind: "loop", detail: loop.detail, severity: Math.min(0.98, 0.6 + 0.4 * share) }];
}

/** How often a piece comes in a row before it is a loop, by its length in UTF-16 units. */
const LIMITS: readonly { readonly period: number; readonly copies: number; readonly length: number }[] = [
  { period: 1, copies: 4, length: 26 },
  { period: 10, copies: 3.6, length: 44 },
  { period: 20, copies: 2.7, length: 60 },
  { period: 80, copies: 1.9, length: 160 },
];
/** Dots of a table of contents, lines of a form: marks in a row are a loop later than words. */
const MARKS_LENGTH = 120;
/** A quotation may repeat itself: a sign, a refrain, a child's rhyme. */
const QUOTED_LENGTH = 400;

function periodic(text: AuditedText, folded: string, distances: Int32Array): Loop | undefined {
  let longest: Loop | undefined;
  for (let index = 0; index < distances.length; ) {
    const period = distances[index] as number;
    if (period === 0) {
      index++;
      continue;
    }
    const from = index - period;
    let to = index + GRAM;
    while (to < folded.length && folded[to] === folded[to - period]) to++;
    const worthALook = isLong(period, to - from) && to - from > (longest ? longest.to - longest.from : 0);
    if (worthALook && isLoop(text, period, from, to)) {
      const copies = Math.floor((to - from) / period);
      longest = { from, to, detail: `${show(folded.slice(from, from + period))} ${copies} times in a row` };
    }
    index = to - GRAM + 1; // what lies behind may have another period
  }
  return longest;
}

function isLong(period: number, length: number): boolean {
  return LIMITS.some((limit) => period >= limit.period && length >= limit.length && length >= limit.copies * period);
}

function isLoop(text: AuditedText, period: number, from: number, to: number): boolean {
  if (to - from < QUOTED_LENGTH && quotedShare(text, from, to) > 0.9) return false;
  if (hasLetter(text, from, from + period)) return true;
  if (to - from < MARKS_LENGTH) return false;
  // Without a letter the digits have to be the same ones: a column of figures is no loop.
  for (let index = from + period; index < to; index++) {
    if (text.lower[index] !== text.lower[index - period]) return false;
  }
  return true;
}

function hasLetter({ classes }: AuditedText, from: number, to: number): boolean {
  for (let index = from; index < to; index++) if (isLetter(classes[index] as number)) return true;
  return false;
}

const FEWEST_LINES = 4;
/** In UTF-16 units: what is longer is no line of a list. */
const LONGEST_LINE = 160;
const MOST_WITHOUT_NEWS = 0.25;
const WORD = /[\p{L}\p{M}]{3,}/gu;

/** The lines of a receipt or a table are much alike, and each tells of something that no line before it has. */
function isList(lower: string): boolean {
  const known = new Set<string>();
  let lines = 0;
  let withoutNews = 0;
  for (const line of lower.split("\n")) {
    if (line.length > LONGEST_LINE) return false;
    const words = line.match(WORD);
    if (words === null) continue;
    lines++;
    const before = known.size;
    for (const word of words) known.add(word);
    if (known.size === before) withoutNews++;
  }
  return lines >= FEWEST_LINES && withoutNews <= MOST_WITHOUT_NEWS * lines;
}

/** In grams. */
const WINDOW = 220;
const MOST_IN_WINDOW = 0.75;
const MOST_IN_ALL = 0.45;

/** No period, but hardly anything that is new: "a man with a hat, a man with a bag, a hat, a man with a hat …". */
function repetitive(folded: string, distances: Int32Array): Loop | undefined {
  const size = distances.length;
  if (size < WINDOW) return undefined;
  let inAll = 0;
  let inWindow = 0;
  let worst = { count: 0, end: 0 };
  for (let index = 0; index < size; index++) {
    if ((distances[index] as number) > 0) {
      inAll++;
      inWindow++;
    }
    if (index >= WINDOW && (distances[index - WINDOW] as number) > 0) inWindow--;
    if (inWindow > worst.count) worst = { count: inWindow, end: index + 1 };
  }
  const detailOf = (share: number) => `${Math.round(100 * share)} % of it stood there before`;
  if (inAll > MOST_IN_ALL * size) return { from: 0, to: folded.length, detail: detailOf(inAll / size) };
  if (worst.count <= MOST_IN_WINDOW * WINDOW) return undefined;
  const from = Math.max(0, worst.end - WINDOW);
  const piece = show(folded.slice(from, worst.end));
  return { from, to: worst.end, detail: `${detailOf(worst.count / WINDOW)}: ${piece}` };
}
