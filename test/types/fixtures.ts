import type { AIAdapter, RepositoryAdapter, StorageAdapter, UploadRecord, UploadStatus } from "../../src/index.js";

/** A record with more than the library knows of. */
export interface Photo extends UploadRecord {
  readonly album: string;
  readonly createdAt: Date;
}

export declare const photo: Photo;
export declare const storage: StorageAdapter;
/** As the shipped adapters are: for any record. */
export declare const ai: AIAdapter;
export declare const repository: RepositoryAdapter<Photo>;

/** A row as Prisma's client types it: its own enum, dates, `null` for what is missing, JSON for anything. */
export interface PrismaUpload {
  id: string;
  storageKey: string;
  status: "PENDING" | "ANALYZING" | "EMBEDDING" | "COMPLETED" | "FAILED";
  batchId: string | null;
  userId: string;
  fileName: string | null;
  fileSize: number | null;
  mimeType: string | null;
  thumbnailKey: string | null;
  description: string | null;
  embedding: number[];
  metadata: JsonValue;
  aiVersion: string | null;
  errorCode: string | null;
  errorStage: string | null;
  errorMessage: string | null;
  starts: number;
  fence: number;
  leaseUntil: Date | null;
  createdAt: Date;
}

/** From Prisma's runtime. */
export type JsonValue = string | number | boolean | { [Key in string]?: JsonValue } | JsonValue[] | null;

const STATUS = {
  PENDING: "pending",
  ANALYZING: "analyzing",
  EMBEDDING: "embedding",
  COMPLETED: "completed",
  FAILED: "failed",
} as const satisfies Record<PrismaUpload["status"], UploadStatus>;

/** The mapping that our examples show: what it infers is the user's record. */
export function toUpload(row: PrismaUpload) {
  const { metadata } = row;
  return {
    ...row,
    status: STATUS[row.status],
    metadata: typeof metadata === "object" && !Array.isArray(metadata) ? metadata : null,
  };
}

/** The part of a Prisma client that an adapter uses. */
export declare const prisma: {
  upload: {
    findUnique(query: { where: { id: string } }): Promise<PrismaUpload | null>;
    updateMany(query: {
      where: { id: string; fence?: number };
      data: { status?: PrismaUpload["status"]; description?: string | null; starts?: number; embedding?: number[] };
    }): Promise<{ count: number }>;
  };
};
