import { readFile } from "node:fs/promises";
import type {
  AIAdapter,
  ClaimRequest,
  OpenedOriginal,
  RepositoryAdapter,
  StorageAdapter,
  UploadChanges,
  UploadRecord,
  UploadStatus,
} from "../../src/index.js";
import { examplePhoto } from "./photos.js";

/** Uploads at once, in the benchmarks of what the library itself costs. */
export const CONCURRENCY = 8;

const bytes: Uint8Array = await readFile(examplePhoto("rocket.jpg"));

/** Adapters that do nothing but answer: what is left of the time is the library's. */
export const storage = {
  open: async (_key: string, _options: { signal: AbortSignal }): Promise<OpenedOriginal> => ({ bytes }),
  write: async () => {},
  delete: async () => {},
} satisfies StorageAdapter;

export const ai = {
  describe: async (_media: unknown, _context: unknown) => "A photo",
  embed: async (_input: unknown, _context: unknown) => [1, 0, 0],
} satisfies AIAdapter;

export const repository = {
  findUpload: async (id: string) => uploadOf(id),
  updateUpload: async (
    _id: string,
    _changes: UploadChanges,
    _claim?: { fence: number; leaseMs?: number | undefined },
  ) => "saved",
  claimUpload: async (id: string, _request: ClaimRequest) => ({
    outcome: "claimed",
    upload: uploadOf(id, "analyzing", 1),
    fence: 1,
  }),
} satisfies RepositoryAdapter;

export function uploadOf(id: string, status: UploadStatus = "pending", starts = 0): UploadRecord {
  const storageKey = `originals/${id}.jpg`;
  return { id, storageKey, status, fileName: `${id}.jpg`, fileSize: bytes.byteLength, starts };
}

export function uploadsOf(count: number): UploadRecord[] {
  return Array.from({ length: count }, (_, index) => uploadOf(`upload-${index}`));
}

/** Throws unless all the uploads were completed: what fails fast is no benchmark. */
export function requireCompleted({ completed }: { readonly completed: number }, uploads: number): void {
  if (completed !== uploads) throw new Error(`completed uploads: expected ${uploads}, got ${completed}`);
}
