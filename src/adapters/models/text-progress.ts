/** Of this many characters progress has come half its way: descriptions have some hundreds. */
const HALF_WAY = 400;

/**
 * Turns the length of a text that is being written into progress. Nobody knows how long it will be, so the progress approaches
 * `to` and never reaches it: that a call is done is told by its answer.
 *
 * @returns what takes the number of characters so far
 */
export function textProgress(
  report: (fraction: number) => void,
  { from = 0, to = 1 }: { readonly from?: number; readonly to?: number } = {},
): (charactersSoFar: number) => void {
  return (charactersSoFar) => {
    if (charactersSoFar > 0) report(from + ((to - from) * charactersSoFar) / (charactersSoFar + HALF_WAY));
  };
}
