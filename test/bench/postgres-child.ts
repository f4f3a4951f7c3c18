/** Processes uploads that are rows of a PostgreSQL server, and prints how long that takes, in milliseconds. */
import pLimit from "p-limit";
import type pg from "pg";
import { ai, requireCompleted, storage } from "./idle-adapters.js";
import { BatchProcessor, postgresRepository } from "./library.js";
import { withTables } from "./postgres-tables.js";
import { timeOf } from "./rounds.js";

/** Over ten thousand uploads: before, V8 is still optimizing what there is most of, and that is the library. */
const WARM_UPS = 3;
const RUNS = 3;

const [side = "", url = "", count = "0", atOnce = "1"] = process.argv.slice(2);
const concurrency = Number(atOnce);

/** What one writes without the library: takes the row, stores the description, stores the vector. */
async function byHand(pool: pg.Pool, uploads: string, ids: readonly string[]): Promise<void> {
  const limit = pLimit(concurrency);
  const processOne = async (id: string) => {
    const { rows } = await pool.query(
      `update ${uploads} set status = 'analyzing', starts = starts + 1, fence = fence + 1,
         lease_until = clock_timestamp() + interval '1 minute' where id = $1 and status = 'pending' returning *`,
      [id],
    );
    const description = await ai.describe(rows[0], {});
    await pool.query(`update ${uploads} set description = $2, status = 'embedding' where id = $1`, [id, description]);
    const embedding = await ai.embed({ text: description }, {});
    await pool.query(
      `update ${uploads} set embedding = $2::real[], status = 'completed', starts = 0, lease_until = null where id = $1`,
      [id, embedding],
    );
  };
  await Promise.all(ids.map((id) => limit(processOne, id)));
}

const fastest = await withTables(url, concurrency, async (pool, tables) => {
  const repository = postgresRepository(pool, { tables, vector: "array", coalesce: side === "together" });
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
