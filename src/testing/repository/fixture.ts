import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { BatchRepositoryAdapter, ClaimOutcome, RepositoryAdapter } from "../../contracts/repository.js";
import type { BatchRecord, Mode, UploadRecord, UploadStatus } from "../../contracts/upload.js";
import { assertEqual } from "../assert-equal.js";
import type { RepositoryContractOptions } from "../repository-contract.js";

/** A repository under test, and what the tests do behind its back. */
export interface RepositoryFixture<U extends UploadRecord = UploadRecord> {
  readonly repository: RepositoryAdapter<U> & Partial<BatchRepositoryAdapter<U>>;
  /** Stores new records in the given order of creation, each with all its fields. */
  readonly addUploads: (uploads: readonly UploadRecord[]) => Promise<void>;
  readonly deleteUpload: (id: string) => Promise<unknown>;
  /** Needed unless `batches` is `false`. */
  readonly addBatch?: ((batch: BatchRecord) => Promise<void>) | undefined;
  /** Moves the store's clock on, in milliseconds. @default waits as long */
  readonly advance?: ((ms: number) => Promise<void> | void) | undefined;
}

/** A fixture with everything in it that the tests call. */
export interface Setup<U extends UploadRecord> {
  readonly repository: BatchRepositoryAdapter<U>;
  readonly claim: (id: string, request?: Partial<{ leaseMs: number; mode: Mode }>) => Promise<ClaimOutcome<U>>;
  /** A claim that has to be granted. */
  readonly granted: (
    id: string,
    request?: Partial<{ leaseMs: number; mode: Mode }>,
  ) => Promise<{ upload: U; fence: number }>;
  /** The record, which has to be there. */
  readonly read: (id: string) => Promise<U>;
  /** Adds one upload, pending unless `fields` say otherwise, and answers with its id. */
  readonly add: (fields?: Partial<UploadRecord>) => Promise<string>;
  readonly addUploads: (uploads: readonly UploadRecord[]) => Promise<void>;
  readonly deleteUpload: (id: string) => Promise<unknown>;
  readonly addBatch: (batch: BatchRecord) => Promise<void>;
  readonly advance: (ms: number) => Promise<void>;
  /** An embedding of the length that the store takes. */
  readonly vector: (first?: number) => number[];
}

/** Where tests are registered. */
export interface Bench<U extends UploadRecord> {
  readonly test: (name: string, body: (setup: Setup<U>) => Promise<void>) => void;
}

export const STATUSES = ["pending", "analyzing", "embedding", "completed", "failed"] as const satisfies UploadStatus[];
export const MODES = ["continue", "retry-failed", "reprocess"] as const satisfies Mode[];

/** Longer than any test takes: no lease of this length runs out by accident. */
export const LONG_MS = 60_000;
/** A lease that is meant to run out, and the wait after which it certainly has. */
export const SHORT_MS = 150;
export const PAST_SHORT_MS = 250;

/** Never used before, in this run or another. */
export function newId(): string {
  return randomUUID();
}

export function createBench<U extends UploadRecord>(options: RepositoryContractOptions<U>): Bench<U> {
  return {
    test(name, body) {
      options.test(name, async () => {
        const fixture = await options.create();
        await body(createSetup(fixture, options));
      });
    },
  };
}

function createSetup<U extends UploadRecord>(
  fixture: RepositoryFixture<U>,
  { batches = true, claims = true, dimensions = 3 }: RepositoryContractOptions<U>,
): Setup<U> {
  const { repository, addUploads, deleteUpload, addBatch, advance = sleep } = fixture;
  const needed = [
    ...(claims ? (["claimUpload"] as const) : []),
    ...(batches ? (["findBatch", "updateBatch", "listUploads", "countUploads", "listBatches"] as const) : []),
  ];
  for (const member of needed)
    assert.equal(typeof repository[member], "function", `repository.${member} has to be a function`);
  if (batches) assert.equal(typeof addBatch, "function", "the fixture needs addBatch");

  const claim: Setup<U>["claim"] = (id, { leaseMs = LONG_MS, mode = "continue" } = {}) => {
    assert.ok(repository.claimUpload);
    return repository.claimUpload(id, { leaseMs, mode });
  };
  return {
    repository: repository as BatchRepositoryAdapter<U>,
    claim,
    async granted(id, request) {
      const answer = await claim(id, request);
      assert.equal(answer.outcome, "claimed");
      return answer;
    },
    async read(id) {
      const upload = await repository.findUpload(id);
      assert.ok(upload, `upload ${id} has to be there`);
      return upload;
    },
    async add(fields) {
      const upload = newUpload(fields);
      await addUploads([upload]);
      return upload.id;
    },
    addUploads,
    deleteUpload,
    addBatch: async (batch) => addBatch?.(batch),
    advance: async (ms) => {
      await advance(ms);
    },
    vector: (first = 1) => Array.from({ length: dimensions }, (_, index) => (index === 0 ? first : 0.5 / index)),
  };
}

/** A pending upload with a new id. */
export function newUpload(fields: Partial<UploadRecord> = {}): UploadRecord {
  const id = newId();
  return { id, storageKey: `originals/${id}.jpg`, status: "pending", ...fields };
}

/** Fields with a value that a claim or a careless write could lose. */
export function checkpoints(vector: readonly number[]): Partial<UploadRecord> {
  return {
    thumbnailKey: "thumbnails/1.jpg",
    description: "A cat asleep on a keyboard",
    embedding: vector,
    metadata: { camera: "X100", tags: ["cat"] },
    aiVersion: "model-1/prompt-2",
  };
}

/** Compares the named fields alone. "No value" may be `null` or `undefined`; a vector may have passed through 32-bit floats. */
export function assertFields(actual: UploadRecord, expected: Partial<UploadRecord>): void {
  for (const key of Object.keys(expected) as (keyof UploadRecord)[]) {
    const value = actual[key] ?? null;
    const wanted = expected[key] ?? null;
    if (key === "embedding" && wanted !== null) assertVector(actual.embedding, expected.embedding ?? []);
    else assertEqual(value, wanted, `${key} of the upload`);
  }
}

const FIELDS = [
  ...(["id", "storageKey", "status", "batchId", "userId", "fileName", "fileSize", "mimeType"] as const),
  ...(["thumbnailKey", "description", "embedding", "metadata", "aiVersion"] as const),
  ...(["errorCode", "errorStage", "errorMessage", "starts"] as const),
];

/** Compares all that the library knows of an upload: a store may keep a time of its own with every write. */
export function assertUnchanged(actual: UploadRecord, before: UploadRecord): void {
  assertFields(actual, Object.fromEntries(FIELDS.map((field) => [field, before[field]])));
}

function assertVector(actual: ArrayLike<number> | null | undefined, expected: readonly number[]): void {
  assert.ok(Array.isArray(actual), "an embedding has to come back as an array of numbers");
  assert.equal(actual.length, expected.length, "length of the embedding");
  expected.forEach((value, index) => {
    const difference = Math.abs(actual[index] - value);
    assert.ok(
      difference <= 1e-6 * Math.max(1, Math.abs(value)),
      `embedding[${index}] is ${actual[index]}, not ${value}`,
    );
  });
}
