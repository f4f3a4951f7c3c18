import type { BatchRepositoryAdapter, RepositoryAdapter } from "../../contracts/repository.js";
import { CHANGE_FIELDS, encode, SELECT_UPLOAD, UPLOAD_COLUMNS, UPLOAD_FIELDS } from "./columns.js";
import type { NewUpload } from "./options.js";
import { parameters, type Statement } from "./parameters.js";
import type { Table } from "./schema.js";

const IN_PROGRESS = "('analyzing', 'embedding')";
const SETTLED = "('completed', 'failed')";

/**
 * Locks the row before anything is decided by it: the answer is about the row as the last writer has left it, also when
 * that one commits, or deletes the row, while this statement waits for the lock.
 */
function lock(table: Table, id: string, columns: string): string {
  return `with locked as (select ${columns} from ${table.sql} where id = ${id} for update)`;
}

/** What is left of a {@link lock} and a conditional write named `written`. */
const WRITE_OUTCOME = `select case
  when exists (select from written) then 'saved'
  when exists (select from locked) then 'stale'
  else 'deleted'
end as outcome`;

export function updateUpload(
  table: Table,
  ...[id, changes, claim]: Parameters<RepositoryAdapter["updateUpload"]>
): Statement {
  const { values, bind } = parameters();
  const { status } = changes;
  const row = bind(id);
  const fields = CHANGE_FIELDS.filter((field) => changes[field] !== undefined);
  const assignments = fields.map((field) => {
    const { name, type } = UPLOAD_COLUMNS[field];
    return `${name} = ${bind(encode(field, changes[field]))}::text::${type}`;
  });
  if (fields.length > 0) assignments.push("updated_at = clock_timestamp()");
  assignments.push(`lease_until = ${lease()}`);
  const text = `${lock(table, row, "id, status, fence")},
written as (
  update ${table.sql} as upload set ${assignments.join(", ")}
  from locked where upload.id = locked.id and ${allowed()}
  returning 1
)
${WRITE_OUTCOME}`;
  return { text, values };

  /** Kept by the row's holder, given up with the row. */
  function lease(): string {
    if (status !== undefined && status !== "analyzing" && status !== "embedding") return "null";
    return claim?.leaseMs === undefined ? "upload.lease_until" : leaseUntil(bind(claim.leaseMs));
  }

  function allowed(): string {
    if (claim === undefined && status === "analyzing" && changes.starts !== undefined) return "true";
    const sameStatus = status === undefined ? "" : ` or locked.status = ${bind(status)}::text`;
    return claim === undefined
      ? `(locked.status not in ${SETTLED}${sameStatus})`
      : `locked.fence = ${bind(claim.fence)}::bigint and (locked.status in ${IN_PROGRESS}${sameStatus})`;
  }
}

/** No row: deleted. Else the outcome, the fence, what is left of the lease in milliseconds, and the upload. */
export function claimUpload(
  table: Table,
  ...[id, { leaseMs, mode }]: Parameters<NonNullable<RepositoryAdapter["claimUpload"]>>
): Statement {
  const { values, bind } = parameters();
  const taken = {
    continue: "",
    "retry-failed": "or locked.status = 'failed'",
    reprocess: `or locked.status in ${SETTLED}`,
  };
  const checkpoints = mode === "reprocess" ? ["thumbnail_key", "description", "embedding", "ai_version"] : [];
  const cleared = checkpoints.map(
    (column) => `${column} = case when locked.status in ${SETTLED} then null else upload.${column} end,`,
  );
  const text = `${lock(table, bind(id), "*")},
claimed as (
  update ${table.sql} as upload set
    status = 'analyzing',
    starts = case when locked.status in ${SETTLED} then 1 else coalesce(locked.starts, 0) + 1 end,
    fence = locked.fence + 1,
    lease_until = ${leaseUntil(bind(leaseMs))},
    error_code = null, error_stage = null, error_message = null,
    ${cleared.join("\n    ")}
    updated_at = clock_timestamp()
  from locked where upload.id = locked.id and (
    locked.status = 'pending'
    or locked.status in ${IN_PROGRESS} and coalesce(locked.lease_until <= clock_timestamp(), true)
    ${taken[mode]}
  )
  returning upload.*
)
select 'claimed' as outcome, fence, null::float8 as "retryAfterMs", ${SELECT_UPLOAD} from claimed
union all
select case when status in ${SETTLED} then 'settled' else 'busy' end, fence,
  (extract(epoch from lease_until - clock_timestamp()) * 1000)::float8, ${SELECT_UPLOAD}
from locked where not exists (select from claimed)`;
  return { text, values };
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

export function listUploads(
  table: Table,
  batchId: string,
  { after, limit, statuses }: { after?: number | undefined; limit: number; statuses?: readonly string[] | undefined },
): Statement {
  const { values, bind } = parameters();
  const conditions = [`batch_id = ${bind(batchId)}`];
  if (after !== undefined) conditions.push(`sequence > ${bind(after)}::bigint`);
  // Not `status = any(…)`: with stale statistics the planner takes the index on the status for it, and every page then
  // sorts all that is left of the batch.
  if (statuses !== undefined) conditions.push(`array_position(${bind(statuses)}::text[], status) is not null`);
  const text = `select ${SELECT_UPLOAD} from ${table.sql}
where ${conditions.join(" and ")} order by sequence limit ${bind(limit)}::bigint`;
  return { text, values };
}

export function updateBatch(
  table: Table,
  ...[id, { status }, expected]: Parameters<BatchRepositoryAdapter["updateBatch"]>
): Statement {
  const { values, bind } = parameters();
  const text = `${lock(table, bind(id), "id, status")},
written as (
  update ${table.sql} as batch set status = coalesce(${bind(status ?? null)}::text, batch.status), updated_at = clock_timestamp()
  from locked where batch.id = locked.id ${expected ? `and locked.status = any(${bind(expected)}::text[])` : ""}
  returning 1
)
${WRITE_OUTCOME}`;
  return { text, values };
}

function leaseUntil(milliseconds: string): string {
  return `clock_timestamp() + ${milliseconds}::float8 * interval '1 millisecond'`;
}
