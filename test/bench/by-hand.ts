import type pg from "pg";
import { ai } from "./idle-adapters.js";

/** What one writes without the library: takes the row, stores the description, stores the vector. */
export async function takeDescribeEmbed(pool: pg.Pool, uploads: string, id: string): Promise<void> {
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
}
