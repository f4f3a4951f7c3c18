/** What a worker on PostgreSQL is told, as JSON. */
export interface RedoPlan {
  readonly url: string;
  /** Of its own for each history that is played at the same time. */
  readonly schema: string;
  /** The folder of the originals and the thumbnails. */
  readonly objects: string;
  readonly ledger: string;
  /** Of the model that is deployed. */
  readonly version: string;
  readonly concurrency: number;
  readonly leaseMs: number;
}

export const BATCH = "batch";

export const tablesIn = (schema: string) => ({ uploads: `${schema}.uploads`, batches: `${schema}.batches` });
