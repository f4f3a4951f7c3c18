import { optional, requireKnown } from "../../validate.js";
import { pause, signalOf } from "../pause.js";

export interface StepOptions {
  /** How many calls get this outcome; `Infinity` for all that follow. @default 1 */
  readonly times?: number | undefined;
  /** How long the outcome takes, in milliseconds. It ends when the call's signal is aborted. @default 0 */
  readonly delayMs?: number | undefined;
}

/** What the next calls of one method come to, in this order. When it has run out, the fake does what it does by itself. */
export interface Script<Args extends readonly unknown[], Answer> {
  readonly returns: (answer: Answer, options?: StepOptions) => Script<Args, Answer>;
  readonly throws: (error: unknown, options?: StepOptions) => Script<Args, Answer>;
  /** No answer, until the call's signal is aborted, if it has one. */
  readonly hangs: (options?: Pick<StepOptions, "times">) => Script<Args, Answer>;
  /** What the fake does by itself: with a delay, or between other outcomes. */
  readonly passes: (options?: StepOptions) => Script<Args, Answer>;
  /** Whatever you do with the arguments of the call. */
  readonly does: (work: (...args: Args) => Answer | Promise<Answer>, options?: StepOptions) => Script<Args, Answer>;
}

const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0;

type Work<Args, Answer> = (args: Args, byItself: () => Promise<Answer>) => Answer | Promise<Answer>;

/** A script, and the function that plays a call by it. */
export function createScript<Args extends readonly unknown[], Answer>() {
  const steps: { work: Work<Args, Answer>; delayMs: number; left: number }[] = [];

  function add(work: Work<Args, Answer>, options: StepOptions = {}): Script<Args, Answer> {
    requireKnown("script", options, ["times", "delayMs"]);
    const { times = 1, delayMs = 0 } = options;
    // Part of a call would never be used up, and what is no number never come: a test of it would prove nothing.
    optional(
      "script.times",
      times,
      (value) => value === Number.POSITIVE_INFINITY || isCount(value),
      "an integer of at least 0, or Infinity",
    );
    if (times > 0) steps.push({ work, delayMs, left: times });
    return script;
  }

  const script: Script<Args, Answer> = {
    returns: (answer, options) => add(() => answer, options),
    throws: (error, options) => add(() => Promise.reject(error), options),
    hangs: (options) => add((_, byItself) => byItself(), { ...options, delayMs: Number.POSITIVE_INFINITY }),
    passes: (options) => add((_, byItself) => byItself(), options),
    does: (work, options) => add((args) => work(...args), options),
  };

  async function play(args: Args, byItself: () => Promise<Answer>): Promise<Answer> {
    const [step] = steps;
    if (step === undefined) return byItself();
    if (--step.left === 0) steps.shift();
    // Without a timer where there is nothing to wait for: fake clocks would have to be moved.
    if (step.delayMs > 0) await pause(step.delayMs, signalOf(args));
    return step.work(args, byItself);
  }

  return { script, play };
}
