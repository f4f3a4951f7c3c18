import type { UploadChanges } from "../contracts/repository.js";
import type { UploadDraft, UploadRecord } from "../contracts/upload.js";

/** What stages have made: the checkpoints of an upload, wherever they are stored. */
export interface Results {
  thumbnailKey?: string;
  description?: string;
  embedding?: number[];
  /** Own keys alone. */
  metadata?: Record<string, unknown>;
  aiVersion?: string;
}

const FIELDS = ["thumbnailKey", "description", "embedding", "metadata", "aiVersion"] as const;

/** Adds results to others: a later one replaces an earlier one, metadata key by key. */
export function addResults(to: Results, more: Results): void {
  const { metadata } = to;
  Object.assign(to, more);
  if (metadata !== undefined && more.metadata !== undefined) to.metadata = Object.assign({}, metadata, more.metadata);
}

export function isEmpty(results: Results): boolean {
  for (const field of FIELDS) if (results[field] !== undefined) return false;
  return true;
}

/** The results in parts that a store may refuse one by one. */
export function partsOf(results: Results): Results[] {
  const { metadata = {}, ...fields } = results;
  const parts: Results[] = Object.entries(fields).map(([field, value]) => ({ [field]: value }));
  for (const [key, value] of Object.entries(metadata)) parts.push({ metadata: { [key]: value } });
  return parts;
}

/** Takes the metadata keys of these parts out. */
export function leaveOut(results: Results, parts: readonly Results[]): void {
  if (results.metadata === undefined) return;
  const keys = parts.flatMap(({ metadata }) => Object.keys(metadata ?? {}));
  results.metadata = Object.fromEntries(Object.entries(results.metadata).filter(([key]) => !keys.includes(key)));
}

/** What the results of a row are as checkpoints: those of its draft where it has one. */
export function resultsOf(source: UploadRecord | UploadDraft): Results {
  const results: Results = {};
  if (source.thumbnailKey) results.thumbnailKey = source.thumbnailKey;
  if (source.description) results.description = source.description;
  if (source.embedding?.length) results.embedding = source.embedding as number[];
  if (source.metadata != null) results.metadata = source.metadata as Record<string, unknown>;
  if (source.aiVersion) results.aiVersion = source.aiVersion;
  return results;
}

/** The row as it is after a write: `metadata` and `draft` are merged key by key. */
export function withChanges<U extends UploadRecord>(upload: U, changes: UploadChanges): U {
  // Not `{ ...a, ...b }`: V8 adds properties to what it has cloned 20 times more slowly (3.7 µs; Node 20).
  const changed = Object.assign({}, upload, changes) as U & UploadChanges;
  if (changes.metadata != null) changed.metadata = Object.assign({}, upload.metadata, changes.metadata);
  if (changes.draft != null) changed.draft = Object.assign({}, upload.draft, changes.draft);
  return changed;
}
