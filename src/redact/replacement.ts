/** What is looked for, and what takes its place. */
export type Replacement = readonly [pattern: RegExp, by: string | ((...match: string[]) => string)];

/** One after the other, over the whole text. */
export function replaceEach(text: string, replacements: readonly Replacement[]): string {
  return replacements.reduce((replaced, [pattern, by]) => replaced.replace(pattern, by as string), text);
}
