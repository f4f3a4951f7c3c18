import { expect, test } from "vitest";
import { readUsage } from "../../src/adapters/ai-sdk/read-answer.js";

interface Told {
  readonly input?: number;
  readonly output?: number;
  readonly reasoning?: number;
  readonly total?: number;
}

/** The same as each specification words it. */
const WORDED = {
  v2: ({ input, output, reasoning, total }: Told) => {
    return { inputTokens: input, outputTokens: output, reasoningTokens: reasoning, totalTokens: total };
  },
  v3: ({ input, output, reasoning, total }: Told) => {
    const raw = total === undefined ? undefined : { total_tokens: total };
    return { inputTokens: { total: input }, outputTokens: { total: output, reasoning }, raw };
  },
  get v4() {
    return this.v3;
  },
};

const CASES: readonly (readonly [name: string, told: Told, output: number | undefined, total: number | undefined])[] = [
  ["reasoning beside the output", { input: 300, output: 50, reasoning: 1000, total: 1350 }, 1050, 1350],
  ["little reasoning beside the output", { input: 300, output: 50, reasoning: 20, total: 370 }, 70, 370],
  ["more reasoning than output, and no total", { input: 300, output: 50, reasoning: 1000 }, 1050, 1350],
  ["reasoning alone", { input: 300, reasoning: 1000, total: 1300 }, 1000, 1300],
  ["reasoning in the output", { input: 300, output: 1050, reasoning: 1000, total: 1350 }, 1050, 1350],
  ["an output that is all reasoning", { input: 300, output: 1000, reasoning: 1000, total: 1300 }, 1000, 1300],
  ["reasoning in the output, and no total", { input: 300, output: 1050, reasoning: 1000 }, 1050, 1350],
  ["no reasoning", { input: 300, output: 50, reasoning: 0, total: 350 }, 50, 350],
  ["a total that is less than its parts", { input: 300, output: 50, total: 300 }, 50, 350],
  ["a total that is more than its parts", { input: 300, output: 50, total: 400 }, 50, 400],
  ["nothing", {}, undefined, undefined],
];

for (const [version, worded] of Object.entries(WORDED)) {
  test.each(CASES)(`${version}: %s`, (_, told, outputTokens, totalTokens) => {
    const usage = readUsage(worded(told));
    expect([usage.outputTokens, usage.totalTokens]).toEqual([outputTokens, totalTokens]);
  });
}
