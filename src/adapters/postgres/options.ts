import type { Logger } from "../../contracts/logger.js";
import type { UploadRecord, UploadStatus } from "../../contracts/upload.js";
import { ConfigurationError, unknownOption } from "../../errors.js";
import type { Schema } from "./schema.js";
import { readTable } from "./tables.js";

/** What is asked of a client: `Pool`, `Client` and `PoolClient` of `pg` have it, and so has an embedded `PGlite`. */
export interface PostgresClient {
  readonly query: (text: string, values?: unknown[]) => Promise<{ rows: unknown[] }>;
}

/**
 * How embeddings are stored: `"pgvector"` as its `vector`, `"array"` as `real[]`, `"auto"` as the first where it can be had.
 * A table that exists keeps its column; to change it, stop the processes and run
 * `alter table … alter column embedding type vector using embedding::vector`.
 */
export type VectorKind = "auto" | "pgvector" | "array";

export interface PostgresRepositoryOptions {
  /**
   * The names of the tables, plain or with a schema, which has to exist: `"media.uploads"`.
   *
   * @default { uploads: "upload_processor_uploads", batches: "upload_processor_batches" }
   */
  readonly tables?: { readonly uploads?: string | undefined; readonly batches?: string | undefined } | undefined;
  /**
   * The length of every embedding. pgvector needs it for an index, and refuses others; without it, every length is taken.
   *
   * @default undefined
   */
  readonly dimensions?: number | undefined;
  /** What the embeddings of a new table are stored as: pgvector's `vector`, or `real[]`. @default "auto" */
  readonly vector?: VectorKind | undefined;
  /**
   * Whether the statements that are run for each upload are prepared by name, once per connection: about twice as fast. Say
   * `false` behind a pooler that hands out a connection per transaction and does not know prepared statements, as PgBouncer
   * before 1.21.
   *
   * @default true for a client of `pg`, false for others, as PGlite
   */
  readonly prepare?: boolean | undefined;
  /**
   * Whether claims and writes of this process that wait at the same time go in one statement, each granted, fenced and
   * answered by itself: fewer round trips and commits, so that more uploads at once are done in the same time. A call that
   * waits for nobody is sent at once; one whose row is locked by somebody else, or whose value is refused, is sent alone.
   *
   * @default true
   */
  readonly coalesce?: boolean | undefined;
  /** Is told, at the first statement and once, when the client is a `Pool` without an `"error"` listener. @default none */
  readonly logger?: Logger | undefined;
}

/** An upload to be added: its status is `"pending"` unless it says otherwise. */
export type NewUpload = Omit<UploadRecord, "status"> & { readonly status?: UploadStatus | undefined };

const OPTIONS = ["tables", "dimensions", "vector", "prepare", "coalesce", "logger"];
const TABLES = ["uploads", "batches"];

/** The options, checked and complete. */
export function readOptions(client: PostgresClient, options: PostgresRepositoryOptions): Schema {
  if (typeof client?.query !== "function")
    throw new ConfigurationError(
      `client: expected a Pool or Client of pg, or a PGlite, with a function "query", got ${client === null ? "null" : typeof client}`,
    );
  const { tables = {}, dimensions, vector = "auto", prepare, coalesce } = options;
  refuseUnknown("postgresRepository", options, OPTIONS);
  refuseUnknown("tables", tables, TABLES);
  if (vector !== "auto" && vector !== "pgvector" && vector !== "array")
    throw new ConfigurationError(`vector: expected "auto", "pgvector" or "array", got ${JSON.stringify(vector)}`);
  if (dimensions !== undefined && !(Number.isInteger(dimensions) && dimensions >= 1 && dimensions <= 16_000))
    throw new ConfigurationError(`dimensions: expected an integer from 1 to 16000, got ${String(dimensions)}`);
  if (prepare !== undefined && typeof prepare !== "boolean")
    throw new ConfigurationError(`prepare: expected a boolean, got ${JSON.stringify(prepare)}`);
  if (coalesce !== undefined && typeof coalesce !== "boolean")
    throw new ConfigurationError(`coalesce: expected a boolean, got ${JSON.stringify(coalesce)}`);
  return {
    uploads: readTable("tables.uploads", tables.uploads ?? "upload_processor_uploads"),
    batches: readTable("tables.batches", tables.batches ?? "upload_processor_batches"),
    vector,
    dimensions,
  };
}

/** @throws ConfigurationError unless they are in an array: of a single upload no row would be made, and nobody told */
export function requireUploads(uploads: unknown): void {
  if (!Array.isArray(uploads))
    throw new ConfigurationError(`addUploads: expected an array of uploads, got ${kindOf(uploads)}`);
}

/** @throws ConfigurationError unless it is a vector: to a text, nothing is near but to its embedding */
export function requireVector(vector: unknown): void {
  const isVector = typeof vector === "object" && vector !== null && "length" in vector;
  if (isVector && Array.from(vector as ArrayLike<unknown>).every(Number.isFinite)) return;
  const got = isVector ? "what is not all finite numbers" : kindOf(vector);
  throw new ConfigurationError(
    `findSimilar: expected a vector, as the embedding that the model makes of a text, got ${got}`,
  );
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function refuseUnknown(name: string, options: object, known: readonly string[]): void {
  for (const option of Object.keys(options)) if (!known.includes(option)) throw unknownOption(name, option, known);
}
