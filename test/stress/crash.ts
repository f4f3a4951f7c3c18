/**
 * Kills workers with SIGKILL at random moments, stops others past their lease, and judges what is left: one worker on a PGlite
 * on disk, then three at once on a PostgreSQL server of their own.
 *
 *     npm run stress:crash                             120 kills
 *     npm run stress:crash -- --kills 1000 --seed 7
 */
import { parseArgs } from "node:util";
import { findPostgres, PostgresServer } from "../support/postgres-server.js";
import { type CrashOptions, crash } from "./crash/crash-run.js";
import { tellProgress } from "./tell-progress.js";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "120" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const kills = Number(values.kills);
const seed = Number(values.seed);
const onServer = findPostgres() === undefined ? 0 : Math.round(kills * (2 / 3));

await report("one worker on PGlite", {
  ...{ store: "pglite", workers: 1, concurrency: 1, seed },
  ...{ kills: kills - onServer, stops: 2, uploads: 100 },
});
if (onServer > 0) {
  const server = await PostgresServer.start();
  const store = { kind: "postgres", url: server.url } as const;
  const half = Math.round(onServer / 2);
  try {
    await report("three workers on PostgreSQL", {
      ...{ store, workers: 3, concurrency: 1, kills: half, stops: 3, uploads: 150, seed },
    });
    await report("three workers on PostgreSQL, 4 uploads at once", {
      ...{ store, workers: 3, concurrency: 4, kills: onServer - half, stops: 3, uploads: 300, seed },
    });
  } finally {
    await server.stop();
  }
} else console.log("PostgreSQL is not installed: only PGlite was tried.");

async function report(name: string, options: CrashOptions): Promise<void> {
  const begunAt = performance.now();
  const told = tellProgress(options.kills, `kills, ${name}`);
  const { problems, ...figures } = await crash({ ...options, onKill: told.at });
  told.end();
  console.log(`${name} (seed ${seed}, ${Math.round((performance.now() - begunAt) / 1000)} s)`);
  for (const [figure, value] of Object.entries(figures)) console.log(`  ${figure.padEnd(20)} ${value}`);
  console.log(
    problems.length === 0 ? "  nothing lost, nothing completed twice" : `  PROBLEMS\n  ${problems.join("\n  ")}`,
  );
  if (problems.length > 0) process.exitCode = 1;
}
