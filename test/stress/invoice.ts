/**
 * The invoice agrees: workers spend money at a model service of its own process, over HTTP, that bills every call, and are
 * killed with SIGKILL at random moments. Its bill minus what the ledgers have booked has to be exactly the calls that were in
 * flight at a kill. Then budgets of all sizes are spent.
 *
 *     npm run stress:invoice                           1,000 kills, 1,000 budgets
 *     npm run stress:invoice -- --kills 50 --seed 7 --list
 */
import { parseArgs } from "node:util";
import { findPostgres, PostgresServer } from "../support/postgres-server.js";
import { budgets } from "./invoice/budget-run.js";
import { invoice } from "./invoice/invoice-run.js";
import { tellProgress } from "./tell-progress.js";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "1000" },
    budgets: { type: "string", default: "1000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    list: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed);

if (findPostgres() === undefined) console.log("PostgreSQL is not installed: only budgets are tried.");
else {
  const server = await PostgresServer.start();
  const begunAt = performance.now();
  try {
    const told = tellProgress(Number(values.kills), "kills");
    const report = await invoice({ url: server.url, kills: Number(values.kills), seed, onKill: told.at });
    const { inFlight, cutOff, problems, ...figures } = report;
    told.end();
    console.log(`three workers on PostgreSQL (seed ${seed}, ${Math.round((performance.now() - begunAt) / 1000)} s)`);
    for (const [figure, value] of Object.entries(figures)) console.log(`  ${figure.padEnd(20)} ${value}`);
    const costOf = (lines: readonly { readonly cost: number }[]) => lines.reduce((sum, { cost }) => sum + cost, 0);
    console.log(`  ${"in flight at a kill".padEnd(20)} ${inFlight.length} calls, ${costOf(inFlight)} of the bill`);
    console.log(`  ${"cut off by a lease".padEnd(20)} ${cutOff.length} calls, ${costOf(cutOff)} of the bill`);
    if (values.list)
      for (const { pid, call, stage, id, cost } of inFlight) console.log(`    ${pid} ${call} ${stage} ${id} ${cost}`);
    conclude(problems, "the bill is the ledger and what was in flight, to the cent; nothing stored was paid for again");
  } finally {
    await server.stop();
  }
}
const { problems, ...figures } = await budgets(Number(values.budgets), seed);
console.log(`budgets (seed ${seed})`);
for (const [figure, value] of Object.entries(figures)) console.log(`  ${figure.padEnd(20)} ${value}`);
conclude(problems, "none was overrun by more than calls under way cost above the dearest before them");

function conclude(problems: readonly string[], well: string): void {
  console.log(problems.length === 0 ? `  ${well}` : `  PROBLEMS\n  ${problems.slice(0, 20).join("\n  ")}`);
  if (problems.length > 0) process.exitCode = 1;
}
