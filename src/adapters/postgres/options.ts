import type { UploadRecord, UploadStatus } from "../../contracts/upload.js";
import { ConfigurationError } from "../../errors.js";
import { readTable, type Schema, type VectorKind } from "./schema.js";

/** What is asked of a client: `Pool`, `Client` and `PoolClient` of `pg` have it, and so has an embedded `PGlite`. */
export interface PostgresClient {
  readonly query: (text: string, values?: unknown[]) => Promise<{ rows: unknown[] }>;
}

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
}

/** An upload to be added: its status is `"pending"` unless it says otherwise. */
export type NewUpload = Omit<UploadRecord, "status"> & { readonly status?: UploadStatus | undefined };

/** The options, checked and complete. */
export function readOptions(
  client: PostgresClient,
  { tables = {}, dimensions, vector = "auto" }: PostgresRepositoryOptions,
): Schema {
  if (typeof client?.query !== "function")
    throw new ConfigurationError(
      `client: expected a Pool or Client of pg, or a PGlite, with a function "query", got ${client === null ? "null" : typeof client}`,
    );
  if (vector !== "auto" && vector !== "pgvector" && vector !== "array")
    throw new ConfigurationError(`vector: expected "auto", "pgvector" or "array", got ${JSON.stringify(vector)}`);
  if (dimensions !== undefined && !(Number.isInteger(dimensions) && dimensions >= 1 && dimensions <= 16_000))
    throw new ConfigurationError(`dimensions: expected an integer from 1 to 16000, got ${String(dimensions)}`);
  return {
    uploads: readTable("tables.uploads", tables.uploads ?? "upload_processor_uploads"),
    batches: readTable("tables.batches", tables.batches ?? "upload_processor_batches"),
    vector,
    dimensions,
  };
}
