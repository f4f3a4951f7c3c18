import type { Statement } from "./parameters.js";
import { parameters } from "./parameters.js";
import { SELECT_UPLOAD } from "./rows.js";
import type { Table } from "./schema.js";
import { isText } from "./selection.js";
import { encodeVector } from "./values.js";

/** pgvector makes an index over a `vector` of at most so many dimensions, and over a `halfvec` of twice as many. */
const INDEXED_AS_VECTOR = 2000;
const INDEXED_AS_HALFVEC = 4000;
/** So many times as many rows are compared again by their full precision as are asked for. */
const CANDIDATES = 4;

/** What the column of the embeddings is, and what pgvector can do. */
export interface EmbeddingColumn {
  readonly kind: "pgvector" | "array";
  /** Of a column that takes one length alone. */
  readonly dimensions: number | undefined;
  readonly halfvec: boolean;
  /** From pgvector 0.8 on an index goes on searching until enough rows pass the filter. */
  readonly iterative: boolean;
}

export interface Wanted {
  readonly limit: number;
  readonly batchId?: string | undefined;
  readonly userId?: string | undefined;
}

export function lookAtColumn(table: Table): Statement {
  const text = `select format_type(atttypid, atttypmod) as type,
  (to_regtype('halfvec') is not null)::text as halfvec,
  (select extversion from pg_extension where extname = 'vector') as version
from pg_attribute where attrelid = to_regclass($1::text) and attname = 'embedding'`;
  return { text, values: [table.sql] };
}

export function columnOf(
  row: { readonly type: string; readonly halfvec: string; readonly version: string | null } | undefined,
): EmbeddingColumn {
  const { type = "", halfvec = "false", version = "" } = row ?? {};
  const dimensions = /vector\((\d+)\)$/.exec(type)?.[1];
  const [major = 0, minor = 0] = (version ?? "").split(".").map(Number);
  return {
    kind: type.endsWith("[]") ? "array" : "pgvector",
    dimensions: dimensions === undefined ? undefined : Number(dimensions),
    halfvec: halfvec === "true",
    iterative: major > 0 || minor >= 8,
  };
}

/**
 * The nearest by cosine, whatever their status. Over a column of fixed dimensions the order is by the expression that an
 * index is made over, and nothing else, so that PostgreSQL takes that index where there is one.
 */
export function findSimilar(
  table: Table,
  column: EmbeddingColumn,
  vector: ArrayLike<number>,
  { limit, batchId, userId }: Wanted,
): Statement {
  const { values, bind } = parameters();
  const isArray = column.kind === "array";
  // A typed parameter is parsed once; a cast of text would be, for every row.
  const given = `${bind(encodeVector(unit(vector), isArray ? "{}" : "[]"))}::${isArray ? "real[]" : "vector"}`;
  const wanted = "(select direction from wanted)";
  const conditions = ["embedding is not null"];
  if (column.dimensions === undefined)
    conditions.push(`${isArray ? "cardinality" : "vector_dims"}(embedding) = ${bind(vector.length)}::integer`);
  if (batchId !== undefined) conditions.push(isText("batch_id", batchId, bind));
  if (userId !== undefined) conditions.push(isText("user_id", userId, bind));
  const distance = isArray
    ? `(select 1 - coalesce(sum(a::float8 * b) / nullif(sqrt(sum(a::float8 * a)), 0), 0) from unnest(embedding, ${wanted}) as pair(a, b))`
    : `embedding <=> ${wanted}`;
  const found = Math.max(0, Math.floor(limit));
  const half = halfvecOf(column);
  const nearest = half
    ? `select *, ${distance} as distance from (
    select * from ${table.sql} where ${conditions.join(" and ")}
    order by embedding::${half} <=> (select direction::${half} from wanted) limit ${found * CANDIDATES}
  ) as candidates`
    : `select *, ${distance} as distance from ${table.sql} where ${conditions.join(" and ")}`;
  // The rows are picked before they are read: most of an upload is its embedding.
  const text = `with wanted as materialized (select ${searching(column, given, found)} as direction)
select ${SELECT_UPLOAD}, (1 - distance)::text as similarity
from (
  ${nearest}
  order by distance limit ${found}
) as nearest
order by distance`;
  return { text, values, isLong: true };
}

function halfvecOf({ kind, dimensions = 0, halfvec }: EmbeddingColumn): string | undefined {
  const fits = kind === "pgvector" && dimensions > INDEXED_AS_VECTOR && dimensions <= INDEXED_AS_HALFVEC;
  return fits && halfvec ? `halfvec(${dimensions})` : undefined;
}

/**
 * By itself an hnsw index stops after its 40 nearest, before they are filtered. So the settings of its search go with the
 * statement, and are over with it: they are read when the search begins, which is after the vector to search for is known.
 */
function searching({ kind, dimensions, iterative }: EmbeddingColumn, given: string, found: number): string {
  if (kind === "array" || dimensions === undefined || !iterative) return given;
  const settings = {
    "hnsw.iterative_scan": "strict_order",
    "hnsw.max_scan_tuples": String(2 ** 31 - 1),
    "hnsw.ef_search": String(Math.min(1000, Math.max(40, found * CANDIDATES))),
  };
  const set = Object.entries(settings).map(([name, value]) => `set_config('${name}', '${value}', true) is not null`);
  return `case when ${set.join(" and ")} then ${given} end`;
}

/** Scaled to length 1, so that no component is lost in the precision of a real. */
function unit(vector: ArrayLike<number>): number[] {
  const values = Array.from(vector);
  const length = Math.hypot(...values) || 1;
  return values.map((value) => value / length);
}
