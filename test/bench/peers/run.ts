/**
 * The same work beside others who keep it from being lost: two steps that do nothing, and a row that says how far it is. Through
 * DBOS, through three UPDATEs by hand and through this library, in turn, on one PostgreSQL server, as ratios to the UPDATEs.
 *
 *     npm run bench:peers
 *
 * On the server of TEST_POSTGRES_URL, or on one of its own where PostgreSQL is installed.
 */
import { randomUUID } from "node:crypto";
import { DBOS } from "@dbos-inc/dbos-sdk";
import pLimit from "p-limit";
import pg from "pg";
import { PostgresServer } from "../../support/postgres-server.js";
import { ai, requireCompleted, storage } from "../idle-adapters.js";
import { BatchProcessor, postgresRepository } from "../library.js";
import { interleave, median, ratio, timeOf } from "../rounds.js";

const UPLOADS = 1500;
const CONCURRENCY = 8;
const ROUNDS = 5;

const own = process.env.TEST_POSTGRES_URL === undefined ? await PostgresServer.start() : undefined;
const url = process.env.TEST_POSTGRES_URL ?? own?.url ?? "";
const schema = `peers_${randomUUID().slice(0, 8)}`;
const uploads = `${schema}.uploads`;
const pool = new pg.Pool({ connectionString: url, max: CONCURRENCY });
pool.on("error", () => {});
await pool.query(`create schema ${schema}`);
const repository = postgresRepository(pool, { tables: { uploads, batches: `${schema}.batches` }, vector: "array" });
await repository.migrate();

DBOS.setConfig({
  name: "peers",
  systemDatabaseUrl: url,
  systemDatabaseSchemaName: `${schema}_dbos`,
  systemDatabasePoolSize: CONCURRENCY,
  logLevel: "error",
});
const describe = () => ai.describe({}, {});
const embed = () => ai.embed({}, {});
const status = (id: string, changes: string, values: readonly unknown[] = []) =>
  pool.query(`update ${uploads} set ${changes} where id = $1`, [id, ...values]);

const workflow = DBOS.registerWorkflow(
  async (id: string) => {
    const description = await DBOS.runStep(describe, { name: "describe" });
    const embedding = await DBOS.runStep(embed, { name: "embed" });
    const done = () =>
      status(id, "description = $2, embedding = $3::real[], status = 'completed'", [description, embedding]).then(
        () => {},
      );
    await DBOS.runStep(done, { name: "status" });
  },
  { name: "upload" },
);
await DBOS.launch();

const atOnce = (ids: readonly string[], work: (id: string) => Promise<unknown>) => {
  const limit = pLimit(CONCURRENCY);
  return Promise.all(ids.map((id) => limit(work, id)));
};
const sides: Readonly<Record<"byHand" | "library" | "dbos", (ids: readonly string[]) => Promise<unknown>>> = {
  byHand: (ids) =>
    atOnce(ids, async (id) => {
      await status(id, "status = 'analyzing', starts = starts + 1");
      await status(id, "description = $2, status = 'embedding'", [await describe()]);
      await status(id, "embedding = $2::real[], status = 'completed', starts = 0", [await embed()]);
    }),
  async library(ids) {
    const processor = new BatchProcessor({ storage, ai, repository, thumbnail: false, concurrency: CONCURRENCY });
    requireCompleted(await processor.processUploads(ids), ids.length);
  },
  dbos: (ids) =>
    atOnce(ids, async (id) => {
      const handle = await DBOS.startWorkflow(workflow, { workflowID: id })(id);
      await handle.getResult();
    }),
};

async function measure(side: keyof typeof sides): Promise<number> {
  const ids = Array.from({ length: UPLOADS }, () => randomUUID());
  await repository.addUploads(ids.map((id) => ({ id, storageKey: "originals/1.jpg" })));
  await pool.query(`vacuum analyze ${uploads}`);
  return timeOf(() => sides[side](ids));
}

try {
  const measures = { byHand: () => measure("byHand"), library: () => measure("library"), dbos: () => measure("dbos") };
  await interleave(1, measures); // to warm up
  const times = await interleave(ROUNDS, measures);
  console.log(`Node ${process.versions.node}, ${UPLOADS} uploads, ${CONCURRENCY} at once, to three UPDATEs by hand`);
  for (const [side, name] of [
    ["byHand", "by hand"],
    ["library", "upload-processor"],
    ["dbos", "DBOS"],
  ] as const) {
    const { value, noise } = ratio(times.byHand, times[side]);
    const perSecond = Math.round(UPLOADS / (median(times[side]) / 1000)).toLocaleString("en");
    console.log(
      `${name.padEnd(20)}${`${perSecond}/s`.padStart(10)}${`${value.toFixed(3)}× ±${noise.toFixed(3)}`.padStart(20)}`,
    );
  }
} finally {
  await DBOS.shutdown();
  for (const each of [schema, `${schema}_dbos`]) await pool.query(`drop schema if exists ${each} cascade`);
  await pool.end();
  await own?.stop();
}
