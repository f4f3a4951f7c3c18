import fc from "fast-check";

/** What happens to a worker, to an upload, or to all of them, at some moment. */
export interface Action {
  readonly atMs: number;
  readonly kind:
    | "reprocess"
    | "reprocess-all"
    | "retry"
    | "undo"
    | "deploy a model"
    | "kill"
    | "restart"
    | "abort"
    | "delete"
    | "cancel"
    | "model down"
    | "store down";
  readonly worker: number;
  readonly upload: number;
}

/** A batch that is done again and again, and what befalls it. Plain JSON: it is also how a failure is repeated. */
export interface History {
  readonly uploads: readonly ("completed" | "without embedding" | "failed" | "pending" | "stubborn")[];
  readonly workers: number;
  readonly concurrency: number;
  readonly maxAttempts: number;
  /** Whether the key of a thumbnail tells the version, so that a new one does not overwrite the old one. */
  readonly keyByVersion: boolean;
  /** 0 to 1: how many calls of the repository and of the storage go wrong. */
  readonly faults: number;
  readonly seed: number;
  readonly actions: readonly Action[];
}

export const histories: fc.Arbitrary<History> = fc.record({
  uploads: fc.array(
    fc.constantFrom("completed", "completed", "completed", "without embedding", "failed", "pending", "stubborn"),
    { minLength: 1, maxLength: 8 },
  ),
  workers: fc.integer({ min: 1, max: 2 }),
  concurrency: fc.integer({ min: 1, max: 4 }),
  maxAttempts: fc.integer({ min: 1, max: 2 }),
  keyByVersion: fc.boolean(),
  faults: fc.constantFrom(0, 0, 0.03),
  seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  actions: fc.array(
    fc.record({
      atMs: fc.integer({ min: 0, max: 15_000 }),
      kind: fc.constantFrom(
        "reprocess",
        "reprocess-all",
        "retry",
        "undo",
        "deploy a model",
        "deploy a model",
        "kill",
        "kill",
        "restart",
        "abort",
        "delete",
        "cancel",
        "model down",
        "store down",
      ),
      worker: fc.nat(1),
      upload: fc.nat(7),
    }),
    { maxLength: 12 },
  ),
});
