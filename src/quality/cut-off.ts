import type { AuditedText } from "./audited-text.js";
import { classOf, SPACE, SYMBOL } from "./characters.js";
import { type Finding, show } from "./finding.js";
import { ABBREVIATIONS, UNFINISHED, UNFINISHED_TAILS } from "./phrases/endings.js";

/** How much of the end is looked at. */
const TAIL = 600;
const TERMINATOR = /[.!?…。！？．｡।॥۔؟։።៖]/;
/** A sentence ends, and behind a space another one begins: not in "4.99", nor before a small letter. */
const INNER_END =
  /(?<=(?:^|[^\p{L}])(\p{L}{2,20})["”’»)]{0,2})[.!?…][ \t]+["“„«(¿¡*]{0,2}\p{Lu}|[\p{L}\p{M}]{2}[.!?।؟۔][ \t]+\p{Lo}|[。！？]["”」』]?\s{0,4}\p{L}/gu;
const LIST_ITEM = /^\s{0,12}(?:[-*+•·–—▪◦]|\(?\d{1,3}[.):、]|\(?[a-zа-я][.)]|#{1,6} |\|)/iu;
/** How sentences end in Japanese and Korean, with or without a full stop. */
const VERB_AT_THE_END = /(?:です|ます|ました|でした|である|ている|ていた|いる|ある|ない|だった|[다요])$/;

/**
 * The text stops before it has ended. A caption without a full stop is whole, and so is the last item of a list: it counts only
 * where the rest of the text ends its sentences, or where the last word wants another one.
 */
export function checkCutOff({ raw, quoted, lower }: AuditedText): Finding[] {
  const reason = reasonOf(raw, quoted[lower.length - 1] === 1);
  return reason === undefined
    ? []
    : [{ kind: "cut-off", detail: `${reason}, ${show(raw.slice(-30))}`, severity: 0.55 }];
}

function reasonOf(raw: string, endsQuoted: boolean): string | undefined {
  const tail = raw.slice(-TAIL);
  const end = withoutClosing(tail);
  const last = end.at(-1);
  if (last === undefined || TERMINATOR.test(last)) return undefined;
  // Behind a closing bracket or an emoji a colon is a smile: ":)".
  if (/[,([{「『“„«،、，；;:：]/.test(last) && (end.length === tail.length || !/[;:(]/.test(last)))
    return `it ends in ${JSON.stringify(last)}`;
  if (/\p{Ll}-$/u.test(end)) return "it ends in a hyphen";
  if (endsQuoted) return undefined;
  if (wantsMore(end)) return "its last word wants another one";
  if (isOpen(end, tail)) return "a quotation or a bracket is open";
  return endsLikeItsLines(tail, raw.length > TAIL) ? undefined : "its last sentence has no end";
}

function wantsMore(end: string): boolean {
  const word = /[\s(“„«"'’]([\p{L}\p{M}]{1,12})$/u.exec(end.slice(-20))?.[1];
  if (word !== undefined && UNFINISHED.has(word)) return true;
  return end.length > 6 && UNFINISHED_TAILS.some((particle) => end.endsWith(particle));
}

function isOpen(end: string, tail: string): boolean {
  if (end.length !== tail.length) return false;
  const line = end.slice(end.lastIndexOf("\n") + 1);
  if (/[“„«「『][^“„«「『”»」』]*$/u.test(line) || /\([^()]*$/.test(line)) return true;
  return line.split('"').length % 2 === 0 && /(?:^|\s)"[^\s"][^"]*$/.test(line);
}

/** Whether the last line may end as it does, by its own sentences and by the lines before it. */
function endsLikeItsLines(tail: string, isPart: boolean): boolean {
  const lines = tail.split("\n").filter((line) => line.trim() !== "");
  const last = withoutClosing(lines.pop() ?? "");
  if (isPart && lines.length > 0) lines.shift(); // its beginning is missing
  if (isTags(last) || VERB_AT_THE_END.test(last)) return true;
  if (hasInnerEnd(last)) return false;
  const isItem = LIST_ITEM.test(last);
  const alike = lines.filter((line) => LIST_ITEM.test(line) === isItem && !isHeading(line));
  const ended = alike.filter((line) => TERMINATOR.test(withoutClosing(line).at(-1) ?? "")).length;
  if (isItem) return alike.length < 2 || ended < 0.8 * alike.length;
  return ended === 0 || last.length < 24 || ended < 0.6 * alike.length;
}

function hasInnerEnd(line: string): boolean {
  for (const [, word] of line.matchAll(INNER_END)) {
    if (word === undefined || !ABBREVIATIONS.has(word.toLowerCase())) return true;
  }
  return false;
}

/** "Tags: dog, beach, sunset", "#dog #beach". */
const isTags = (line: string) =>
  /(?:^|\s)#\p{L}[\p{L}\p{N}_]*$/u.test(line) || /^[\p{L} ]{2,24}[:：][^.!?。]*$/u.test(line);
const isHeading = (line: string) => /^\s{0,8}(?:#{1,6} |\*\*[^*]{1,60}\*\*:?\s*$)/.test(line) || /[:：]\s*$/.test(line);

/** What may stand behind the last word, beside emoji, spaces and what joins emoji. */
const CLOSING = "\"'”’»›」』）)]}*_~`|\u200b\u200c\u200d\u200e\u200f\ufe0f";

function withoutClosing(text: string): string {
  let end = text.length;
  while (end > 0) {
    const isPair = end > 1 && (text.charCodeAt(end - 1) & 0xfc00) === 0xdc00;
    const start = end - (isPair ? 2 : 1);
    const of = classOf(text.codePointAt(start) as number);
    if (of !== SPACE && of !== SYMBOL && !CLOSING.includes(text.slice(start, end))) break;
    end = start;
  }
  return text.slice(0, end);
}
