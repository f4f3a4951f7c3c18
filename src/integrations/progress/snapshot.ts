import type { BatchRepositoryAdapter, UploadRecord } from "../../index.js";
import type { Snapshot } from "../progress-client.js";
import type { Subject } from "./subject.js";

type Repository = Pick<BatchRepositoryAdapter, "findUpload" | "findBatch" | "countUploads">;

/** What is known besides what the repository tells. */
export interface Lately {
  /** How far an upload was told to be. */
  progressOf(uploadId: string): number;
  /** An upload was found settled or deleted, which no event may have told: what is done after that begins at 0. */
  settled(uploadId: string): void;
  /** How long the rest takes, when so many are settled. */
  etaMs(settled: number, total: number): number | null;
}

/** @returns `null` when there is no such batch or upload */
export function readSnapshot(repository: Repository, subject: Subject, lately: Lately): Promise<Snapshot | null> {
  return "batchId" in subject
    ? readBatch(repository, subject.batchId, lately)
    : readUpload(repository, subject.uploadId, lately);
}

async function readBatch(repository: Repository, batchId: string, lately: Lately): Promise<Snapshot | null> {
  const [batch, counts] = await Promise.all([repository.findBatch(batchId), repository.countUploads({ batchId })]);
  const { pending = 0, analyzing = 0, embedding = 0, completed = 0, failed = 0 } = counts;
  const open = pending + analyzing + embedding;
  const settled = completed + failed;
  const total = open + settled;
  if (batch === null && total === 0) return null;
  // Uploads may name a batch that has no row.
  const status = batch?.status ?? (open > 0 ? "processing" : "completed");
  if (total === 0 && status !== "completed") {
    return { status, total, completed, failed, percentage: 0, etaMs: null }; // its uploads are still to come
  }
  return {
    status,
    total,
    completed,
    failed,
    percentage: total === 0 ? 100 : Math.floor((1000 * settled) / total) / 10,
    etaMs: lately.etaMs(settled, total),
  };
}

async function readUpload(repository: Repository, uploadId: string, lately: Lately): Promise<Snapshot | null> {
  const before = lately.progressOf(uploadId);
  const upload = await repository.findUpload(uploadId);
  const isSettled = upload === null || upload.status === "completed" || upload.status === "failed";
  // What has been heard of it since belongs to a redo already.
  if (isSettled && lately.progressOf(uploadId) === before) lately.settled(uploadId);
  if (upload === null) return null;
  const { status } = upload;
  return {
    status,
    total: 1,
    completed: status === "completed" ? 1 : 0,
    failed: status === "failed" ? 1 : 0,
    // It may have settled since it was read, and counts from 0 then.
    percentage: isSettled ? 100 : Math.max(before, lately.progressOf(uploadId)),
    etaMs: isSettled ? 0 : null,
    error: errorOf(upload),
  };
}

function errorOf({ errorCode, errorMessage }: UploadRecord): NonNullable<Snapshot["error"]> | null {
  return typeof errorCode === "string" ? { code: errorCode, message: errorMessage ?? "" } : null;
}
