export const BATCH = "batch";
export const TABLES = { uploads: "invoice.uploads", batches: "invoice.batches" } as const;

/** What a worker is told, as JSON. */
export interface InvoicePlan {
  readonly url: string;
  /** Of the model service. */
  readonly service: string;
  /** Where the service writes its bill, and the workers what they have booked: one file, so that it has one order. */
  readonly book: string;
  readonly concurrency: number;
  readonly leaseMs: number;
}

/** One line of the book. */
export interface Line {
  /**
   * `billed` by the service when a call arrives; `booked` by a worker's ledger; `acknowledged`: the result is stored; `cut`: the call
   * was cut off before its answer; `lost`: the upload is somebody else's.
   */
  readonly event: "billed" | "booked" | "acknowledged" | "cut" | "lost";
  /** Unlike that of every other call; empty where a worker does not know it. */
  readonly call: string;
  readonly stage: string;
  readonly id: string;
  readonly pid: number;
  /** In whole cents, so that sums are exact. */
  readonly cost: number;
}

/** What the service is asked, and what it answers. */
export interface Question {
  readonly call: string;
  readonly stage: "describe" | "embed";
  readonly id: string;
  readonly pid: number;
}

export interface Answer {
  readonly usage: { readonly cost: number };
  readonly error?: string;
  readonly text?: string;
  readonly vector?: readonly number[];
}
