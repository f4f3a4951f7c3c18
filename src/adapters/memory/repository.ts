import type { BatchRepositoryAdapter, UploadChanges } from "../../contracts/repository.js";
import type { BatchRecord, UploadDraft, UploadRecord, UploadStatus } from "../../contracts/upload.js";
import { ConfigurationError, unknownOption } from "../../errors.js";
import { copyOf } from "./copy.js";
import { cosine } from "./cosine.js";
import { reset, undo } from "./resets.js";
import { begun, changed, isFenced, isHeld, isInProgress, isLate, isSettled, present, type Row } from "./rules.js";
import { selector } from "./selection.js";

/**
 * The record that comes back for records like `U`: `U` itself where it is wide enough for all that the library writes;
 * else, as when it was inferred from `{ id, storageKey, status: "pending" }`, with the library's own fields in their place.
 */
export type StoredUpload<U extends UploadRecord> =
  Required<Written> extends { [Field in keyof Written]: Field extends keyof U ? U[Field] : never }
    ? U
    : UploadRecord & Omit<U, keyof UploadRecord>;

/** What is in a record when the library has written it: the parts of a draft have become one. */
type Written = Omit<UploadChanges, "draft"> & { draft?: UploadDraft | null };

export interface MemoryRepositoryOptions<U extends UploadRecord = UploadRecord> {
  /** What it holds at first, oldest first. */
  readonly uploads?: readonly U[] | undefined;
  readonly batches?: readonly BatchRecord[] | undefined;
  /** The clock that leases run by, in milliseconds: tests can hand in their own. @default Date.now */
  readonly now?: (() => number) | undefined;
}

/** What {@link memoryRepository} offers besides the contract. */
export interface MemoryRepository<U extends UploadRecord = UploadRecord> extends BatchRepositoryAdapter<U> {
  readonly claimUpload: NonNullable<BatchRepositoryAdapter<U>["claimUpload"]>;
  readonly resetUploads: NonNullable<BatchRepositoryAdapter<U>["resetUploads"]>;
  /** @throws ConfigurationError when one of the ids was used before, also by an upload that is deleted; then none is added */
  readonly addUploads: (uploads: readonly U[]) => Promise<void>;
  /** @throws ConfigurationError when there is a batch with this id */
  readonly addBatch: (batch: BatchRecord) => Promise<void>;
  /** Answers with the upload as it was, or `null` when there is none: its `thumbnailKey` is left to be deleted. */
  readonly deleteUpload: (id: string) => Promise<U | null>;
  /**
   * The uploads whose embeddings are nearest by cosine, best first, whatever their status: what is being done again is found
   * by its old result. Embeddings of another length are passed over.
   */
  readonly findSimilar: (
    vector: ArrayLike<number>,
    options: { limit: number; batchId?: string | undefined; userId?: string | undefined },
  ) => Promise<{ upload: U; similarity: number }[]>;
}

function listOf<T>(name: string, given: readonly T[] | undefined): readonly T[] {
  if (given === undefined) return [];
  if (Array.isArray(given) && given.every((one) => typeof one?.id === "string")) return given;
  throw new ConfigurationError(`memoryRepository.${name}: expected an array of records with ids`);
}

const OPTIONS: readonly string[] = ["uploads", "batches", "now"];

/**
 * A repository in memory, for tests, demos and small tools. It knows claims and leases like a database does; what it hands
 * out are snapshots, and what is handed in is copied.
 *
 * @throws ConfigurationError when two of the records have the same id, or for an option that does not exist
 * @example
 * const repository = memoryRepository({
 *   uploads: [{ id: "1", storageKey: "originals/cat.jpg", status: "pending" }],
 * });
 */
