import { randomUUID } from "node:crypto";
import pg from "pg";

/** Names for tables of this run alone, in a schema that is gone afterwards. */
export async function withTables<T>(
  connectionString: string,
  max: number,
  work: (pool: pg.Pool, tables: { uploads: string; batches: string }) => Promise<T>,
): Promise<T> {
  const pool = new pg.Pool({ connectionString, max });
  pool.on("error", () => {});
  const schema = `bench_${randomUUID().slice(0, 8)}`;
  try {
    await pool.query(`create schema ${schema}`);
    return await work(pool, { uploads: `${schema}.uploads`, batches: `${schema}.batches` });
  } finally {
    await pool.query(`drop schema if exists ${schema} cascade`);
    await pool.end();
  }
}

/** Tells that a benchmark is passed over. */
export function passedOver(name: string): readonly [] {
  console.log(`${name}: passed over, because TEST_POSTGRES_URL names no server`);
  return [];
}
