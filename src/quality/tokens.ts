import type { AuditedText } from "./audited-text.js";
import { type Finding, show } from "./finding.js";

/** Each is read in one pass: every repetition is bounded, or of characters that cannot begin another try. */
const TOKENS: readonly RegExp[] = [
  /<[|｜][^|｜<>\n]{1,60}[|｜]>/g, // <|im_start|>, <|endoftext|>, <|det|>
  /\[\/?(?:inst|sys|system_prompt|img(?:-\d{1,4})?|pad|unk|cls|sep|mask|bos|eos|available_tools|tool_calls|tool_results)\]/g,
  /<<\/?sys>>/g,
  /<\/?(?:s|bos|eos|pad|unk|mask|think|thinking|thought|reasoning|reflection|answer|analysis|image|ref|box|quad|point|points|loc_?\d{1,4}|seg_?\d{1,4}|unused_?\d{1,4}|extra_id_\d{1,4}|row_\d{1,3}_col_\d{1,3}|global-img|image_soft_token|image_pad|vision_start|vision_end|fake_token_around_image|end_of_utterance|start_of_turn|end_of_turn|start_of_image|end_of_image|start_header_id|end_header_id|eot_id|tool_call|tool_response|scratchpad|grounding|phrase|object|od|cap|ocr|0x[0-9a-f]{2})>/g,
  /(?:^|\n)[ \t]{0,4}#{2,4} ?(?:assistant|human|user|system|instruction|response|input|output)\b ?:?/g,
  /(?:^|\n)[ \t]{0,4}\*{0,2}(?:assistant|human|user|system)\*{0,2} ?:/g,
  /(?:^|\n)[ \t]{0,4}(?:assistant|model|user)[ \t]*(?=\n)/g,
  /(?:end|beginof|begin|endof)[_ ]?(?:of)?[_ ]?(?:text|sentence|turn)[|▁_]>?/g,
  /\{\{\s?[\w .]{1,40}\s?\}\}|\{%\s?[\w .]{1,40}\s?%\}/g, // of templates
];

/** Marks of chat templates, which belong between the messages and never into one. */
export function checkTokens({ raw, lower, quoted }: AuditedText): Finding[] {
  let first: string | undefined;
  let count = 0;
  for (const pattern of TOKENS) {
    for (const { 0: token, index } of lower.matchAll(pattern)) {
      if (quoted[index] === 1) continue;
      first ??= token;
      count++;
    }
  }
  const turn = /\b(?:USER|HUMAN|ASSISTANT): /.exec(raw)?.[0]; // in capitals also within a line
  if (turn !== undefined && first === undefined) {
    first = turn;
    count++;
  }
  if (first === undefined) return [];
  const more = count > 1 ? `, ${count} in all` : "";
  return [{ kind: "tokens", detail: `${show(first)}${more}`, severity: Math.min(0.95, 0.6 + 0.05 * count) }];
}
