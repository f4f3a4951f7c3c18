import type { StageContext } from "../../contracts/ai.js";

/** Of this many characters progress has come half its way: descriptions have some hundreds. */
const HALF_WAY = 400;

interface TextProgressOptions {
  readonly from?: number;
  readonly to?: number;
  /** Whether the text so far is the message. */
  readonly reportText: boolean;
}

/**
 * Turns a text that is being written into progress. Nobody knows how long it will be, so the progress approaches `to` and never
 * reaches it: that a call is done is told by its answer.
 *
 * @returns what takes the number of characters so far, and the text
 */
export function textProgress(
  report: StageContext["reportProgress"],
  { from = 0, to = 1, reportText }: TextProgressOptions,
): (charactersSoFar: number, textSoFar: string) => void {
  return (charactersSoFar, textSoFar) => {
    if (charactersSoFar === 0) return;
    const fraction = from + ((to - from) * charactersSoFar) / (charactersSoFar + HALF_WAY);
    if (reportText && PROSE.test(textSoFar)) report(fraction, textSoFar.trimStart());
    else report(fraction);
  };
}

/** JSON, and thinking that stands in the text, are not for people. */
const PROSE = /^\s*[^\s{[`<]/;
