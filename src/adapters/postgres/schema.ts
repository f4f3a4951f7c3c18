import type { VectorKind } from "./options.js";
import { OPEN } from "./parameters.js";
import type { Table } from "./tables.js";

export type { Table };

export interface Schema {
  readonly uploads: Table;
  readonly batches: Table;
  readonly vector: VectorKind;
  readonly dimensions: number | undefined;
}

/** A statement of the schema, and the expression that tells whether what it makes is there. */
export interface Step {
  readonly there: string;
  readonly sql: string;
}

/** What the second edition added, also to tables of the first. PostgreSQL writes the whole table anew for `has_result`. */
const ADDED = [
  ["draft", "jsonb"],
  ["claim_token", "text"],
  [
    "has_result",
    "boolean generated always as (status = 'completed' or coalesce(draft->>'was' = 'completed', false)) stored",
  ],
] as const;

/** Tables, then the columns that an older table lacks, then indexes. Without `embedding`, that column is left out. */
export function steps({ uploads, batches }: Schema, embedding?: string): Step[] {
  return [
    {
      there: `to_regclass('${batches.sql}') is not null`,
      sql: `create table if not exists ${batches.sql} (
  id text primary key,
  status text not null default 'pending'
    check (status in ('pending', 'processing', 'completed', 'failed', 'cancelled')),
  user_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);`,
    },
    index(batches, "status", "(status, id)"),
    {
      there: `to_regclass('${uploads.sql}') is not null`,
      sql: `create table if not exists ${uploads.sql} (
  sequence bigint generated always as identity,
  id text primary key,
  storage_key text not null,
  status text not null default 'pending'
    check (status in ('pending', 'analyzing', 'embedding', 'completed', 'failed')),
  batch_id text,
  user_id text,
  file_name text,
  file_size bigint,
  mime_type text,
  thumbnail_key text,
  description text,${embedding === undefined ? "" : `\n  ${embedding},`}
  metadata jsonb,
  ai_version text,
  error_code text,
  error_stage text,
  error_message text,
  starts integer not null default 0,
${ADDED.map(([name, definition]) => `  ${name} ${definition},`).join("\n")}
  fence bigint not null default 0,
  lease_until timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);`,
    },
    {
      there: hasColumns(
        uploads,
        ADDED.map(([name]) => name),
      ),
      sql: `alter table ${uploads.sql}
${ADDED.map(([name, definition]) => `  add column if not exists ${name} ${definition}`).join(",\n")};`,
    },
    index(uploads, "batch_order", "(batch_id, sequence)"),
    index(uploads, "batch_status", "(batch_id, status)"),
    // What is open is asked for again and again, and is little of a table that has grown old.
    index(uploads, "batch_open", `(batch_id, sequence) where status in ${OPEN}`),
    // For pages of all batches. Not over the column itself: PostgreSQL would read those for the pages of one batch, too, for
    // they have the order that is asked for, and pass over what may be the whole table before it comes to that batch.
    index(uploads, "order", "((sequence + 0))"),
    index(uploads, "open", `((sequence + 0)) where status in ${OPEN}`),
  ];
}

function index(table: Table, suffix: string, what: string): Step {
  return {
    there: `to_regclass('${table.indexPath(suffix)}') is not null`,
    sql: `create index if not exists ${table.index(suffix)} on ${table.sql} ${what};`,
  };
}

export function hasColumns(table: Table, names: readonly string[]): string {
  return `(select count(*) from pg_attribute where attrelid = to_regclass('${table.sql}') and attname in (${names.map((name) => `'${name}'`).join(", ")})) = ${names.length}`;
}
