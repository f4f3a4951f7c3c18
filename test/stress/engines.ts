/**
 * Four workers of an engine on one queue, of which one is killed, one told to end, and one frozen past its lock and its lease: in
 * the end every upload has to be completed once, and its batch too. Needs Redis and PostgreSQL.
 *
 *     TEST_REDIS_URL=… TEST_POSTGRES_URL=… npm run stress:engines -- --engine bullmq|pg-boss --uploads 2000
 */
import { parseArgs } from "node:util";
import { stressEngine } from "./engines/engine-run.js";

const { values } = parseArgs({
  options: {
    engine: { type: "string", default: "bullmq" },
    uploads: { type: "string", default: "2000" },
  },
});
const { TEST_REDIS_URL: redis, TEST_POSTGRES_URL: postgres } = process.env;
if (redis === undefined || postgres === undefined)
  throw new Error("TEST_REDIS_URL and TEST_POSTGRES_URL have to name servers");

const { problems, ...figures } = await stressEngine({
  ...{ engine: values.engine, uploads: Number(values.uploads), redis, postgres },
});
for (const [figure, value] of Object.entries(figures))
  console.log(`  ${figure.padEnd(12)} ${Math.round(value * 10) / 10}`);
console.log(
  problems.length === 0 ? "  every upload and its batch were completed once" : `  PROBLEMS\n  ${problems.join("\n  ")}`,
);
if (problems.length > 0) process.exitCode = 1;
