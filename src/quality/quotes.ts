/** What opens a quotation, with what closes it. */
const PAIRS = /* @__PURE__ */ Object.entries({
  '"': ['"'],
  "'": ["'"],
  "`": ["`"],
  "“": ["”"],
  "„": ["“", "”"],
  "‘": ["’"],
  "«": ["»"],
  "»": ["«"],
  "‹": ["›"],
  "「": ["」"],
  "『": ["』"],
  "《": ["》"],
});
const CLOSED_BY: ReadonlyMap<number, readonly string[]> = /* @__PURE__ */ new Map(
  PAIRS.map(([mark, closing]) => [mark.charCodeAt(0), closing]),
);
/** In characters; a quotation that is longer has probably lost its end. */
const LONGEST = 800;
/** A text that is in quotation marks from end to end is not a quotation but an answer. */
const MOST = 0.8;

/**
 * Marks what the text quotes: words in the picture are not words of the model, so a sign may read "I cannot see you".
 *
 * @returns one number for each UTF-16 unit: 1 where it is part of a quotation
 */
export function quotedIn(text: string): Uint8Array {
  const quoted = new Uint8Array(text.length);
  // Where each closing mark comes next: looked up again when it is passed, so that the text is read once for each mark.
  const next = new Map<string, number>();
  const nextOf = (mark: string, from: number): number => {
    let place = next.get(mark) ?? -1;
    if (place !== Infinity && place < from) {
      place = text.indexOf(mark, from);
      // An apostrophe inside of a word closes nothing.
      while (mark === "'" && place >= 0 && isWord(text, place + 1)) place = text.indexOf(mark, place + 1);
      if (place < 0) place = Infinity;
      next.set(mark, place);
    }
    return place;
  };
  let total = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if ((code > 0x60 && code < 0xab) || (code > 0xbb && code < 0x2018)) continue; // letters, nearly always
    const closing = CLOSED_BY.get(code);
    const mark = text[index];
    if (closing === undefined || (closing[0] === mark && isWord(text, index - 1))) continue;
    const end = Math.min(...closing.map((each) => nextOf(each, index + 1)));
    if (end - index > LONGEST) continue;
    quoted.fill(1, index, end + 1);
    total += end + 1 - index;
    index = end;
  }
  return total > MOST * text.trim().length ? quoted.fill(0) : quoted;
}

function isWord(text: string, index: number): boolean {
  return index >= 0 && index < text.length && /[\p{L}\p{N}]/u.test(text[index] as string);
}
