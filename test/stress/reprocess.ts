/**
 * A rerun never loses: plays random histories of batches that are done again (new models, outages, kills, aborts, deletes,
 * cancels, two workers), in memory by a fake clock, and on PostgreSQL with processes that are killed. At every moment, what was
 * completed once has a whole result, and nothing is paid for twice but what was in flight at a kill. Stops at the first history
 * that fails, with the smallest case of it and the command that repeats that.
 *
 *     npm run stress:reprocess                         10,000 histories in memory, 200 on PostgreSQL
 *     npm run stress:reprocess -- --histories 100000 --postgres 0 --seed 7
 */
import { parseArgs } from "node:util";
import { startVitest } from "vitest/node";
import { findPostgres, PostgresServer } from "../support/postgres-server.js";
import { redo } from "./reprocess/redo-run.js";
import { tellProgress } from "./tell-progress.js";

const { values } = parseArgs({
  options: {
    histories: { type: "string", default: "10000" },
    postgres: { type: "string", default: "200" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    workers: { type: "string", default: "3" },
  },
});
const seed = Number(values.seed);

if (Number(values.histories) > 0) {
  process.env.REPROCESS_HISTORIES = values.histories;
  process.env.REPROCESS_SEED = values.seed;
  const tests = ["test/stress/reprocess.test.ts"];
  const options = { config: "test/stress/vitest.config.ts", run: true, watch: false, testNamePattern: "in memory" };
  const vitest = await startVitest("test", tests, options);
  await vitest.close();
}
if (Number(values.postgres) > 0) {
  if (findPostgres() === undefined) console.log("PostgreSQL is not installed: only histories in memory were played.");
  else await onPostgres(Number(values.postgres), Number(values.workers));
}

/** So many at a time: most of a history is waiting for the lease of a worker that was killed. */
async function onPostgres(histories: number, atOnce: number): Promise<void> {
  const server = await PostgresServer.start();
  const begunAt = performance.now();
  const sums: Record<string, number> = { histories: 0, kills: 0, uploads: 0, describes: 0, again: 0, looks: 0 };
  let [next, failed] = [0, false];
  const told = tellProgress(histories, "histories on PostgreSQL");
  const lane = async (place: number) => {
    while (next < histories && !failed) {
      const number = next++;
      const { problems, ...figures } = await redo(server.url, `redo_${place}`, seed + number);
      sums.histories = (sums.histories ?? 0) + 1;
      for (const [figure, value] of Object.entries(figures)) sums[figure] = (sums[figure] ?? 0) + value;
      told.at(sums.histories);
      if (problems.length === 0) continue;
      failed = true;
      const repeat = `npm run stress:reprocess -- --histories 0 --postgres 1 --seed ${seed + number}`;
      console.log(
        `\nPROBLEMS\n  ${problems.slice(0, 20).join("\n  ")}\nto repeat it, as far as kills can be:\n${repeat}`,
      );
      process.exitCode = 1;
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, (_, place) => lane(place)));
  } finally {
    await server.stop();
  }
  told.end();
  console.log(`on PostgreSQL (seed ${seed}, ${Math.round((performance.now() - begunAt) / 1000)} s)`);
  for (const [figure, value] of Object.entries(sums)) console.log(`  ${figure.padEnd(20)} ${value}`);
  if (!failed) console.log("  nothing that was completed lost its result, nothing stored was paid for again");
}
