import { encodeVector, SELECT_UPLOAD } from "./columns.js";
import { parameters, type Statement } from "./parameters.js";
import type { Table } from "./schema.js";

/** The exact nearest by cosine. The rows are picked before they are read: most of an upload is its embedding. */
export function findSimilar(
  table: Table,
  kind: "pgvector" | "array",
  vector: ArrayLike<number>,
  { limit, batchId, userId }: { limit: number; batchId?: string | undefined; userId?: string | undefined },
): Statement {
  const { values, bind } = parameters();
  // A typed parameter is parsed once; a cast of text would be, for every row.
  const direction = bind(encodeVector(unit(vector), kind === "pgvector" ? "[]" : "{}"));
  const length = bind(vector.length);
  const conditions = [
    kind === "pgvector" ? `vector_dims(embedding) = ${length}` : `cardinality(embedding) = ${length}`,
  ];
  if (batchId !== undefined) conditions.push(`batch_id = ${bind(batchId)}`);
  if (userId !== undefined) conditions.push(`user_id = ${bind(userId)}`);
  const distance =
    kind === "pgvector"
      ? `embedding <=> ${direction}::vector`
      : `(select 1 - coalesce(sum(a::float8 * b) / nullif(sqrt(sum(a::float8 * a)), 0), 0) from unnest(embedding, ${direction}::real[]) as pair(a, b))`;
  const text = `select ${SELECT_UPLOAD}, 1 - distance as similarity
from (
  select *, ${distance} as distance from ${table.sql} where ${conditions.join(" and ")}
  order by distance limit ${bind(limit)}::bigint
) as nearest
order by distance`;
  return { text, values };
}

/** Scaled to length 1, so that no component is lost in the precision of a real. */
function unit(vector: ArrayLike<number>): number[] {
  const values = Array.from(vector);
  const length = Math.hypot(...values) || 1;
  return values.map((value) => value / length);
}
