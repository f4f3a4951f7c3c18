import type { AuditedText } from "./audited-text.js";
import { type CharacterClass, classOf, classOfScript } from "./characters.js";
import { PICTURES, PICTURES_INSIDE } from "./phrases/pictures.js";

/**
 * What people and models say, by language: a text of phrases with `|` between them, in small letters.
 * `^` in front: at the beginning of a sentence alone. `*` behind: the last word may go on. `~` before both: what it tells of may as
 * well be a train ("never arrived"), so it counts only where its sentence names a picture, or at the beginning of the text.
 */
export type Phrases = Readonly<Record<string, string>>;

interface Phrase {
  readonly text: string;
  readonly startsSentence: boolean;
  readonly tellsOfAnything: boolean;
  /** No letter may stand before it, or behind it. */
  readonly startsWord: boolean;
  readonly endsWord: boolean;
}

/** Scripts that separate words by spaces and put no articles or cases onto them without a change of the word itself. */
const [LATIN, CYRILLIC, GREEK] = [classOfScript("Latin"), classOfScript("Cyrillic"), classOfScript("Greek")];
const SLOTS = 0x10000;
/** In UTF-16 units: no phrase is shorter. */
const KEY = 3;

export type PhraseFinder = (text: AuditedText) => string | undefined;

/**
 * Makes a function that finds the first phrase outside of quotations. It reads a text once, however many phrases there are: most
 * places are passed over by their first three characters. Mark the call as pure: who does not use the audit does not bundle its
 * tables then.
 */
export function phraseFinder(phrases: Phrases): PhraseFinder {
  let table: ReadonlyMap<number, readonly Phrase[]> | undefined;
  const mayStart = new Uint8Array(SLOTS);
  return (text) => {
    table ??= compile(phrases, mayStart);
    const { lower, classes, quoted } = text;
    let wasWord = false;
    for (let index = 0; index + KEY <= lower.length; index++) {
      const isInside = wasWord;
      wasWord = hasBorders(classes[index]);
      if (wasWord && isInside) continue; // no phrase begins in the middle of a word
      const slot = slotOf(lower, index);
      if (mayStart[slot] === 0 || quoted[index] === 1) continue;
      const found = table.get(slot)?.find((phrase) => standsAt(phrase, text, index));
      if (found !== undefined) return found.text;
    }
    return undefined;
  };
}

function compile(phrases: Phrases, mayStart: Uint8Array): ReadonlyMap<number, readonly Phrase[]> {
  const table = new Map<number, Phrase[]>();
  for (const line of Object.values(phrases)) {
    for (const entry of line.split("|")) {
      const text = entry.trim().replace(/^~?\^?|\*$/g, "");
      const slot = slotOf(text, 0);
      if (text.length < KEY) throw new Error(`${text}: expected at least ${KEY} characters`);
      const phrase: Phrase = {
        text,
        startsSentence: /^~?\^/.test(entry.trim()),
        tellsOfAnything: entry.trim().startsWith("~"),
        startsWord: hasBorders(classOf(text.charCodeAt(0))),
        endsWord: hasBorders(classOf(text.charCodeAt(text.length - 1))) && !entry.trim().endsWith("*"),
      };
      mayStart[slot] = 1;
      table.set(slot, [...(table.get(slot) ?? []), phrase]);
    }
  }
  return table;
}

function slotOf(text: string, index: number): number {
  const [one, two, three] = [text.charCodeAt(index), text.charCodeAt(index + 1), text.charCodeAt(index + 2)];
  return (one * 961 + two * 31 + three) % SLOTS;
}

function standsAt(phrase: Phrase, { lower, classes }: AuditedText, index: number): boolean {
  if (!lower.startsWith(phrase.text, index)) return false;
  const end = index + phrase.text.length;
  if (phrase.startsWord && index > 0 && hasBorders(classes[index - 1])) return false;
  if (phrase.endsWord && hasBorders(classes[end])) return false;
  if (phrase.startsSentence && !startsSentence(lower, index)) return false;
  if (phrase.tellsOfAnything && !isFirst(lower, index) && !namesAPicture(lower, index, end)) return false;
  return !isRead(lower, index);
}

function hasBorders(of: CharacterClass | undefined): boolean {
  return of !== undefined && (of === LATIN || of === CYRILLIC || of === GREEK);
}

/** Nothing but marks stands before it. */
function isFirst(lower: string, index: number): boolean {
  return index <= FARTHEST && !/[\p{L}\p{N}]/u.test(lower.slice(0, index));
}

/** In UTF-16 units: how far back an introduction is looked for. */
const INTRODUCTION = 120;
const FEWEST_WORDS = 4;

/** Behind "The note on the door says:" words of the picture follow, behind "My answer:" those of the model. */
function isRead(lower: string, index: number): boolean {
  const before = lower.slice(Math.max(0, index - INTRODUCTION), index);
  const introduction = /(?:^|[.!?。！？।\n:：])([^.!?。！？।\n:：]*)[:：][^:：\n]*$/.exec(before)?.[1];
  return (introduction?.match(/[\p{L}\p{M}\p{N}]+/gu)?.length ?? 0) >= FEWEST_WORDS;
}

/** In UTF-16 units: how far from a phrase its sentence is looked at. */
const BESIDE = 48;
let picture: RegExp | undefined;

function namesAPicture(lower: string, from: number, to: number): boolean {
  picture ??= new RegExp(`(?<!\\p{L})(?:${PICTURES.join("|")})|${PICTURES_INSIDE.join("|")}`, "u");
  const before = /[^.!?。！？।\n]*$/.exec(lower.slice(Math.max(0, from - BESIDE), from))?.[0];
  const behind = /^[^.!?。！？।\n]*/.exec(lower.slice(to, to + BESIDE))?.[0];
  return picture.test(`${before}${lower.slice(from, to)}${behind}`);
}

/** Marks of lists and emphasis, and quotation marks, which may stand before a sentence's first word. */
const BEFORE_A_SENTENCE = /[\s*_#>"'“„«¡¿(\-–—]/;
const ENDS_A_SENTENCE = /[.!?…。！？।۔؟:：\n]/;
/** Further back nobody looks: a million dashes must not be read a million times. */
const FARTHEST = 12;

function startsSentence(lower: string, index: number): boolean {
  for (let before = index - 1; before >= 0 && before >= index - FARTHEST; before--) {
    const character = lower[before] as string;
    if (ENDS_A_SENTENCE.test(character)) return true;
    if (!BEFORE_A_SENTENCE.test(character)) return false;
  }
  return index <= FARTHEST;
}
