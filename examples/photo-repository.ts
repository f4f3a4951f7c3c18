/** A repository over a table of your own, with your own names, as an ORM such as Prisma gives access to it. */
import type { Mode, RepositoryAdapter, UploadChanges, UploadRecord, UploadStatus } from "upload-processor";

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
  fence: number;
  leaseUntil: Date | null;
}

/** A row as the library reads it. */
export function toUpload(row: PhotoRow) {
  const { ownerId, path, bytes, thumbnail, caption, vector, fence, leaseUntil, ...same } = row;
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
function toColumns({ thumbnailKey, description, embedding, ...same }: UploadChanges) {
  return { ...same, thumbnail: thumbnailKey, caption: description, vector: embedding === null ? [] : embedding };
}

/** The part of `prisma.photo` that is needed; `updateManyAndReturn` came with Prisma 6.2. */
export interface PhotoTable {
  readonly findUnique: (query: { where: { id: string } }) => Promise<PhotoRow | null>;
  readonly updateManyAndReturn: (query: { where: PhotoFilter; data: PhotoData }) => Promise<PhotoRow[]>;
}

export interface PhotoFilter {
  id?: string;
  fence?: number;
  status?: UploadStatus | { in: readonly UploadStatus[] };
  leaseUntil?: null | { lte: Date };
  OR?: readonly PhotoFilter[];
}

type PhotoData = {
  [Column in keyof PhotoRow]?:
    | PhotoRow[Column]
    | (PhotoRow[Column] extends number ? { increment: number } : never)
    | undefined;
};

const IN_PROGRESS = ["analyzing", "embedding"] as const;
const TAKEN_AGAIN: Readonly<Record<Mode, readonly UploadStatus[]>> = {
  continue: [],
  "retry-failed": ["failed"],
  reprocess: ["failed", "completed"],
};
const NO_CHECKPOINTS = toColumns({ thumbnailKey: null, description: null, embedding: null, aiVersion: null });

/** A late write must not reopen what is settled, but a final one may be repeated. Without claims, work begins by a write. */
function writableStatuses({ status, starts }: UploadChanges, claimed: boolean): readonly UploadStatus[] {
  const same = status === undefined ? [] : [status];
  if (claimed) return [...IN_PROGRESS, ...same];
  const begins = status === "analyzing" && starts !== undefined;
  return ["pending", ...IN_PROGRESS, ...(begins ? (["completed", "failed"] as const) : same)];
}

/**
 * Every change is one conditional UPDATE, so of two processes only one gets an upload. Leases run by the clocks of your
 * machines: where those differ by seconds, write the claim in SQL, with the clock of the database.
 */
export function photoRepository(photos: PhotoTable) {
  return {
    async findUpload(id) {
      const row = await photos.findUnique({ where: { id } });
      return row && toUpload(row);
    },

    async updateUpload(id, changes, claim) {
      const status = { in: writableStatuses(changes, claim !== undefined) };
      const leaseUntil = claim?.leaseMs === undefined ? undefined : new Date(Date.now() + claim.leaseMs);
      const [row] = await photos.updateManyAndReturn({
        where: { id, status, ...(claim && { fence: claim.fence }) },
        data: { ...toColumns(changes), leaseUntil },
      });
      if (row) return "saved";
      return (await photos.findUnique({ where: { id } })) === null ? "deleted" : "stale";
    },

    async claimUpload(id, { leaseMs, mode }) {
      const now = Date.now();
      const lease: PhotoData = {
        ...{ status: "analyzing", fence: { increment: 1 }, leaseUntil: new Date(now + leaseMs) },
        ...{ errorCode: null, errorStage: null, errorMessage: null },
      };
      const nobodyHasIt = [{ leaseUntil: null }, { leaseUntil: { lte: new Date(now) } }];
      const open = { id, OR: [{ status: "pending" as const }, { status: { in: IN_PROGRESS }, OR: nobodyHasIt }] };
      const settled = { id, status: { in: TAKEN_AGAIN[mode] } };
      const cleared = mode === "reprocess" ? NO_CHECKPOINTS : {};
      let [row] = await photos.updateManyAndReturn({ where: open, data: { ...lease, starts: { increment: 1 } } });
      if (!row) [row] = await photos.updateManyAndReturn({ where: settled, data: { ...lease, ...cleared, starts: 1 } });
      if (row) return { outcome: "claimed", upload: toUpload(row), fence: row.fence };

      const found = await photos.findUnique({ where: { id } });
      if (found === null) return { outcome: "deleted" };
      const { status, leaseUntil } = found;
      if (status === "completed" || status === "failed") return { outcome: "settled", upload: toUpload(found) };
      return { outcome: "busy", retryAfterMs: Math.max(1, (leaseUntil?.getTime() ?? now) - now) };
    },
  } satisfies RepositoryAdapter<Photo>;
}
