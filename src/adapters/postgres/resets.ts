import type { UploadSelection } from "../../contracts/repository.js";
import type { RerunMode } from "../../contracts/upload.js";
import { stored } from "./columns.js";
import { IN_PROGRESS, parameters, SETTLED, type Statement } from "./parameters.js";
import type { Schema } from "./schema.js";
import { conditionsOf } from "./selection.js";

/** The rows are locked in the order of creation and the batches in that of their ids, so that two resets never wait for each other. */
export function resetUploads(schema: Schema, selection: UploadSelection, how: RerunMode, redo: string): Statement {
  const { values, bind } = parameters();
  const name = `${bind(redo)}::text`;
  const conditions = [
    ...conditionsOf(selection, bind),
    `status in ${SETTLED}`,
    `draft->>'redo' is distinct from ${name}`,
    `metadata->>'redo' is distinct from ${name}`,
  ];
  if (how === "retry" && !wantsCompleted(selection)) conditions.push("(status = 'failed' or error_code is not null)");
  const { uploads, batches } = schema;
  const text = `with chosen as (
  select id from ${uploads.sql} where ${conditions.join(" and ")} order by sequence for update
),
reset as (
  update ${uploads.sql} as upload set
    status = 'pending', starts = 0, lease_until = null, updated_at = clock_timestamp(),
    ${how === "retry" ? retried(name) : `draft = ${newDraft(how, name)}`}
  from chosen where upload.id = chosen.id
  returning upload.batch_id
),
opened as (
  update ${batches.sql} as batch set status = 'processing', updated_at = clock_timestamp()
  from (
    select id from ${batches.sql} where id in (select batch_id from reset) order by id for update
  ) as affected
  where batch.id = affected.id
)
select count(*)::text as count from reset`;
  return { text, values, isLong: true };
}

/** A finished upload needs a reason to be tried again: its last redo failed, or it lacks what was asked for. */
function wantsCompleted(selection: UploadSelection): boolean {
  const named = "statuses" in selection && selection.statuses?.includes("completed") === true;
  return named && "missing" in selection;
}

function retried(name: string): string {
  return `draft = case
      when upload.draft is not null then upload.draft || jsonb_build_object('redo', ${name})
      when upload.status = 'completed' then jsonb_build_object('was', upload.status, 'redo', ${name}, 'keeps', 'all')
    end,
    metadata = case
      when upload.draft is null and upload.status = 'failed'
        then ${stored("metadata")} || jsonb_build_object('redo', ${name})
      else upload.metadata
    end`;
}

function newDraft(how: "reprocess" | "reprocess-all", name: string): string {
  const keeps = how === "reprocess" ? ", 'keeps', 'same-version'" : "";
  return `jsonb_build_object('was', coalesce(upload.draft->>'was', upload.status), 'redo', ${name}${keeps}) || ${LEFTOVERS}`;
}

/** The keys of the pictures that a draft names, which is not gone on with; none without a draft. */
const LEFTOVERS = `jsonb_strip_nulls(jsonb_build_object('leftovers', nullif(
      jsonb_path_query_array(upload.draft, '$.thumbnailKey')
        || jsonb_path_query_array(upload.draft, '$.metadata.media.renditions.*.key')
        || jsonb_path_query_array(upload.draft, '$.leftovers[*]'),
      '[]'::jsonb
    )))`;

/** A higher fence makes the writes of a holder whose lease ran out come too late. */
export function undoResets({ uploads }: Schema, selection: UploadSelection): Statement {
  const { values, bind } = parameters();
  const conditions = [
    ...conditionsOf(selection, bind),
    "draft is not null",
    `(status not in ${IN_PROGRESS} or coalesce(lease_until <= clock_timestamp(), true))`,
  ];
  const kept = (column: string) => `case upload.draft->>'was' when 'completed' then null else upload.${column} end`;
  const text = `with chosen as (
  select id from ${uploads.sql} where ${conditions.join(" and ")} order by sequence for update
),
undone as (
  update ${uploads.sql} as upload set
    status = upload.draft->>'was', draft = null, starts = 0, fence = upload.fence + 1, lease_until = null,
    error_code = ${kept("error_code")},
    error_stage = ${kept("error_stage")},
    error_message = ${kept("error_message")},
    updated_at = clock_timestamp()
  from chosen where upload.id = chosen.id
  returning 1
)
select count(*)::text as count from undone`;
  return { text, values, isLong: true };
}
