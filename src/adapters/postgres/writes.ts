import type { BatchRepositoryAdapter, RepositoryAdapter } from "../../contracts/repository.js";
import { assignments, encode, UPLOAD_COLUMNS, UPLOAD_FIELDS } from "./columns.js";
import type { NewUpload } from "./options.js";
import { IN_PROGRESS, leaseUntil, parameters, SETTLED, type Statement } from "./parameters.js";
import type { Schema, Table } from "./schema.js";

/**
 * Its text depends on which columns are written, and on nothing else: claim, lease and status are parameters.
 *
 * The row is looked at again only where nothing was written, and then locked: if another writer had it, and has deleted it
 * meanwhile, it is gone.
 */
export function updateUpload(
  { uploads, batches }: Schema,
  ...[id, changes, claim]: Parameters<RepositoryAdapter["updateUpload"]>
): Statement {
  const { values, bind } = parameters();
  const row = bind(id);
  const fence = `${bind(claim?.fence ?? null)}::bigint`;
  const lease = bind(claim?.leaseMs ?? null);
  const status = `${bind(changes.status ?? null)}::text`;
  const columns = assignments(changes, bind);
  if (columns.length > 0) columns.push("updated_at = clock_timestamp()");
  const text = `with written as (
  update ${uploads.sql} as upload set ${[...columns, "lease_until = "].join(", ")}case
    when coalesce(${status}, status) not in ${IN_PROGRESS} then null
    when ${lease}::float8 is null then lease_until
    else ${leaseUntil(lease)}
  end
  where id = ${row}::text and case
    when ${fence} is null then status not in ${SETTLED} or coalesce(${status} in (status, 'pending'), true)
    else fence = ${fence} and (status in ${IN_PROGRESS} or coalesce(status = ${status}, false))
  end
  returning batch_id
),
refused as (
  select id from ${uploads.sql} where id = ${row}::text and not exists (select from written) for update
)
select case
  when ${lease}::float8 is null then 'saved'
  when exists (select from ${batches.sql} as batch where batch.id = written.batch_id and batch.status = 'cancelled')
    then 'cancelled'
  else 'saved'
end as outcome from written
union all
select 'stale' from refused`;
  return { text, values, often: true };
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
