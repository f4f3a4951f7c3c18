import fc from "fast-check";
import { afterEach, beforeEach, test, vi } from "vitest";
import { play, playPoison } from "../support/invariants/run.js";
import { poisonScenarios, scenarios } from "../support/invariants/scenario.js";

vi.mock("../../src/media/pictures.ts", () => import("../support/pictures-at-once.js"));

/**
 * Random batches under random faults: several processors on one repository, with errors before and after the effect,
 * latency up to lost leases, models that hang, fail and ignore their signal, deletions, additions, aborts, pauses, cancels,
 * restarts and crashes. Whatever happens, the invariants hold, and a healthy worker brings everything to its end.
 *
 * INVARIANT_RUNS sets how many; INVARIANT_CASE repeats the smallest case of a failure, as its message says.
 */
const RUNS = Number(process.env.INVARIANT_RUNS ?? 300);
const CASE = process.env.INVARIANT_CASE;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Registers a test of `runs` random cases, or of the one that is to be repeated. */
function testRandomly<Case>(name: string, cases: fc.Arbitrary<Case>, runs: number, run: (one: Case) => Promise<void>) {
  test(`${name}, over ${runs} random cases`, { timeout: 10_000 + runs * 200 }, async () => {
    const [wanted, scenario] = CASE?.split(": ", 2) ?? [];
    if (scenario !== undefined) return wanted === name ? run(JSON.parse(scenario)) : undefined;
    const found = await fc.check(fc.asyncProperty(cases, run), { numRuns: runs });
    if (!found.failed) return;
    const repeat = `INVARIANT_CASE='${name}: ${JSON.stringify(found.counterexample?.[0])}'`;
    const [why] = [found.errorInstance].map((error) => (error instanceof Error ? error.message : String(error)));
    const after = `after ${found.numRuns} cases, seed ${found.seed}, shrunk ${found.numShrinks} times`;
    throw new Error(`${why}\n\n${after}; to repeat it:\n${repeat} npx vitest run test/integration/invariants.test.ts`);
  });
}

testRandomly("the invariants hold", scenarios, RUNS, play);
testRandomly("one poison is quarantined, and nothing with it", poisonScenarios, Math.ceil(RUNS / 20), playPoison);
