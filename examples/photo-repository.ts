/** A repository over a table of your own, with your own names, as an ORM such as Prisma gives access to it. */
import type { RepositoryAdapter, UploadChanges, UploadDraft, UploadRecord, UploadStatus } from "upload-processor";

/** A row as Prisma returns it. */
export interface PhotoRow {
  id: string;
  /** Of no concern to the library, and yet part of the records that you get back. */
  title: string;
  ownerId: string;
  path: string;
  bytes: bigint | null;
  thumbnail: string | null;
  caption: string | null;
  /** A list cannot be null in Prisma: empty stands for none. */
  vector: number[];
  // Where the names are your own choice, take those of the library.
  status: UploadStatus;
  batchId: string | null;
  fileName: string | null;
  mimeType: string | null;
  metadata: Record<string, unknown> | null;
  aiVersion: string | null;
  errorCode: string | null;
  errorStage: string | null;
  errorMessage: string | null;
  starts: number;
  /** What doing it again has made so far: JSON, like the metadata. */
  draft: UploadDraft | null;
  fence: number;
  claimToken: string | null;
  leaseUntil: Date | null;
  /** Counts every write, so that none is made over a row that has changed since it was read. */
  revision: number;
}

/** A row as the library reads it. */
export function toUpload(row: PhotoRow) {
  const { ownerId, path, bytes, thumbnail, caption, vector, fence, claimToken, leaseUntil, revision, ...same } = row;
  return {
    ...same,
    userId: ownerId,
    storageKey: path,
    fileSize: bytes === null ? null : Number(bytes),
    thumbnailKey: thumbnail,
    description: caption,
    embedding: vector.length > 0 ? vector : null,
  } satisfies UploadRecord;
}

export type Photo = ReturnType<typeof toUpload>;

/** The way back. What is absent comes out as `undefined`, and Prisma leaves that alone. */
function toColumns<Null>(
  row: PhotoRow,
  { thumbnailKey, description, embedding, metadata, draft, ...same }: UploadChanges,
  dbNull: Null,
) {
  return {
    ...same,
    thumbnail: thumbnailKey,
    caption: description,
    vector: embedding === null ? [] : embedding,
    // Merged: each key of theirs replaces the stored one, the others stay.
    metadata: metadata === null ? dbNull : metadata && { ...row.metadata, ...metadata },
    draft: draft === null ? dbNull : draft && Object.assign({}, row.draft, draft),
  };
}

/** The part of `prisma.photo` that is needed; `updateManyAndReturn` came with Prisma 6.2. */
export interface PhotoTable<Null> {
  readonly findUnique: (query: { where: { id: string } }) => Promise<PhotoRow | null>;
  readonly updateManyAndReturn: (query: {
    where: { id: string; revision: number };
    data: PhotoData<Null>;
  }) => Promise<PhotoRow[]>;
}

type Json = "metadata" | "draft";
type PhotoData<Null> = {
  [Column in keyof PhotoRow]?:
    | (Column extends Json ? NonNullable<PhotoRow[Column]> | Null : PhotoRow[Column])
    | undefined;
};

const isInProgress = (status: UploadStatus) => status === "analyzing" || status === "embedding";
const isSettled = (status: UploadStatus) => status === "completed" || status === "failed";

/** A late write must not change what is settled, but a final one may be repeated; without a claim, "pending" resets. */
function comesTooLate(row: PhotoRow, { status }: UploadChanges, fence: number | undefined): boolean {
  const same = status === row.status;
  if (fence !== undefined) return row.fence !== fence || !(isInProgress(row.status) || same);
  return isSettled(row.status) && !(status === undefined || same || status === "pending");
}

/**
 * Every change is a read and one conditional UPDATE, made again when somebody else was faster: so of two processes only one
 * gets an upload, and no write is lost. Leases run by the clocks of your machines: where those differ by seconds, write the
 * claim in SQL, with the clock of the database.
 *
 * `dbNull` is what empties a column of JSON: `Prisma.DbNull`, since Prisma refuses `null` there.
 *
 * There is no `resetUploads`: that has to be one statement, which an ORM does not offer. `src/contracts/repository.md` has it.
 */
export function photoRepository<Null>(photos: PhotoTable<Null>, dbNull: Null) {
  /** `decide` answers with what to write, or with the outcome where nothing is to be written; `null`: there is no such row. */
  async function change<Outcome>(
    id: string,
    decide: (row: PhotoRow) => { readonly data: PhotoData<Null> } | { readonly outcome: Outcome },
  ): Promise<{ readonly row: PhotoRow; readonly outcome?: Outcome } | null> {
    for (;;) {
      const row = await photos.findUnique({ where: { id } });
      if (row === null) return null;
      const decision = decide(row);
      if ("outcome" in decision) return { row, outcome: decision.outcome };
      const { revision } = row;
      const data = { ...decision.data, revision: revision + 1 };
      const [written] = await photos.updateManyAndReturn({ where: { id, revision }, data });
      if (written) return { row: written };
    }
  }

  return {
    async findUpload(id) {
      const row = await photos.findUnique({ where: { id } });
      return row && toUpload(row);
    },

    async updateUpload(id, changes, claim) {
      const changed = await change(id, (row) => {
        if (comesTooLate(row, changes, claim?.fence)) return { outcome: "stale" as const };
        const renewed = claim?.leaseMs === undefined ? undefined : new Date(Date.now() + claim.leaseMs);
        const leaseUntil = isInProgress(changes.status ?? row.status) ? renewed : null;
        return { data: { ...toColumns(row, changes, dbNull), leaseUntil } };
      });
      return changed === null ? "deleted" : (changed.outcome ?? "saved");
    },

    async claimUpload(id, { leaseMs, token }) {
      const now = Date.now();
      const changed = await change(id, (row) => {
        const { status } = row;
        if (isSettled(status)) return { outcome: "settled" as const };
        const leaseUntil = new Date(now + leaseMs);
        const repeated = row.claimToken === token;
        // The claim that the row is held by, sent again because its answer was lost: nothing is counted.
        if (repeated && isInProgress(status)) return { data: { leaseUntil } };
        const held = isInProgress(status) && row.leaseUntil !== null && row.leaseUntil.getTime() > now;
        if (repeated || held) return { outcome: "busy" as const };
        const counted = { starts: row.starts + 1, fence: row.fence + 1, claimToken: token };
        const cleared = { errorCode: null, errorStage: null, errorMessage: null };
        return { data: { ...counted, ...cleared, status: "analyzing", leaseUntil } };
      });
      if (changed === null) return { outcome: "deleted" };
      const { row, outcome } = changed;
      if (outcome === "settled") return { outcome, upload: toUpload(row) };
      if (outcome === "busy") return { outcome, retryAfterMs: Math.max(1, (row.leaseUntil?.getTime() ?? now) - now) };
      return { outcome: "claimed", upload: toUpload(row), fence: row.fence };
    },
  } satisfies RepositoryAdapter<Photo>;
}
