import type { AuditedText } from "./audited-text.js";
import { type Finding, show } from "./finding.js";
import { UNFINISHED, UNFINISHED_TAILS } from "./phrases/endings.js";

/** How much of the end is looked at. */
const TAIL = 600;
const TERMINATOR = /[.!?…。！？．｡।॥۔؟։။።៖]/;
/** Behind the last word: quotation marks, brackets, emphasis, emoji and their joiners. */
const CLOSING = /[\s"'”’»›」』）)\]}*_~`|\p{So}\p{Sk}\u200d\ufe0f\u{1f3fb}-\u{1f3ff}]+$/u;
/** A sentence ends here, and another one begins: not "St. Mark's", "4.99" or "e.g. a". */
const INNER_END =
  /\p{L}{4,}["'”’»)]{0,2}[.!?…][ \t]+["'“„«(¿¡*]{0,2}\p{Lu}|\p{L}{4}[.!?।؟۔][ \t]+\p{Lo}|[。！？]["”」』]?\s{0,4}\p{L}/u;
const LIST_ITEM = /^\s{0,12}(?:[-*+•·–—▪◦]|\(?\d{1,3}[.):、]|\(?[a-zа-я][.)]|#{1,6} |\|)/iu;
const LABELLED = /^[^.!?。]{1,40}[:：]/u;

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
  const end = tail.replace(CLOSING, "");
  if (end === "" || TERMINATOR.test(end.at(-1) as string)) return undefined;
  if (/[,;:([{「『“„«،、，：；؛-]$/u.test(end) && !/\p{L}-$/u.test(end.slice(-2)) && !/[:;]-?$/.test(raw.slice(-2)))
    return mark(end);
  if (/[:：]$/u.test(end) && end.length === tail.length) return mark(end);
  if (/\p{Ll}-$/u.test(end)) return "it ends in a hyphen";
  if (endsQuoted) return undefined;
  const word = /(?:^|[\s(“„«"'’])([\p{L}\p{M}]{1,12})$/u.exec(end)?.[1];
  if (word !== undefined && word === word.toLowerCase() && UNFINISHED.has(word) && /\s/.test(end))
    return "its last word wants another one";
  if (UNFINISHED_TAILS.some((particle) => end.endsWith(particle)) && end.length > 6)
    return "its last word wants another one";
  if (/[“„«「『][^“„«「『”»」』]{0,400}$/u.test(end.slice(-420)) && !/[“„«「『]/.test(tail.slice(end.length)))
    return "a quotation is open";
  if (/\([^()]{0,300}$/.test(end.slice(-320)) && end.length === tail.length) return "a bracket is open";
  return endsLikeItsLines(tail, raw.length > TAIL) ? undefined : "its last sentence has no end";
}

const mark = (end: string) => `it ends in ${JSON.stringify(end.at(-1))}`;

/** Whether the last line may end as it does, by its own sentences and by the lines before it. */
function endsLikeItsLines(tail: string, isPart: boolean): boolean {
  const lines = tail.split("\n").filter((line) => line.trim() !== "");
  const last = (lines.pop() ?? "").replace(CLOSING, "");
  if (isPart && lines.length > 0) lines.shift(); // its beginning is missing
  if (isTags(last)) return true;
  if (INNER_END.test(last)) return false;
  const isItem = LIST_ITEM.test(last);
  const alike = lines.filter((line) => LIST_ITEM.test(line) === isItem && !isHeading(line));
  const ended = alike.filter((line) => TERMINATOR.test(line.replace(CLOSING, "").at(-1) ?? "")).length;
  if (isItem) return alike.length < 2 || ended < 0.8 * alike.length;
  return ended === 0 || LABELLED.test(last) || last.length < 24 || ended < 0.6 * alike.length;
}

/** "Tags: dog, beach, sunset", "#dog #beach". */
const isTags = (line: string) =>
  /(?:^|\s)#\p{L}[\p{L}\p{N}_]*$/u.test(line) || /^[\p{L} ]{2,24}[:：][^.!?。]*$/u.test(line);
const isHeading = (line: string) => /^\s{0,8}(?:#{1,6} |\*\*[^*]{1,60}\*\*:?\s*$)/.test(line) || /[:：]\s*$/.test(line);
