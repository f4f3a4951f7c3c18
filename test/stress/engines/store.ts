import pg from "pg";
import { postgresRepository } from "../../../src/adapters/postgres.js";
import { BATCH, type EnginePlan, tablesOf } from "./plan.js";

/** The database itself writes down when an upload and a batch are completed: workers' words are not relied upon. */
const AUDIT = (name: string) => `
create table ${name}.completions (kind text, id text);
create function ${name}.write_completion() returns trigger language plpgsql as $$
begin
  insert into ${name}.completions values (tg_argv[0], new.id);
  return null;
end $$;
create trigger completions after update on ${name}.uploads for each row
  when (old.status is distinct from new.status and new.status = 'completed')
  execute function ${name}.write_completion('upload');
create trigger completions after update on ${name}.batches for each row
  when (old.status is distinct from new.status and new.status = 'completed')
  execute function ${name}.write_completion('batch');`;

/** The tables of one run, in a schema of their own. */
export class EngineStore {
  readonly #pool: pg.Pool;

  constructor(private readonly plan: EnginePlan) {
    this.#pool = new pg.Pool({ connectionString: plan.postgres, max: 2 });
    this.#pool.on("error", () => {});
  }

  async prepare(ids: readonly string[]): Promise<void> {
    const { name } = this.plan;
    await this.#pool.query(`create schema ${name}`);
    const repository = postgresRepository(this.#pool, { tables: tablesOf(this.plan), vector: "array" });
    await repository.migrate();
    await this.#pool.query(AUDIT(name));
    await repository.addBatch({ id: BATCH });
    await repository.addUploads(ids.map((id) => ({ id, storageKey: "photo.jpg", batchId: BATCH })));
  }

  /** How many uploads are completed, and whether the batch is. */
  async state(): Promise<{ readonly uploads: number; readonly isBatchDone: boolean }> {
    const { uploads, batches } = tablesOf(this.plan);
    const { rows } = await this.#pool.query(
      `select (select count(*)::integer from ${uploads} where status = 'completed') as uploads,
              (select status = 'completed' from ${batches} where id = $1) as "isBatchDone"`,
      [BATCH],
    );
    return rows[0];
  }

  /** What was not completed exactly once. */
  async problems(ids: readonly string[]): Promise<string[]> {
    const { rows } = await this.#pool.query(
      `select kind, id, count(*)::integer as times from ${this.plan.name}.completions group by kind, id`,
    );
    const times = new Map(rows.map(({ kind, id, times }) => [`${kind} ${id}`, Number(times)]));
    return [`batch ${BATCH}`, ...ids.map((id) => `upload ${id}`)]
      .filter((what) => times.get(what) !== 1)
      .map((what) => `${what} was completed ${times.get(what) ?? 0} times`);
  }

  async remove(): Promise<void> {
    await this.#pool.query(`drop schema if exists ${this.plan.name} cascade`);
    await this.#pool.end();
  }
}
