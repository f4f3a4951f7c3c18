import { ConfigurationError } from "../../errors.js";

/**
 * How embeddings are stored: `"pgvector"` as its `vector`, `"array"` as `real[]`, `"auto"` as the first where it can be had.
 * A table that exists keeps its column; to change it, stop the processes and run
 * `alter table … alter column embedding type vector using embedding::vector`.
 */
export type VectorKind = "auto" | "pgvector" | "array";

/** The name of a table, ready to be put into SQL. */
export interface Table {
  /** Quoted, with its schema where one was given. */
  readonly sql: string;
  /** The quoted name of one of its indexes, which PostgreSQL puts into the schema of the table. */
  readonly index: (suffix: string) => string;
}

export interface Schema {
  readonly uploads: Table;
  readonly batches: Table;
  readonly vector: VectorKind;
  readonly dimensions: number | undefined;
}

const NAME = /^[\p{L}_][\p{L}\p{N}_-]*$/u;
/** PostgreSQL cuts names at 63 bytes without an error: this leaves room for the longest suffix of an index. */
const MAX_BYTES = 50;

/** Reads a table's name, plain or as `schema.table`. Upper and lower case are kept. */
export function readTable(option: string, name: unknown): Table {
  const parts = typeof name === "string" ? name.split(".") : [];
  const [table, schema, ...more] = parts.reverse();
  const sound = (part: string) => NAME.test(part) && Buffer.byteLength(part) <= MAX_BYTES;
  if (table === undefined || more.length > 0 || !parts.every(sound))
    throw new ConfigurationError(
      `${option}: expected a name such as "uploads" or "media.uploads" of letters, digits, "_" and "-", each part at most ${MAX_BYTES} bytes long, got ${JSON.stringify(name)}`,
    );
  return {
    sql: schema === undefined ? `"${table}"` : `"${schema}"."${table}"`,
    index: (suffix) => `"${table}_${suffix}"`,
  };
}

/** The SQL that creates what is missing, to be read and run by people and their migration tools. */
export function schemaSql(schema: Schema): string {
  return schema.vector === "auto"
    ? `${block(choosingStatements(schema))};\n`
    : `${statements(schema, schema.vector)}\n`;
}

/** The same as one statement, which takes its turn: `if not exists` alone fails now and then when two processes start at once. */
export function migration(schema: Schema): string {
  const turn = "perform pg_advisory_xact_lock(hashtextextended('upload-processor.migrate', 0));";
  return block(`${turn}\n${schema.vector === "auto" ? choosingStatements(schema) : statements(schema, schema.vector)}`);
}

function block(body: string): string {
  return `do $upload_processor$\nbegin\n${indent(body)}\nend\n$upload_processor$`;
}

/** A table that exists keeps the kind of column that it has. */
function choosingStatements(schema: Schema): string {
  const add = `alter table ${schema.uploads.sql} add column if not exists`;
  return `begin
  create extension if not exists vector;
exception when feature_not_supported or undefined_file or insufficient_privilege then
  null; -- pgvector is not to be had here
end;
${createTables(schema)}
if to_regtype('vector') is not null then
  ${add} ${embeddingColumn(schema, "pgvector")};
else
  ${add} ${embeddingColumn(schema, "array")};
end if;`;
}

function statements(schema: Schema, kind: "pgvector" | "array"): string {
  const tables = createTables(schema, embeddingColumn(schema, kind));
  return kind === "pgvector" ? `create extension if not exists vector;\n\n${tables}` : tables;
}

function embeddingColumn({ dimensions }: Schema, kind: "pgvector" | "array"): string {
  if (kind === "array") return "embedding real[]";
  return dimensions === undefined ? "embedding vector" : `embedding vector(${dimensions})`;
}

function createTables({ uploads, batches }: Schema, embedding?: string): string {
  return `create table if not exists ${batches.sql} (
  id text primary key,
  status text not null default 'pending'
    check (status in ('pending', 'processing', 'completed', 'failed', 'cancelled')),
  user_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index if not exists ${batches.index("status")} on ${batches.sql} (status, id);

create table if not exists ${uploads.sql} (
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
  fence bigint not null default 0,
  lease_until timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index if not exists ${uploads.index("batch_order")} on ${uploads.sql} (batch_id, sequence);
create index if not exists ${uploads.index("batch_status")} on ${uploads.sql} (batch_id, status);`;
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}
