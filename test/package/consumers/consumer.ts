import {
  type AIAdapter,
  assertCompleted,
  BatchProcessor,
  createStageLimits,
  processUploadWithRetry,
  type RepositoryAdapter,
  type StorageAdapter,
  UploadError,
  UploadEventEmitter,
  type UploadRecord,
  type UploadResult,
} from "upload-processor";
import { fileStorage } from "upload-processor/fs";
import { localAI } from "upload-processor/local-ai";
import { memoryRepository, memoryStorage } from "upload-processor/memory";
import { postgresRepository } from "upload-processor/postgres";
import { testRepositoryContract } from "upload-processor/testing";

interface Photo extends UploadRecord {
  readonly album: string;
}

// What the subpaths make is what the root takes.
const storages: StorageAdapter[] = [fileStorage("photos"), memoryStorage()];
const ai: AIAdapter = localAI();
const photos: RepositoryAdapter<Photo> = memoryRepository<Photo>();
const rows = postgresRepository({ query: async () => ({ rows: [] }) });
const [storage] = storages;

export async function run(signal: AbortSignal): Promise<string> {
  if (storage === undefined) throw new UploadError("no storage", { code: "STORAGE_FAILED" });
  const events = new UploadEventEmitter<Photo>();
  events.on("upload:settled", (event) => event.result satisfies UploadResult<Photo>);
  // @ts-expect-error a name that does not exist
  events.on("upload:done", () => {});

  const result = await processUploadWithRetry("1", { storage, ai, repository: photos }, { signal, events });
  assertCompleted(result);
  const album: string = result.upload.album;

  const processor = new BatchProcessor({ storage, ai, repository: rows, limits: createStageLimits({ describe: 1 }) });
  // @ts-expect-error the payload is known, and not any
  processor.on("batch:progress", ({ percentage }) => percentage.toFixed());
  const { failures } = await processor.process("batch", { signal: new Request("http://localhost", { signal }).signal });
  return failures.map(({ error }) => error.code).join() + album;
}

testRepositoryContract<Photo>({
  test: (name, body) => [name, body],
  create: () => ({
    repository: memoryRepository<Photo>(),
    addUploads: async () => {},
    addBatch: async () => {},
    deleteUpload: async () => {},
  }),
});
