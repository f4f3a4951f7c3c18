import type { BatchRepositoryAdapter, BatchWriteOutcome } from "../contracts/repository.js";
import type { BatchRecord, UploadStatus } from "../contracts/upload.js";
import { ConfigurationError } from "../errors.js";
import { claimsOf } from "./postgres/claims.js";
import { connect } from "./postgres/client.js";
import { countUploads, listUploads } from "./postgres/lists.js";
import { migration, schemaSql } from "./postgres/migration.js";
import {
  type NewUpload,
  type PostgresClient,
  type PostgresRepositoryOptions,
  readOptions,
  requireUploads,
  requireVector,
  type VectorKind,
} from "./postgres/options.js";
import { resetUploads, undoResets } from "./postgres/resets.js";
import {
  type PostgresUpload,
  SELECT_BATCH,
  SELECT_UPLOAD,
  toBatch,
  toUpload,
  type UploadRow,
} from "./postgres/rows.js";
import { columnOf, type EmbeddingColumn, findSimilar, lookAtColumn } from "./postgres/similar.js";
import { canBeThere } from "./postgres/values.js";
import { insertUploads, updateBatch, writesOf } from "./postgres/writes.js";

export type { NewUpload, PostgresClient, PostgresRepositoryOptions, PostgresUpload, VectorKind };

export interface SimilarUpload {
  readonly upload: PostgresUpload;
  /** Cosine: 1 for the same direction, 0 for unrelated ones, -1 for the opposite. */
  readonly similarity: number;
}

/** What {@link postgresRepository} offers besides the contract. */
export interface PostgresRepository extends BatchRepositoryAdapter<PostgresUpload> {
  readonly claimUpload: NonNullable<BatchRepositoryAdapter<PostgresUpload>["claimUpload"]>;
  readonly resetUploads: NonNullable<BatchRepositoryAdapter<PostgresUpload>["resetUploads"]>;
  /** The option: vectors of another length are refused by the library before anything is paid. */
  readonly dimensions: number | undefined;
  /**
   * Creates the tables, columns and indexes that are missing, also in tables of an older edition: PostgreSQL writes such a
   * table anew, and nobody can use it meanwhile. May run at every start, and in several processes at once: where nothing is
   * missing, it waits for nobody.
   */
  readonly migrate: () => Promise<void>;
  /**
   * What `migrate` runs, as SQL for your own migrations. With `vector: "pgvector"` or `"array"` it is plain DDL; with
   * `"auto"` it decides when it runs.
   */
  readonly schemaSql: () => string;
  /** In order, 500 in a statement: for all or nothing, hand in a client with an open transaction. */
  readonly addUploads: (uploads: readonly NewUpload[]) => Promise<void>;
  readonly addBatch: (
    batch: Pick<BatchRecord, "id" | "userId"> & { readonly status?: BatchRecord["status"] | undefined },
  ) => Promise<void>;
  /**
   * Answers with the upload as it was, or `null` when there is none. Afterwards call `abortUpload`, and delete from the
   * storage what `derivedKeys` names of it.
   */
  readonly deleteUpload: (id: string) => Promise<PostgresUpload | null>;
  /**
   * The uploads whose embeddings are nearest by cosine, best first, whatever their status: what is being done again is found
   * by its old result. Embeddings of another length are passed over. Exact without an index, nearly so with one.
   */
  readonly findSimilar: (
    vector: ArrayLike<number>,
    options: { limit: number; batchId?: string | undefined; userId?: string | undefined },
  ) => Promise<SimilarUpload[]>;
}

const INSERTED_AT_ONCE = 500;

/**
 * Uploads and batches in PostgreSQL (tested with 15 and 18) or in an embedded PGlite. Claims are atomic, and their leases
 * run by the database's clock, so any number of processes may share the work. Every call is one statement, or part of one.
 * What the pool makes of numbers, times and JSON by parsers of your own does not matter here.
 *
 * The table of the uploads has a generated column `has_result`: completed, or being done again with the old result still in
 * the row. Galleries and searches filter by it, not by `status`.
 *
 * Give a `Pool` an `"error"` listener. Without one, an idle connection that is cut, as by a restart of the database, ends
 * the process.
 *
 * There is no foreign key, so uploads may come before their batch; and no vector index, because one is slow to fill and
 * the exact nearest of some thousand rows take milliseconds. Beyond that, set `dimensions` and add one yourself:
 * `create index concurrently on upload_processor_uploads using hnsw (embedding vector_cosine_ops)`, or from 2,001 to 4,000
 * dimensions `… using hnsw ((embedding::halfvec(3072)) halfvec_cosine_ops)`. With pgvector 0.8 or newer, `batchId`, `userId`
 * and a `limit` above 40 get all that they ask for from it.
 *
 * @param client a `Pool`; a single `Client` does one statement at a time, which is for transactions
 * @throws ConfigurationError when an option is not what it should be, or does not exist
 * @example
 * const pool = new pg.Pool({ connectionString, connectionTimeoutMillis: 10_000, keepAlive: true });
 * pool.on("error", (error) => logger.warn({ error }, "connection lost"));
 * const repository = postgresRepository(pool);
 * await repository.migrate();
 * await repository.addBatch({ id: "summer" });
 * await repository.addUploads([{ id: "1", batchId: "summer", storageKey: "originals/cat.jpg" }]);
 * await new BatchProcessor({ storage, ai, repository }).process("summer");
 * const [best] = await repository.findSimilar(await embed("a cat asleep"), { limit: 1 });
 */
