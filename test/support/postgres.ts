import type { NewUpload, PostgresClient } from "../../src/adapters/postgres.js";

/** The columns of a table with their types, whatever their order. */
export async function columnsOf(client: PostgresClient, table: string): Promise<unknown[]> {
  const { rows } = await client.query(
    `select attname, format_type(atttypid, atttypmod) as type, attnotnull from pg_attribute
     where attrelid = to_regclass($1) and attnum > 0 order by attname`,
    [table],
  );
  return rows;
}

export function pending(id: string): NewUpload {
  return { id, storageKey: `originals/${id}` };
}
