import type { BatchRepositoryAdapter, ClaimOutcome, WriteOutcome } from "../contracts/repository.js";
import type { BatchRecord, UploadStatus } from "../contracts/upload.js";
import { type PostgresUpload, SELECT_UPLOAD, toUpload, type UploadRow } from "./postgres/columns.js";
import {
  type NewUpload,
  type PostgresClient,
  type PostgresRepositoryOptions,
  readOptions,
} from "./postgres/options.js";
import type { Statement } from "./postgres/parameters.js";
import { migration, schemaSql, type VectorKind } from "./postgres/schema.js";
import { findSimilar } from "./postgres/similar.js";
import * as statements from "./postgres/statements.js";

export type { NewUpload, PostgresClient, PostgresRepositoryOptions, PostgresUpload, VectorKind };

export interface SimilarUpload {
  readonly upload: PostgresUpload;
  /** Cosine: 1 for the same direction, 0 for unrelated ones, -1 for the opposite. */
  readonly similarity: number;
}

/** What {@link postgresRepository} offers besides the contract. */
export interface PostgresRepository extends BatchRepositoryAdapter<PostgresUpload> {
  readonly claimUpload: NonNullable<BatchRepositoryAdapter<PostgresUpload>["claimUpload"]>;
  /** Creates the tables and indexes that are missing. May run at every start, and in several processes at once. */
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
   * Answers with the upload as it was, or `null` when there is none. Afterwards call `abortUpload`, and delete its
   * `thumbnailKey` from the storage.
   */
  readonly deleteUpload: (id: string) => Promise<PostgresUpload | null>;
  /** The uploads whose embeddings are nearest by cosine, best first. Embeddings of another length are passed over. */
  readonly findSimilar: (
    vector: ArrayLike<number>,
    options: { limit: number; batchId?: string | undefined; userId?: string | undefined },
  ) => Promise<SimilarUpload[]>;
}

const INSERTED_AT_ONCE = 500;

/**
 * Uploads and batches in PostgreSQL (tested with 15 and 18) or in an embedded PGlite. Claims are atomic, and their leases
 * run by the database's clock, so any number of processes may share the work. Every call is one statement.
 *
 * There is no foreign key, so uploads may come before their batch; and no vector index, because one is slow to fill and
 * the exact nearest of some thousand rows take milliseconds. Beyond that, set `dimensions` and add one yourself:
 * `create index concurrently on upload_processor_uploads using hnsw (embedding vector_cosine_ops)`.
 *
 * @param client a `Pool`; a single `Client` does one statement at a time, which is for transactions
 * @throws ConfigurationError when an option is not what it should be
 * @example
 * const repository = postgresRepository(new pg.Pool({ connectionString }));
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
  const uploads = schema.uploads;
  const batches = schema.batches.sql;
  let columnKind: Promise<"pgvector" | "array"> | undefined;

  async function rowsOf<Row>(text: string, values: unknown[] = []): Promise<Row[]> {
    const { rows } = await client.query(text, values);
    return rows as Row[];
  }

  async function firstOf<Row>(text: string, values: unknown[]): Promise<Row | undefined> {
    return (await rowsOf<Row>(text, values))[0];
  }

  async function uploadOf(text: string, id: string): Promise<PostgresUpload | null> {
    const row = await firstOf<UploadRow>(text, [id]);
    return row === undefined ? null : toUpload(row);
  }

  async function write({ text, values }: Statement): Promise<WriteOutcome> {
    const row = await firstOf<{ outcome: WriteOutcome }>(text, values);
    return row?.outcome ?? "deleted";
  }

  async function findColumnKind(): Promise<"pgvector" | "array"> {
    const text = `select format_type(atttypid, null) as type from pg_attribute
where attrelid = to_regclass($1) and attname = 'embedding'`;
    const column = await firstOf<{ type: string }>(text, [uploads.sql]);
    return column?.type.endsWith("[]") ? "array" : "pgvector";
  }

  return {
    async migrate() {
      await client.query(migration(schema));
    },

    schemaSql: () => schemaSql(schema),

    async addUploads(added) {
      for (let start = 0; start < added.length; start += INSERTED_AT_ONCE) {
        const { text, values } = statements.insertUploads(uploads, added.slice(start, start + INSERTED_AT_ONCE));
        await client.query(text, values);
      }
    },

    async addBatch({ id, status = "pending", userId = null }) {
      await client.query(`insert into ${batches} (id, status, user_id) values ($1, $2, $3)`, [id, status, userId]);
    },

    findUpload: (id) => uploadOf(`select ${SELECT_UPLOAD} from ${uploads.sql} where id = $1`, id),

    deleteUpload: (id) => uploadOf(`delete from ${uploads.sql} where id = $1 returning ${SELECT_UPLOAD}`, id),

    updateUpload: (id, changes, claim) => write(statements.updateUpload(uploads, id, changes, claim)),

    async claimUpload(id, request) {
      const { text, values } = statements.claimUpload(uploads, id, request);
      const answer = await firstOf<UploadRow & ClaimAnswer>(text, values);
      if (answer === undefined) return { outcome: "deleted" };
      const { outcome, fence, retryAfterMs, ...row } = answer;
      if (outcome === "claimed") return { outcome, upload: toUpload(row), fence: Number(fence) };
      if (outcome === "settled") return { outcome, upload: toUpload(row) };
      // The lease may have run out between the decision and this figure; a caller that came back at once would spin.
      return { outcome, retryAfterMs: Math.max(1, Math.ceil(retryAfterMs ?? 0)) };
    },

    async findSimilar(vector, wanted) {
      columnKind ??= findColumnKind();
      columnKind.catch(() => {
        columnKind = undefined;
      });
      const { text, values } = findSimilar(uploads, await columnKind, vector, wanted);
      const rows = await rowsOf<UploadRow & { similarity: number }>(text, values);
      // A vector of zeros has no direction: pgvector answers with NaN.
      return rows.map(({ similarity, ...row }) => ({ upload: toUpload(row), similarity: similarity || 0 }));
    },

    async findBatch(id) {
      const text = `select id, status, user_id as "userId" from ${batches} where id = $1`;
      return (await firstOf<BatchRecord>(text, [id])) ?? null;
    },

    updateBatch: (id, changes, expected) => write(statements.updateBatch(schema.batches, id, changes, expected)),

    async listUploads(batchId, { after, ...page }) {
      const { text, values } = statements.listUploads(uploads, batchId, { ...page, after: after?.sequence });
      return (await rowsOf<UploadRow>(text, values)).map(toUpload);
    },

    async countUploads(batchId) {
      const text = `select status, count(*)::integer as count from ${uploads.sql} where batch_id = $1 group by status`;
      const rows = await rowsOf<{ status: UploadStatus; count: number }>(text, [batchId]);
      return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
    },

    // By id, because that is all that a batch has and keeps: its status will have changed when the next page is asked for.
    listBatches({ status, after, limit }) {
      const text = `select id, status, user_id as "userId" from ${batches}
where status = $1 and ($2::text is null or id > $2) order by id limit $3`;
      return rowsOf<BatchRecord>(text, [status, after?.id ?? null, limit]);
    },
  };
}

/** What a claim is answered with besides the columns of the upload. */
interface ClaimAnswer {
  readonly outcome: Exclude<ClaimOutcome["outcome"], "deleted">;
  readonly fence: string | number;
  readonly retryAfterMs: number | null;
}
