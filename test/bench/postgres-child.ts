/** Processes uploads that are rows of a PostgreSQL server, and prints how long that takes, in milliseconds. */
import pLimit from "p-limit";
import type pg from "pg";
import { takeDescribeEmbed } from "./by-hand.js";
import { ai, requireCompleted, storage } from "./idle-adapters.js";
import { BatchProcessor, postgresRepository } from "./library.js";
import { withTables } from "./postgres-tables.js";
import { timeOf } from "./rounds.js";

/** Over ten thousand uploads: before, V8 is still optimizing what there is most of, and that is the library. */
const WARM_UPS = 3;
const RUNS = 3;

const [side = "", url = "", count = "0", atOnce = "1"] = process.argv.slice(2);
const concurrency = Number(atOnce);

async function byHand(pool: pg.Pool, uploads: string, ids: readonly string[]): Promise<void> {
  const limit = pLimit(concurrency);
  await Promise.all(ids.map((id) => limit(takeDescribeEmbed, pool, uploads, id)));
}

const fastest = await withTables(url, concurrency, async (pool, tables) => {
  const repository = postgresRepository(pool, { tables, vector: "array" });
  await repository.migrate();
  const times: number[] = [];
  for (let run = -WARM_UPS; run < RUNS; run++) {
    const ids = Array.from({ length: Number(count) }, (_, index) => `${run}-${index}`);
    await repository.addUploads(ids.map((id) => ({ id, storageKey: `originals/${id}` })));
    await pool.query(`vacuum analyze ${tables.uploads}`);
    const time = await timeOf(async () => {
      if (side === "by-hand") return byHand(pool, tables.uploads, ids);
      const processor = new BatchProcessor({ storage, ai, repository, thumbnail: false, concurrency });
      requireCompleted(await processor.processUploads(ids), ids.length);
    });
    if (run >= 0) times.push(time);
  }
  return Math.min(...times);
});
console.log(fastest);
