import { ConfigurationError } from "./upload-error.js";

/** More of a name is neither shown nor compared. */
const LONGEST_NAME = 60;

/**
 * The error for an option that nobody knows.
 *
 * @param name of the object that it was given in
 * @example
 * unknownOption("options", "timeout", ["signal", "timeouts"]).message;
 * // options.timeout: unknown; did you mean "timeouts"? Known are signal, timeouts
 */
export function unknownOption(name: string, given: string, known: readonly string[]): ConfigurationError {
  const shown = given.length > LONGEST_NAME ? `${given.slice(0, LONGEST_NAME)}…` : given;
  const likely = nearest(given.slice(0, LONGEST_NAME), known);
  const guess = likely === undefined ? "" : ` did you mean ${JSON.stringify(likely)}?`;
  const all = known.length === 0 ? "there are none" : `${guess === "" ? "known" : "Known"} are ${known.join(", ")}`;
  return new ConfigurationError(`${name}.${shown}: unknown;${guess} ${all}`);
}

/** The name that it takes the fewest edits to; none when that changes more than a third of it. */
function nearest(given: string, known: readonly string[]): string | undefined {
  let best: { readonly name: string; readonly edits: number } | undefined;
  for (const name of known) {
    const edits = editsBetween(given.toLowerCase(), name.toLowerCase());
    const most = Math.max(1, Math.floor(Math.max(given.length, name.length) / 3));
    if (edits <= most && (best === undefined || edits < best.edits)) best = { name, edits };
  }
  return best?.name;
}

/** Levenshtein's distance: how many characters are to be added, removed or replaced. */
function editsBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let line = 1; line <= from.length; line++) {
    const next = [line];
    for (let column = 1; column <= to.length; column++) {
      const replaced = (row[column - 1] ?? 0) + (from[line - 1] === to[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
