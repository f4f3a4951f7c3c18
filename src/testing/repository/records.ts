import assert from "node:assert/strict";
import type { UploadRecord } from "../../contracts/upload.js";
import { assertEqual } from "../assert-equal.js";
import type { Setup } from "./fixture.js";

export const ERROR = { errorCode: "DESCRIBE_FAILED", errorStage: "describe", errorMessage: "503 from the model" };
export const NO_ERROR = { errorCode: null, errorStage: null, errorMessage: null };

/** Fields with a value that a claim or a careless write could lose. */
export function checkpoints(vector: readonly number[]) {
  return {
    thumbnailKey: "thumbnails/1.jpg",
    description: "A cat asleep on a keyboard",
    embedding: [...vector],
    metadata: { camera: "X100", tags: ["cat"] },
    aiVersion: "model-1/prompt-2",
  };
}

/** An upload in which every field has a value, and the batch that it names. */
export async function everyField<U extends UploadRecord>(setup: Setup<U>): Promise<UploadRecord> {
  const { addUploads, newUpload, newBatch, knows, userId, vector } = setup;
  const upload = newUpload({
    status: "failed",
    batchId: knows.batches ? await newBatch() : null,
    userId: userId ?? "user-1",
    fileName: "cat.jpg",
    mimeType: "image/jpeg",
    fileSize: 5_000_000_000, // more than a 32-bit integer holds
    ...checkpoints(vector()),
    ...ERROR,
    starts: 2,
    draft: {
      was: "failed",
      redo: "redo-1",
      keeps: "same-version",
      metadata: { media: { width: 1 } },
      embedding: [0.5],
    },
  });
  await addUploads([upload]);
  return upload;
}

/** Compares the named fields alone. "No value" may be `null` or `undefined`; a vector may have passed through 32-bit floats. */
export function assertFields(actual: UploadRecord, expected: Partial<UploadRecord>, hint?: string): void {
  for (const key of Object.keys(expected) as (keyof UploadRecord)[]) {
    const value = actual[key] ?? null;
    const wanted = expected[key] ?? null;
    if (key === "embedding" && wanted !== null) assertVector(actual.embedding, expected.embedding ?? []);
    else assertEqual(value, wanted, `${key} of the upload${hint === undefined ? "" : `: ${hint}`}`);
  }
}

const FIELDS = [
  "id",
  "storageKey",
  "status",
  "batchId",
  "userId",
  "fileName",
  "fileSize",
  "mimeType",
  "thumbnailKey",
  "description",
  "embedding",
  "metadata",
  "aiVersion",
  "errorCode",
  "errorStage",
  "errorMessage",
  "starts",
  "draft",
] as const satisfies readonly (keyof UploadRecord)[];

/** Compares all that the library knows of an upload: a store may keep a time of its own with every write. */
export function assertUnchanged(actual: UploadRecord, before: UploadRecord): void {
  assertFields(actual, Object.fromEntries(FIELDS.map((field) => [field, before[field]])));
}

export function idsOf(records: readonly { readonly id: string }[]): string[] {
  return records.map(({ id }) => id);
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
