import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { type PostgresRepository, postgresRepository } from "../../../src/adapters/postgres.js";
import { BATCH, type RedoPlan, tablesIn } from "./redo-plan.js";

/**
 * The database itself writes down every change of a row that takes from people what they saw: what the workers say of
 * themselves is not relied upon.
 */
const audit = (schema: string) => `
create table ${schema}.losses (id text, what jsonb);
create function ${schema}.write_loss() returns trigger language plpgsql as $$
begin
  if old.has_result and (
    not new.has_result or new.description is null or new.thumbnail_key is null or new.embedding is null
    or position(split_part(new.description, ' ', 1) in new.ai_version) = 0
    or position('v' || new.embedding[2] in new.ai_version) = 0
    or new.embedding[1] <> length(new.description)
  ) then insert into ${schema}.losses values (old.id, to_jsonb(new));
  end if;
  return null;
end $$;
create trigger losses after update on ${schema}.uploads for each row execute function ${schema}.write_loss();`;

/** A batch that is completed with the first version of the models, in place of what an earlier history has left. */
export async function prepare(pool: pg.Pool, plan: RedoPlan, uploads: number): Promise<PostgresRepository> {
  const { schema, objects } = plan;
  const repository = postgresRepository(pool, { tables: tablesIn(schema), vector: "array" });
  await pool.query(`drop schema if exists ${schema} cascade`);
  await pool.query(`create schema ${schema}`);
  await repository.migrate();
  for (const statement of audit(schema).split(/;\n(?=create)/)) await pool.query(statement);
  await repository.addBatch({ id: BATCH, status: "completed" });
  mkdirSync(join(objects, "thumbnails"), { recursive: true });
  const made = Array.from({ length: uploads }, (_, n) => {
    const id = `u${n}`;
    const description = `v1 of ${id}`;
    const thumbnailKey = `thumbnails/${id}-v1.jpg`;
    writeFileSync(join(objects, thumbnailKey), "old");
    const results = { description, thumbnailKey, embedding: [description.length, 1], aiVersion: "v1" };
    const photo = n % 2 === 0 ? "rocket.jpg" : "coffee.webp";
    return { id, storageKey: `originals/${photo}`, batchId: BATCH, status: "completed" as const, ...results };
  });
  await repository.addUploads(made);
  return repository;
}

/** Uploads that people see and whose thumbnail is not there. */
export async function withoutThumbnail(pool: pg.Pool, { schema, objects }: RedoPlan): Promise<readonly string[]> {
  const select = `select id, thumbnail_key as key from ${schema}.uploads where has_result`;
  const isGone = async ({ id, key }: { id: string; key: string | null }) => {
    if (key !== null && existsSync(join(objects, key))) return false;
    // It may have been replaced, or deleted with its row, since the row was read.
    const { rows } = await pool.query(`${select} and id = $1`, [id]);
    const now = rows[0] as { key: string | null } | undefined;
    return now !== undefined && now.key === key;
  };
  const { rows } = await pool.query(select);
  const gone: string[] = [];
  for (const row of rows as { id: string; key: string | null }[]) if (await isGone(row)) gone.push(row.id);
  return gone;
}

export async function lossesIn(pool: pg.Pool, schema: string): Promise<readonly string[]> {
  const { rows } = await pool.query(`select id, what::text from ${schema}.losses`);
  return rows.map(({ id, what }) => `${id} lost its result: ${what}`);
}
