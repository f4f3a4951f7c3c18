import type { BatchWriteOutcome, ClaimOutcome, WriteOutcome } from "../contracts/repository.js";
import type { UploadRecord, UploadStatus } from "../contracts/upload.js";
import { ConfigurationError } from "../errors.js";
import { expected } from "../validate.js";

/**
 * What repositories answer is checked before anything is built on it. A driver hands out a bigint as a text, a vector or JSON too:
 * such an answer looks right, and has claims refused, pages read for ever and sums put together of texts.
 */
const STATUSES = ["pending", "analyzing", "embedding", "completed", "failed"] as const satisfies UploadStatus[];

/**
 * Fields that a driver may hand out as a text, and what makes them what they are. Metadata may be a text in one row alone: that
 * upload fails by it.
 */
const PARSED = {
  embedding: ["an array of numbers or null", "JSON.parse(row.embedding)"],
  draft: ["an object or null", "JSON.parse(row.draft)"],
} as const;

/** @throws ConfigurationError unless the outcome is one of a write to an upload */
export function requireOutcome(outcome: WriteOutcome): void {
  if (outcome === "saved" || outcome === "deleted" || outcome === "stale" || outcome === "cancelled") return;
  throw expected("repository.updateUpload", 'the answer "saved", "deleted", "stale" or "cancelled"', outcome);
}

/** @throws ConfigurationError unless the outcome is one of a write to a batch */
export function requireBatchOutcome(outcome: BatchWriteOutcome): void {
  if (outcome === "saved" || outcome === "deleted" || outcome === "stale") return;
  throw expected("repository.updateBatch", 'the answer "saved", "deleted" or "stale"', outcome);
}

/** @throws ConfigurationError unless it is an answer to a claim, with a fence that can be compared */
export function requireClaim(answer: ClaimOutcome<UploadRecord>): void {
  switch (answer?.outcome) {
    case "claimed":
      requireFields("repository.claimUpload", answer.upload);
      if (!Number.isSafeInteger(answer.fence))
        throw expected(
          "repository.claimUpload",
          "an answer with a fence that is an integer, as Number(row.fence) where the driver makes a text or a BigInt of it",
          answer.fence,
        );
      return;
    case "settled":
      requireFields("repository.claimUpload", answer.upload);
      return;
    case "busy":
      if (answer.retryAfterMs != null && !Number.isFinite(answer.retryAfterMs))
        throw expected("repository.claimUpload", "retryAfterMs to be milliseconds or undefined", answer.retryAfterMs);
      return;
    case "deleted":
    case "cancelled":
      return;
    default:
      throw expected(
        "repository.claimUpload",
        'an answer with outcome "claimed", "settled", "busy", "deleted" or "cancelled"',
        answer,
      );
  }
}

/** @throws ConfigurationError unless it is a record or null */
export function requireFound(member: string, record: object | null): void {
  if (record === null) return;
  if (typeof record !== "object") throw expected(`repository.${member}`, "a record or null", record);
  if (member === "findUpload") requireFields("repository.findUpload", record);
}

/**
 * @throws ConfigurationError unless it is a page of records behind `after`: one that stands still would be asked for again and
 *   again
 */
export function requirePage(
  member: "listUploads" | "listBatches",
  records: readonly { readonly id: string }[],
  { after, limit }: { readonly after?: { readonly id: string }; readonly limit: number },
): void {
  const name = `repository.${member}`;
  if (!Array.isArray(records)) throw expected(name, "an array of records", records);
  if (records.length > limit)
    throw new ConfigurationError(`${name}: expected at most ${limit} records (page.limit), got ${records.length}`);
  for (const record of records) requireListed(name, record);
  const last: { readonly id: string } | undefined = records.at(-1);
  if (after !== undefined && last?.id === after.id)
    throw new ConfigurationError(
      `${name}: expected the records behind page.after, which is ${JSON.stringify(after.id)}, got a page that ends with it`,
    );
}

function requireListed(name: string, record: unknown): void {
  const id = typeof record === "object" && record !== null ? (record as { id?: unknown }).id : undefined;
  if (typeof id !== "string" || id === "") throw expected(name, "records with an id that is a text", id ?? record);
  requireFields(name, record as object);
}

/** @throws ConfigurationError unless it has numbers by status */
export function requireCounts(counts: Partial<Record<UploadStatus, number>>): void {
  if (typeof counts !== "object" || counts === null)
    throw expected("repository.countUploads", "an object with numbers by status", counts);
  for (const status of STATUSES) {
    const count: unknown = counts[status];
    if (count == null || (Number.isSafeInteger(count) && Number(count) >= 0)) continue;
    const what = "an integer of at least 0, as Number(row.count) where the driver makes a text or a BigInt of it";
    throw expected("repository.countUploads", `${status} to be ${what}`, count);
  }
}

/** @throws ConfigurationError for a field that is still a text */
function requireFields(name: string, record: object): void {
  const fields = record as Readonly<Record<keyof typeof PARSED, unknown>> | null | undefined;
  for (const field of ["embedding", "draft"] as const) {
    const value = fields?.[field];
    if (value === null || value === undefined || typeof value === "object") continue;
    const [what, remedy] = PARSED[field];
    throw expected(name, `a record whose ${field} is ${what}, as ${remedy} where the driver makes a text of it`, value);
  }
}
