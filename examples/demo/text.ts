const coloured = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code: number) => (text: string) => (coloured ? `\x1b[${code}m${text}\x1b[0m` : text);

export const bold = paint(1);
export const dim = paint(2);
export const red = paint(31);
export const green = paint(32);
export const yellow = paint(33);
export const cyan = paint(36);

/** On one line of at most `width` columns. File names may hold anything, also what a terminal takes for commands. */
export function cut(text: string, width: number): string {
  const line = text.replace(/\p{Cc}+/gu, " ");
  return line.length > width ? `${line.slice(0, Math.max(0, width - 1)).trimEnd()}…` : line;
}

/** The end of a path tells more than its beginning. */
export function cutStart(text: string, width: number): string {
  const line = text.replace(/\p{Cc}+/gu, " ");
  return line.length > width ? `…${line.slice(line.length - width + 1)}` : line;
}

export function duration(milliseconds: number): string {
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 9950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

export function rate(perSecond: number): string {
  if (perSecond >= 10) return `${Math.round(perSecond)}/s`;
  return perSecond >= 1 ? `${perSecond.toFixed(1)}/s` : `${Math.round(perSecond * 60)}/min`;
}

export function photographs(count: number): string {
  return count === 1 ? "1 photograph" : `${count} photographs`;
}
