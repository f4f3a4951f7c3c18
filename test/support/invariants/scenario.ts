import fc from "fast-check";
import type { RerunMode, UploadRecord } from "../../../src/index.js";

/** What happens to a worker, or to an upload, at some moment. */
export interface Action {
  readonly atMs: number;
  readonly kind:
    | ("delete" | "abort" | "add" | "cancel" | "pause" | "resume" | "restart" | "crash" | "signal")
    | (RerunMode | "undo");
  readonly worker: number;
  /** Of a rerun: its name. */
  readonly upload: number;
}

/** A batch and what befalls it. Plain JSON: it is also how a failure is repeated. */
export interface Scenario {
  readonly uploads: readonly (
    | ("pending" | "interrupted" | "described" | "embedded" | "completed" | "failed")
    | ("redone" | "interrupted redo" | "failed redo")
  )[];
  readonly workers: number;
  readonly concurrency: number;
  readonly maxAttempts: number;
  /** Whether the repository knows claims; without them one worker works at a time. */
  readonly claims: boolean;
  /** 0 to 1: how many calls of an adapter go wrong. */
  readonly faults: number;
  readonly seed: number;
  readonly actions: readonly Action[];
}

const seed = fc.integer({ min: 1, max: 2 ** 31 - 1 });

export const scenarios: fc.Arbitrary<Scenario> = fc
  .record({
    uploads: fc.array(
      fc.constantFrom(
        ...(["pending", "pending", "pending", "interrupted", "described", "embedded", "completed", "failed"] as const),
        ...(["redone", "interrupted redo", "failed redo"] as const),
      ),
      { minLength: 1, maxLength: 12 },
    ),
    workers: fc.integer({ min: 1, max: 3 }),
    concurrency: fc.integer({ min: 1, max: 4 }),
    maxAttempts: fc.integer({ min: 1, max: 3 }),
    claims: fc.constantFrom(true, true, true, false),
    faults: fc.constantFrom(0, 0.02, 0.1, 0.3),
    seed,
    actions: fc.array(
      fc.record({
        atMs: fc.integer({ min: 0, max: 30_000 }),
        kind: fc.constantFrom(
          ...(["delete", "abort", "add", "cancel", "pause", "resume", "restart", "crash", "signal"] as const),
          ...(["retry", "reprocess", "reprocess-all", "undo"] as const),
        ),
        worker: fc.nat(2),
        upload: fc.nat(11),
      }),
      { maxLength: 6 },
    ),
  })
  .map((scenario) => (scenario.claims ? scenario : { ...scenario, workers: 1 }));

/** Whether anybody does again what is settled. */
export function reruns({ actions }: Scenario): boolean {
  return actions.some(({ kind }) => kind === "retry" || kind.startsWith("reprocess"));
}

/** A batch with one upload in it that takes its worker down whenever it is described. */
export interface PoisonScenario {
  readonly uploads: number;
  readonly poison: number;
  readonly workers: number;
  readonly concurrency: number;
  readonly maxStarts: number;
  readonly seed: number;
}

export const poisonScenarios: fc.Arbitrary<PoisonScenario> = fc
  .record({
    uploads: fc.integer({ min: 1, max: 30 }),
    poison: fc.nat(29),
    workers: fc.integer({ min: 1, max: 3 }),
    concurrency: fc.integer({ min: 1, max: 8 }),
    // After 1 start, whatever was in work beside the poison would be quarantined, too.
    maxStarts: fc.integer({ min: 2, max: 4 }),
    seed,
  })
  .map((scenario) => ({ ...scenario, poison: scenario.poison % scenario.uploads }));

/** The record that an upload begins as. */
export function recordOf(kind: Scenario["uploads"][number], index: number): UploadRecord {
  const base = { id: `u${index}`, storageKey: `k${index}`, batchId: "b" } as const;
  const result = { description: "before", embedding: [1] };
  switch (kind) {
    case "pending":
      return { ...base, status: "pending" };
    case "interrupted":
      return { ...base, status: "analyzing", starts: 1 };
    case "described":
      return { ...base, status: "embedding", starts: 1, description: "before" };
    case "embedded":
      return { ...base, status: "pending", description: "before", embedding: [1] };
    case "completed":
      return { ...base, ...result, status: "completed" };
    case "failed":
      return { ...base, status: "failed", errorCode: "DESCRIBE_FAILED" };
    case "redone":
      return { ...base, ...result, status: "pending", draft: { was: "completed", redo: "redo 0" } };
    case "interrupted redo": {
      const draft = { was: "completed", redo: "redo 1", keeps: "same-version", description: "a text" } as const;
      return { ...base, ...result, status: "embedding", starts: 1, draft };
    }
    case "failed redo": {
      const draft = { was: "completed", redo: "redo 2", keeps: "all" } as const;
      return { ...base, ...result, status: "completed", errorCode: "DESCRIBE_FAILED", draft };
    }
  }
}
