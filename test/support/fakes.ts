import { vi } from "vitest";
import { type MemoryRepository, memoryRepository, memoryStorage } from "../../src/adapters/memory.js";
import type { AIAdapter, UploadRecord } from "../../src/index.js";
import { jpeg } from "./image.js";

export { jpeg };

export function uploadOf(id: string, fields: Partial<UploadRecord> = {}): UploadRecord {
  return {
    id,
    storageKey: `originals/${id}.jpg`,
    status: "pending",
    batchId: "batch",
    fileName: `${id}.jpg`,
    ...fields,
  };
}

export interface World {
  readonly repository: MemoryRepository<UploadRecord>;
  readonly storage: ReturnType<typeof memoryStorage>;
  readonly ai: FakeAI;
}

export interface FakeAI extends AIAdapter {
  readonly describe: ReturnType<typeof vi.fn<AIAdapter["describe"]>>;
  readonly embed: ReturnType<typeof vi.fn<NonNullable<AIAdapter["embed"]>>>;
}

/** Adapters in memory, with one batch of uploads whose originals are real images. */
export function worldOf(uploads: readonly UploadRecord[]): World {
  const repository = memoryRepository<UploadRecord>({ uploads, batches: [{ id: "batch", status: "pending" }] });
  const storage = memoryStorage();
  for (const { storageKey } of uploads) storage.put(storageKey, jpeg);
  const ai = {
    describe: vi.fn<AIAdapter["describe"]>(async (media) => `A photo of ${media.upload.id}`),
    embed: vi.fn<NonNullable<AIAdapter["embed"]>>(async ({ text }) => [text.length, 1, 0]),
  };
  return { repository, storage, ai };
}

export function ids(count: number): UploadRecord[] {
  return Array.from({ length: count }, (_, index) => uploadOf(`u${String(index).padStart(4, "0")}`));
}

export async function statusesIn(repository: MemoryRepository<UploadRecord>): Promise<Record<string, string>> {
  const uploads = await repository.listUploads({ batchId: "batch" }, { limit: 100_000 });
  return Object.fromEntries(uploads.map(({ id, status }) => [id, status]));
}

/** Resolves when the condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** A promise that is settled from outside. */
export function deferred<T = void>() {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** Never resolves; rejects when the signal is aborted, as a good adapter does. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
  });
}
