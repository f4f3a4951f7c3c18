import { hasColumns, type Schema, type Step, steps } from "./schema.js";

/** The SQL that creates what is missing, to be read and run by people and their migration tools. */
export function schemaSql(schema: Schema): string {
  return schema.vector === "auto"
    ? `${block(choosing(schema))};\n`
    : `${extension(schema.vector)}${steps(schema, embeddingColumn(schema, schema.vector))
        .map(({ sql }) => sql)
        .join("\n\n")}\n`;
}

/**
 * The same as one statement, which takes its turn: `if not exists` alone fails now and then when two processes start at once.
 * It looks before it changes anything: `alter table` and `create index` wait for whoever uses the table, also when there is
 * nothing to do, and make all others wait behind them.
 */
export function migration(schema: Schema): string {
  const turn = "perform pg_advisory_xact_lock(hashtextextended('upload-processor.migrate', 0));";
  const body =
    schema.vector === "auto"
      ? choosing(schema)
      : `${extension(schema.vector)}${guarded(steps(schema, embeddingColumn(schema, schema.vector)))}`;
  return block(`${turn}\n${body}`);
}

function block(body: string): string {
  return `do $upload_processor$\nbegin\n${indent(body)}\nend\n$upload_processor$`;
}

/** A table that exists keeps the kind of column that it has. */
function choosing(schema: Schema): string {
  const add = `alter table ${schema.uploads.sql} add column if not exists`;
  return `begin
  create extension if not exists vector;
exception when feature_not_supported or undefined_file or insufficient_privilege then
  null; -- pgvector is not to be had here
end;
${guarded(steps(schema))}
if ${hasColumns(schema.uploads, ["embedding"])} then
  null;
elsif to_regtype('vector') is not null then
  ${add} ${embeddingColumn(schema, "pgvector")};
else
  ${add} ${embeddingColumn(schema, "array")};
end if;`;
}

function guarded(all: readonly Step[]): string {
  return all.map(({ there, sql }) => `if not (${there}) then\n${indent(sql)}\nend if;`).join("\n");
}

function extension(kind: "pgvector" | "array"): string {
  return kind === "pgvector" ? "create extension if not exists vector;\n\n" : "";
}

function embeddingColumn({ dimensions }: Schema, kind: "pgvector" | "array"): string {
  if (kind === "array") return "embedding real[]";
  return dimensions === undefined ? "embedding vector" : `embedding vector(${dimensions})`;
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}
