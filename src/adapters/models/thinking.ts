/** Under which names models leave their reasoning in the text. */
const NAMES = "think|thinking|thought|reasoning";
const OPENING = new RegExp(`^\\s*<(?:${NAMES})>`, "i");
/** Sticky: one block after the other is read where the last one ended, so that each character is looked at once. */
const BLOCK = new RegExp(`\\s*<(${NAMES})>[^]*?</\\1>`, "iy");
/** Templates that open the block themselves leave its end alone in the text, on a line of its own. */
const LONE_END = new RegExp(`(?:^|\\n)[ \\t]*</(?:${NAMES})>[ \\t]*(?:\\n|$)`, "i");

/**
 * The text without the blocks of reasoning that it begins with. One that is not closed is reasoning that was cut off, and no
 * answer at all: the text is empty then.
 */
export function withoutThinking(text: string): string {
  let begin = 0;
  BLOCK.lastIndex = 0;
  while (BLOCK.test(text)) begin = BLOCK.lastIndex;
  let rest = text.slice(begin);
  if (OPENING.test(rest)) return "";
  const lone = LONE_END.exec(rest);
  if (lone !== null) rest = rest.slice(lone.index + lone[0].length);
  return rest === text ? text : rest.trim();
}
