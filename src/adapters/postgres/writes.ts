import type { BatchRepositoryAdapter, RepositoryAdapter, WriteOutcome } from "../../contracts/repository.js";
import type { Connection } from "./client.js";
import { assignments, encode, UPLOAD_COLUMNS, UPLOAD_FIELDS } from "./columns.js";
import { GroupCommit } from "./group-commit.js";
import type { NewUpload } from "./options.js";
import { IN_PROGRESS, inputTable, leaseUntil, parameters, SETTLED, type Statement } from "./parameters.js";
import type { Schema, Table } from "./schema.js";

type Write = Parameters<RepositoryAdapter["updateUpload"]>;

/** A write with what it assigns, as SQL, and from which values: writes of one shape may be one statement. */
interface ShapedWrite {
  readonly write: Write;
  readonly assigned: readonly string[];
  readonly values: readonly (string | null)[];
  readonly shape: string;
}

/** How uploads are written. */
export function writesOf(
  schema: Schema,
  { rowsOf, firstOf }: Connection,
  isGrouped: boolean,
): (write: Write) => Promise<WriteOutcome> {
  const alone = async (write: Write): Promise<WriteOutcome> => {
    const row = await firstOf<{ outcome: WriteOutcome }>(updateUpload(schema, ...write));
    return row?.outcome ?? "deleted";
  };
  if (!isGrouped) return alone;
  const group = new GroupCommit<ShapedWrite, WriteOutcome>({
    idOf: ({ write: [id] }) => id,
    shapeOf: ({ shape }) => shape,
    alone: ({ write }) => alone(write),
    async together(writes) {
      const rows = await rowsOf<{ id: string; outcome: WriteOutcome }>(updateUploads(schema, writes));
      return new Map(rows.map(({ id, outcome }) => [id, outcome]));
    },
  });
  return async (write) => group.send(shaped(write));
}

/**
 * Its text depends on which columns are written, and on nothing else: claim, lease and status are parameters.
 *
 * The row is looked at again only where nothing was written, and then locked: if another writer had it, and has deleted it
 * meanwhile, it is gone.
 */
function updateUpload(schema: Schema, ...[id, changes, claim]: Write): Statement {
  const { values, bind } = parameters();
  const row = `${bind(id)}::text`;
  const given = {
    fence: bind(claim?.fence ?? null),
    leaseMs: bind(claim?.leaseMs ?? null),
    status: bind(changes.status ?? null),
  };
  const write = rulesOf(schema, given, assignments(changes, bind));
  const text = `with written as (
  update ${schema.uploads.sql} as upload set ${write.assigned}
  where id = ${row} and ${write.isAllowed}
  returning batch_id, ${given.leaseMs}::float8 as lease_ms
),
refused as (
  select id from ${schema.uploads.sql} where id = ${row} and not exists (select from written) for update
)
select ${write.outcome} as outcome from written
union all
select 'stale' from refused`;
  return { text, values, often: true };
}

function shaped(write: Write): ShapedWrite {
  const [id, changes, claim] = write;
  const values = [id, textOf(claim?.fence), textOf(claim?.leaseMs), changes.status ?? null];
  const assigned = assignments(changes, (value) => `input_${values.push(value)}`);
  return { write, assigned, values, shape: assigned.join() };
}

/**
 * Writes of several uploads that have one shape, each fenced and answered by itself. It waits for nobody: a row that another
 * statement holds just now is missing in the answer, as is one that does not exist.
 */
function updateUploads(schema: Schema, writes: readonly ShapedWrite[]): Statement {
  const { assigned = [], values = [] } = writes[0] ?? {};
  const columns = values.map((_, index) => `input_${index + 1}`);
  const [row, fence, leaseMs, status] = columns as [string, string, string, string];
  const write = rulesOf(schema, { fence, leaseMs, status }, assigned);
  const text = `with input as (
  select * from ${inputTable(columns)}
),
locked as (
  select id from ${schema.uploads.sql} where id in (select ${row} from input) for no key update skip locked
),
written as (
  update ${schema.uploads.sql} as upload set ${write.assigned}
  from input
  where id = ${row} and id in (select id from locked) and ${write.isAllowed}
  returning id, batch_id, ${leaseMs}::float8 as lease_ms
)
select id, ${write.outcome} as outcome from written
union all
select id, 'stale' from locked where not exists (select from written where written.id = locked.id)`;
  return { text, values: columns.map((_, index) => writes.map((write) => write.values[index])), often: true };
}

/** The rules of a write, whose fence, lease and new status are given as SQL. */
function rulesOf(
  { batches }: Schema,
  given: { readonly fence: string; readonly leaseMs: string; readonly status: string },
  columns: readonly string[],
) {
  const fence = `${given.fence}::bigint`;
  const lease = `${given.leaseMs}::float8`;
  const status = `${given.status}::text`;
  const changed = columns.length === 0 ? columns : [...columns, "updated_at = clock_timestamp()"];
  return {
    assigned: `${[...changed, "lease_until = "].join(", ")}case
    when coalesce(${status}, status) not in ${IN_PROGRESS} then null
    when ${lease} is null then lease_until
    else ${leaseUntil(given.leaseMs)}
  end`,
    isAllowed: `case
    when ${fence} is null then status not in ${SETTLED} or coalesce(${status} in (status, 'pending'), true)
    else fence = ${fence} and (status in ${IN_PROGRESS} or coalesce(status = ${status}, false))
  end`,
    outcome: `case
  when lease_ms is null then 'saved'
  when exists (select from ${batches.sql} as batch where batch.id = written.batch_id and batch.status = 'cancelled')
    then 'cancelled'
  else 'saved'
end`,
  };
}

function textOf(value: number | undefined): string | null {
  return value === undefined ? null : String(value);
}

/** In the order in which they are given, whatever the plan. */
export function insertUploads(table: Table, uploads: readonly NewUpload[]): Statement {
  const columns = UPLOAD_FIELDS.map((field) => UPLOAD_COLUMNS[field]);
  const values = UPLOAD_FIELDS.map((field) => uploads.map((upload) => encode(field, upload[field])));
  const names = columns.map(({ name }) => name);
  const casts = columns.map(({ name, type }) => {
    const value = `row.${name}::${type}`;
    if (name === "status") return `coalesce(${value}, 'pending')`;
    return name === "starts" ? `coalesce(${value}, 0)` : value;
  });
  const arrays = values.map((_, index) => `$${index + 1}::text[]`);
  const text = `insert into ${table.sql} (${names.join(", ")})
select ${casts.join(", ")}
from unnest(${arrays.join(", ")}) with ordinality as row(${names.join(", ")}, ordinality)
order by row.ordinality`;
  return { text, values };
}

export function updateBatch(
  table: Table,
  ...[id, { status }, expected]: Parameters<BatchRepositoryAdapter["updateBatch"]>
): Statement {
  const text = `with locked as (
  select id, status from ${table.sql} where id = $1::text for update
),
written as (
  update ${table.sql} as batch
  set status = coalesce($2::text, batch.status), updated_at = clock_timestamp()
  from locked where batch.id = locked.id and ($3::text[] is null or locked.status = any($3))
  returning 1
)
select case when exists (select from written) then 'saved' else 'stale' end as outcome from locked`;
  return { text, values: [id, status ?? null, expected ?? null], often: true };
}
