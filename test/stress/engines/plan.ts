import type { PostgresUpload } from "../../../src/adapters/postgres.js";
import type { Plugin, RepositoryAdapter, UploadAdapters } from "../../../src/index.js";

export const BATCH = "batch";

/** What a worker is told, as JSON. */
export interface EnginePlan {
  readonly engine: string;
  readonly redis: string;
  readonly postgres: string;
  /** The name of the queue, and of the schema of the tables. */
  readonly name: string;
  readonly ledger: string;
  /** Uploads in work at once, of each worker. */
  readonly concurrency: number;
  /** Of the claim, and of the engine's lock, in milliseconds. */
  readonly leaseMs: number;
  readonly describeMs: number;
  readonly graceMs: number;
}

/** What a worker is given besides its adapters. */
export interface Told {
  readonly plugins: readonly Plugin<PostgresUpload>[];
  readonly onBatchSettled: () => void;
}

/** What the stress needs of an engine. */
export interface Engine {
  /** How long a worker has to be frozen before the engine takes its jobs away, in milliseconds, where that is longer than the lease. */
  readonly frozenMs?: number;
  readonly enqueue: (plan: EnginePlan, ids: readonly string[]) => Promise<void>;
  readonly work: (
    plan: EnginePlan,
    adapters: UploadAdapters<PostgresUpload> & { readonly repository: RepositoryAdapter<PostgresUpload> },
    told: Told,
  ) => Promise<{ readonly close: () => Promise<void> }>;
  /** How the jobs have ended. */
  readonly ended: (plan: EnginePlan) => Promise<{ readonly completed: number; readonly failed: number }>;
  readonly remove: (plan: EnginePlan) => Promise<void>;
}

/** One line of the ledger. */
export interface Entry {
  readonly event: "begun" | "acknowledged" | "batch settled";
  /** Of the upload, or of the batch. */
  readonly id: string;
  readonly pid: number;
}

export function tablesOf({ name }: Pick<EnginePlan, "name">) {
  return { uploads: `${name}.uploads`, batches: `${name}.batches` };
}