export function memoryRepository<U extends UploadRecord = UploadRecord>(
  options?: MemoryRepositoryOptions<U>,
): MemoryRepository<StoredUpload<U>>;
export function memoryRepository(options: MemoryRepositoryOptions = {}): MemoryRepository {
  for (const option of Object.keys(options))
    if (!OPTIONS.includes(option)) throw unknownOption("memoryRepository", option, OPTIONS);
  const now = options.now ?? Date.now;
  /** By creation; a deleted row leaves a gap, and its id keeps its place, so that it is still good as a cursor. */
  const rows: (Row | undefined)[] = [];
  const places = new Map<string, number>();
  const batches = new Map<string, BatchRecord>();

  const rowOf = (id: string) => rows[places.get(id) ?? -1];

  function addUploads(uploads: readonly UploadRecord[]): void {
    const ids = new Set<string>();
    for (const { id } of uploads) {
      if (places.has(id) || ids.has(id))
        throw new ConfigurationError(`uploads: expected ids that were never used, got "${id}"`);
      ids.add(id);
    }
    for (const upload of uploads)
      places.set(upload.id, rows.push({ upload: copyOf(upload), fence: 0, token: null, leaseUntil: null }) - 1);
  }

  function addBatch(batch: BatchRecord): void {
    if (batches.has(batch.id))
      throw new ConfigurationError(`batches: expected an id that was never used, got "${batch.id}"`);
    batches.set(batch.id, copyOf(batch));
  }

  const isCancelled = ({ batchId }: UploadRecord) => batches.get(batchId ?? "")?.status === "cancelled";

  addUploads(listOf("uploads", options.uploads));
  for (const batch of listOf("batches", options.batches)) addBatch(batch);

  // None of these waits between reading and writing, which makes each of them one atomic step.
  return {
    addUploads: async (uploads) => addUploads(uploads),
    addBatch: async (batch) => addBatch(batch),

    async findUpload(id) {
      const row = rowOf(id);
      return row === undefined ? null : copyOf(row.upload);
    },

    async updateUpload(id, changes, claim) {
      const row = rowOf(id);
      if (row === undefined) return "deleted";
      if (claim === undefined ? isLate(row.upload, changes) : isFenced(row, changes, claim.fence)) return "stale";
      row.upload = changed(row.upload, copyOf(changes));
      if (!isInProgress(row.upload.status)) row.leaseUntil = null;
      else if (claim?.leaseMs !== undefined) row.leaseUntil = now() + claim.leaseMs;
      return claim?.leaseMs !== undefined && isCancelled(row.upload) ? "cancelled" : "saved";
    },

    async claimUpload(id, { leaseMs, token }) {
      const row = rowOf(id);
      if (row === undefined) return { outcome: "deleted" };
      const { status } = row.upload;
      if (isSettled(status)) return { outcome: "settled", upload: copyOf(row.upload) };
      const repeated = row.token === token;
      if (!(repeated && isInProgress(status))) {
        if (isHeld(row, now())) return { outcome: "busy", retryAfterMs: (row.leaseUntil ?? 0) - now() };
        // The claim that this was sent for has ended: whoever asks anew has another token.
        if (repeated) return { outcome: "busy", retryAfterMs: 1 };
        if (isCancelled(row.upload)) return { outcome: "cancelled" };
        row.upload = begun(row.upload);
        row.fence++;
        row.token = token;
      }
      row.leaseUntil = now() + leaseMs;
      return { outcome: "claimed", upload: copyOf(row.upload), fence: row.fence };
    },

    async resetUploads(selection, how, redo) {
      const isSelected = selector(selection);
      let count = 0;
      for (const row of rows) {
        if (row === undefined || !isSelected(row.upload)) continue;
        if (how === "undo") {
          if (undo(row, now())) count++;
          continue;
        }
        const upload = reset(row.upload, selection, how, redo);
        if (upload === undefined) continue;
        row.upload = upload;
        count++;
        const batch = batches.get(upload.batchId ?? "");
        if (batch !== undefined) batches.set(batch.id, { ...batch, status: "processing" });
      }
      return count;
    },

    async deleteUpload(id) {
      const row = rowOf(id);
      if (row === undefined) return null;
      rows[places.get(id) ?? -1] = undefined;
      return row.upload;
    },

    async findSimilar(vector, { limit, batchId, userId }) {
      const scored: { upload: UploadRecord; similarity: number }[] = [];
      for (const row of rows) {
        if (row?.upload.embedding?.length !== vector.length) continue;
        const { upload } = row;
        if (batchId !== undefined && upload.batchId !== batchId) continue;
        if (userId !== undefined && upload.userId !== userId) continue;
        scored.push({ upload, similarity: cosine(vector, upload.embedding ?? []) });
      }
      return copyOf(scored.sort((a, b) => b.similarity - a.similarity).slice(0, limit));
    },

    async findBatch(id) {
      return copyOf(batches.get(id) ?? null);
    },

    async updateBatch(id, changes, expected) {
      const batch = batches.get(id);
      if (batch === undefined) return "deleted";
      if (expected !== undefined && !expected.includes(batch.status)) return "stale";
      batches.set(id, { ...batch, ...present(changes) });
      return "saved";
    },

    async listUploads(selection, { after, limit }) {
      const isSelected = selector(selection);
      const page: UploadRecord[] = [];
      for (let place = after === undefined ? 0 : placeOf(after.id) + 1; place < rows.length; place++) {
        if (page.length >= limit) break;
        const upload = rows[place]?.upload;
        if (upload !== undefined && isSelected(upload)) page.push(copyOf(upload));
      }
      return page;
    },

    async countUploads(selection) {
      const isSelected = selector(selection);
      const counts: Partial<Record<UploadStatus, number>> = {};
      for (const row of rows) {
        if (row === undefined || !isSelected(row.upload)) continue;
        counts[row.upload.status] = (counts[row.upload.status] ?? 0) + 1;
      }
      return counts;
    },

    async listBatches({ status, after, limit }) {
      // By id, because that is all that a batch has and keeps: its status will have changed when the next page is asked for.
      return [...batches.values()]
        .filter((batch) => batch.status === status && (after === undefined || batch.id > after.id))
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, limit)
        .map(copyOf);
    },
  };

  function placeOf(id: string): number {
    const place = places.get(id);
    if (place === undefined)
      throw new ConfigurationError(`listUploads: expected a known upload as "after", got "${id}"`);
    return place;
  }
}
