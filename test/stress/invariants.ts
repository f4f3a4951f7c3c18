/**
 * Plays random batches under random faults, and stops at the first invariant that does not hold, with the smallest case of it
 * and the command that repeats that.
 *
 *     npm run stress:invariants                        50,000 cases
 *     npm run stress:invariants -- --runs 1000000
 */
import { parseArgs } from "node:util";
import { startVitest } from "vitest/node";

const { values } = parseArgs({ options: { runs: { type: "string", default: "50000" } } });
process.env.INVARIANT_RUNS = values.runs;
const tests = ["test/integration/invariants.test.ts"];
const vitest = await startVitest("test", tests, { config: "test/stress/vitest.config.ts", run: true, watch: false });
await vitest.close();
