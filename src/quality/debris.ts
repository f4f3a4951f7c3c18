import { type AuditedText, quotedShare } from "./audited-text.js";
import { type Finding, show } from "./finding.js";

const debris = (detail: string, severity: number): Finding[] => [{ kind: "debris", detail, severity }];

/** Data where words should be: boxes of a detector, JSON, HTML, encoded bytes. */
export function checkDebris(text: AuditedText): Finding[] {
  return coordinates(text) ?? structure(text) ?? encoded(text) ?? [];
}

/** In characters, of one pair of brackets. */
const LONGEST_GROUP = 120;

/** `[0.12, 0.4, 0.6, 0.9]` once, or pairs like `(120, 340)` three times: one pair alone may be a place on a map. */
function coordinates(text: AuditedText): Finding[] | undefined {
  const { lower } = text;
  let pairs = 0;
  let covered = 0;
  let first = "";
  for (let index = 0; index < lower.length; index++) {
    if (!OPENING.includes(lower[index] as string)) continue;
    const group = groupAt(lower, index);
    if (group === undefined) continue;
    if (group.numbers < 2 || text.quoted[index] === 1) continue;
    first ||= lower.slice(index, group.end);
    pairs += group.numbers >= 4 ? 3 : 1;
    covered += group.end - index;
    index = group.end - 1;
  }
  const share = covered / lower.length;
  const named = /\b(?:bbox|bounding box|box_2d|x1|xmin|x_min)\s{0,2}[:=]\s{0,2}\d/.exec(lower)?.[0];
  if (named !== undefined) return debris(`coordinates, ${show(named)}`, 0.7);
  if (pairs < 3 && share < 0.4) return undefined;
  return debris(`coordinates, ${show(first)}`, Math.min(0.95, 0.6 + share));
}

const OPENING = "[({<";
const CLOSING = "])}>";
const BETWEEN = " \t\n,;:.-xy=%";

/** Numbers in brackets with nothing else between them. */
function groupAt(text: string, start: number): { readonly numbers: number; readonly end: number } | undefined {
  let numbers = 0;
  let wasDigit = false;
  const limit = Math.min(text.length, start + LONGEST_GROUP);
  for (let index = start + 1; index < limit; index++) {
    const character = text[index] as string;
    if (CLOSING.includes(character)) return { numbers, end: index + 1 };
    const isDigit = character >= "0" && character <= "9";
    if (!isDigit && !BETWEEN.includes(character)) return undefined;
    if (isDigit && !wasDigit) numbers++;
    wasDigit = isDigit || (wasDigit && character === "."); // 0.5 is one number
  }
  return numbers >= 4 ? { numbers, end: limit } : undefined;
}

/** Objects and pages, also when they have lost their end. Code in a picture is quoted, or a part of the text. */
function structure(text: AuditedText): Finding[] | undefined {
  const { lower } = text;
  const head = lower.slice(0, 200).replace(/^```\w{0,12}\s{0,20}/, "");
  if (/^[[{][\s[{]{0,20}(?:["'](?:[^"'\n]{1,60})["']\s{0,4}[:,\]]|[\]}])/.test(head)) return debris("JSON", 0.8);
  if (/^<(?:!doctype|html|div|p|span|svg|img|body|table|ul|\?xml)\b/.test(head)) return debris("markup", 0.75);
  if (/^!\[[^\]\n]{0,100}\]\(/.test(head)) return debris("an image in Markdown", 0.75);
  const fields = lower.match(
    /["'](?:label|bbox|bbox_2d|box|box_2d|point_2d|point|caption|description|score|category|objects|text|type|name|arguments)["']\s{0,4}:/g,
  );
  if (fields !== null && fields.length >= 1 && quotedShare(text, 0, lower.length) < 0.9)
    return debris(`fields of JSON, ${show(fields[0])}`, 0.7);
  const fenced = fencedShare(lower);
  return fenced > 0.6 ? debris("a block of code and hardly anything else", 0.65) : undefined;
}

function fencedShare(text: string): number {
  let fenced = 0;
  text.split("```").forEach((part, index) => {
    if (index % 2 === 1) fenced += part.length;
  });
  return fenced / text.length;
}

/** Base64, hexadecimal digits, and an address that is the whole text. */
function encoded({ lower }: AuditedText): Finding[] | undefined {
  if (/data:[a-z]{1,20}\/[a-z+.-]{1,20};base64,/.test(lower)) return debris("a data URL", 0.8);
  if (/^(?:https?:\/\/|www\.)\S+$/.test(lower)) return debris("an address, and nothing else", 0.9);
  const run = /(?:^|\s)[a-z0-9+/=]{64,}(?=\s|$)/.exec(lower)?.[0];
  return run !== undefined && /\d/.test(run) ? debris(`encoded bytes, ${show(run)}`, 0.7) : undefined;
}
