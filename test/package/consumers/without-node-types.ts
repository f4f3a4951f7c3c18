import { processUploadWithRetry, UploadError, type UploadProgressEvent } from "upload-processor";
import { memoryRepository } from "upload-processor/memory";
import { fakeAI, fakeStorage } from "upload-processor/testing";

// @ts-expect-error the types of Node are not there
process.version;

export async function run(onProgress: (event: UploadProgressEvent) => void): Promise<string> {
  const adapters = { storage: fakeStorage(), ai: fakeAI(), repository: memoryRepository() };
  const { signal } = new AbortController();
  const result = await processUploadWithRetry("1", adapters, { signal, onProgress });
  // @ts-expect-error the options are known all the same
  await processUploadWithRetry("1", adapters, { signal, onProgess: onProgress });
  // @ts-expect-error and so are the results
  result.upload.description;
  if (result.status === "failed") throw new UploadError("failed", { code: result.error.code });
  return result.uploadId;
}
