import { PGlite } from "@electric-sql/pglite";
import type { PostgresClient } from "../../src/adapters/postgres.js";
import { postgresRepository, settleBatch } from "./library.js";
import { passedOver, withTables } from "./postgres-tables.js";
import type { Benchmark, Row } from "./report.js";
import { median, noise, timeOf } from "./rounds.js";

const ROWS = 100_000;
const ASKED = 40;

/** How long it takes to find out whether a large batch is done: asked after each upload by whoever runs jobs. */
export const batchDone: Benchmark = async () => {
  const url = process.env.TEST_POSTGRES_URL;
  const inProcess = await PGlite.create();
  try {
    const rows = await ask("PGlite", inProcess, { uploads: "uploads", batches: "batches" });
    const onServer =
      url === undefined
        ? passedOver("batch-done on PostgreSQL")
        : await withTables(url, 2, (pool, tables) => ask("PostgreSQL", pool, tables));
    return [...rows, ...onServer];
  } finally {
    await inProcess.close();
  }
};

async function ask(
  store: string,
  client: PostgresClient,
  tables: { readonly uploads: string; readonly batches: string },
): Promise<readonly Row[]> {
  const repository = postgresRepository(client, { tables, vector: "array" });
  await repository.migrate();
  // A cancelled batch is asked about and left alone, so that it can be asked about once more.
  for (const id of ["open", "done"]) await repository.addBatch({ id, status: "cancelled" });
  for (const batch of ["open", "done"])
    await client.query(
      `insert into ${tables.uploads} (id, storage_key, batch_id, status)
       select $1 || number, 'originals/1.jpg', $1, 'completed' from generate_series(1, ${ROWS}) as number`,
      [batch],
    );
  await repository.addUploads([{ id: "last", storageKey: "originals/1.jpg", batchId: "open" }]);
  await client.query(`analyze ${tables.uploads}`);
  const rows: Row[] = [];
  for (const batch of ["open", "done"]) {
    const times: number[] = [];
    for (let asked = 0; asked < ASKED; asked++) times.push(await timeOf(() => settleBatch(repository, batch)));
    const figures = { value: median(times), noise: noise(times) };
    rows.push({
      name: `is a batch of ${ROWS.toLocaleString("en")} done, on ${store}: ${batch === "open" ? "no" : "yes"}`,
      library: `${figures.value.toFixed(2)} ms`,
      bare: "",
      ...{ measured: figures, unit: " ms", target: { atMost: 5 } },
    });
  }
  return rows;
}