export function postgresRepository(
  client: PostgresClient,
  options: PostgresRepositoryOptions = {},
): PostgresRepository {
  const schema = readOptions(client, options);
  const connection = connect(client, { prepare: options.prepare, logger: options.logger });
  const { rowsOf, firstOf } = connection;
  const { coalesce = true } = options;
  const claim = claimsOf(schema, connection, coalesce);
  const write = writesOf(schema, connection, coalesce);
  const uploads = schema.uploads;
  const batches = schema.batches.sql;
  let lookedAt: Promise<EmbeddingColumn> | undefined;

  async function uploadOf(text: string, id: string, often?: true): Promise<PostgresUpload | null> {
    if (!canBeThere(id)) return null;
    const row = await firstOf<UploadRow>(often ? { text, values: [id], often } : { text, values: [id] });
    return row === undefined ? null : toUpload(row);
  }

  /** Looked at once: a column does not change its type while processes are at work. */
  function embeddingColumn(): Promise<EmbeddingColumn> {
    if (lookedAt === undefined) {
      const looking = firstOf<NonNullable<Parameters<typeof columnOf>[0]>>(lookAtColumn(uploads)).then(columnOf);
      lookedAt = looking;
      looking.catch(() => {
        lookedAt = undefined;
      });
    }
    return lookedAt;
  }

  return {
    dimensions: schema.dimensions,

    async migrate() {
      await rowsOf({ text: migration(schema), values: [], isLong: true });
    },

    schemaSql: () => schemaSql(schema),

    async addUploads(added) {
      requireUploads(added);
      for (let start = 0; start < added.length; start += INSERTED_AT_ONCE)
        await rowsOf(insertUploads(uploads, added.slice(start, start + INSERTED_AT_ONCE)));
    },

    async addBatch({ id, status = "pending", userId = null }) {
      const text = `insert into ${batches} (id, status, user_id) values ($1, $2, $3)`;
      await rowsOf({ text, values: [id, status, userId] });
    },

    findUpload: (id) => uploadOf(`select ${SELECT_UPLOAD} from ${uploads.sql} where id = $1`, id, true),

    deleteUpload: (id) => uploadOf(`delete from ${uploads.sql} where id = $1 returning ${SELECT_UPLOAD}`, id),

    updateUpload: async (id, changes, fenced) => (canBeThere(id) ? write([id, changes, fenced]) : "deleted"),

    async claimUpload(id, request) {
      if (!canBeThere(id)) return { outcome: "deleted" };
      const answer = await claim([id, request]);
      if (answer === undefined) return { outcome: "deleted" };
      const { outcome, fence, retryAfterMs, ...row } = answer;
      if (outcome === "claimed") return { outcome, upload: toUpload(row), fence: Number(fence) };
      if (outcome === "settled") return { outcome, upload: toUpload(row) };
      if (outcome === "cancelled") return { outcome };
      // The lease may have run out between the decision and this figure; a caller that came back at once would spin.
      return { outcome, retryAfterMs: Math.max(1, Math.ceil(Number(retryAfterMs))) };
    },

    async resetUploads(selection, how, redo) {
      const statement = how === "undo" ? undoResets(schema, selection) : resetUploads(schema, selection, how, redo);
      return Number((await firstOf<{ count: string }>(statement))?.count);
    },

    async findSimilar(vector, wanted) {
      requireVector(vector);
      const column = await embeddingColumn();
      if (column.dimensions !== undefined && column.dimensions !== vector.length) return [];
      const rows = await rowsOf<UploadRow & { similarity: string }>(findSimilar(uploads, column, vector, wanted));
      return rows.map(({ similarity, ...row }) => {
        const value = Number(similarity);
        // A vector of zeros has no direction: pgvector answers with NaN.
        return { upload: toUpload(row), similarity: Number.isNaN(value) ? 0 : value };
      });
    },

    async findBatch(id) {
      if (!canBeThere(id)) return null;
      const text = `select ${SELECT_BATCH} from ${batches} where id = $1`;
      const batch = await firstOf<BatchRecord>({ text, values: [id], often: true });
      return batch === undefined ? null : toBatch(batch);
    },

    async updateBatch(id, changes, expected) {
      if (!canBeThere(id)) return "deleted";
      const row = await firstOf<{ outcome: BatchWriteOutcome }>(updateBatch(schema.batches, id, changes, expected));
      return row?.outcome ?? "deleted";
    },

    async listUploads(selection, { after, limit }) {
      if (after !== undefined && typeof after.sequence !== "number")
        throw new ConfigurationError(
          'listUploads: expected a record of this repository as "after", got one without sequence',
        );
      const statement = listUploads(uploads, selection, { after: after?.sequence ?? 0, limit });
      return (await rowsOf<UploadRow>(statement)).map(toUpload);
    },

    async countUploads(selection) {
      const rows = await rowsOf<{ status: UploadStatus; count: string }>(countUploads(uploads, selection));
      return Object.fromEntries(rows.map(({ status, count }) => [status, Number(count)]));
    },

    // By id, because that is all that a batch has and keeps: its status will have changed when the next page is asked for.
    async listBatches({ status, after, limit }) {
      const text = `select ${SELECT_BATCH} from ${batches}
where status = $1 and ($2::text is null or id > $2) order by id limit $3`;
      return (await rowsOf<BatchRecord>({ text, values: [status, after?.id ?? null, limit] })).map(toBatch);
    },
  };
}
