/** Under which names models leave their reasoning in the text. */
const OPENING = /^\s*<(think|thinking|thought|reasoning)>/i;
/** Templates that open the block themselves leave its end alone in the text, on a line of its own. */
const LONE_END = /(?:^|\n)[ \t]*<\/(?:think|thinking|thought|reasoning)>[ \t]*(?:\n|$)/i;

/**
 * The text without the blocks of reasoning that it begins with. One that is not closed is reasoning that was cut off, and no
 * answer at all: the text is empty then.
 */
export function withoutThinking(text: string): string {
  let rest = text;
  let opening = OPENING.exec(rest);
  while (opening !== null) {
    const [whole, name = ""] = opening;
    const end = `</${name.toLowerCase()}>`;
    const endsAt = rest.toLowerCase().indexOf(end, whole.length);
    if (endsAt === -1) return "";
    rest = rest.slice(endsAt + end.length);
    opening = OPENING.exec(rest);
  }
  const lone = LONE_END.exec(rest);
  if (lone !== null) rest = rest.slice(lone.index + lone[0].length);
  return rest === text ? text : rest.trim();
}
