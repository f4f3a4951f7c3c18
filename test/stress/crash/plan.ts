import type { Store } from "./store.js";

export const BATCH = "batch";

/** What a worker is told, as JSON. */
export interface WorkerPlan {
  readonly store: Store;
  /** The folder of the originals and the thumbnails. */
  readonly objects: string;
  readonly ledger: string;
  readonly concurrency: number;
  readonly leaseMs: number;
  /** How long the model takes besides its computing, in milliseconds. */
  readonly describeMs: number;
  /** How long what is in flight may take after a SIGTERM, in milliseconds. */
  readonly graceMs: number;
}

/** One line of the ledger. */
export interface Entry {
  /** `lost`: the lease ran out on a worker that was kept from renewing it, which cut off what it was at. */
  readonly event: "begun" | "acknowledged" | "lost";
  readonly stage: "describe" | "embed";
  readonly id: string;
  readonly pid: number;
}
