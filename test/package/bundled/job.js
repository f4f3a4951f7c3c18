import { cp, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertCompleted, BatchProcessor, processUploadWithRetry, UploadError } from "upload-processor";
import { fileStorage } from "upload-processor/fs";
import { localAI } from "upload-processor/local-ai";
import { memoryRepository, memoryStorage } from "upload-processor/memory";

/** Does what an application does, and tells what came out, as JSON can carry it. */
export async function processPhoto(photo) {
  const root = await mkdtemp(join(tmpdir(), "upload-processor-bundled-"));
  try {
    const files = fileStorage(root);
    const upload = { id: "1", storageKey: "photos/of me/photo", status: "pending" };
    await cp(photo, join(root, upload.storageKey));
    const repository = memoryRepository({ uploads: [upload] });
    const result = await processUploadWithRetry("1", { storage: files, ai: localAI(), repository });
    assertCompleted(result);

    const storage = memoryStorage([[upload.storageKey, await readFile(photo)]]);
    const processor = new BatchProcessor({
      storage,
      ai: localAI(),
      repository: memoryRepository({ uploads: [upload] }),
    });
    const batch = await processor.processUploads(["1"]);
    await processor.close();

    await symlink(tmpdir(), join(root, "elsewhere"));
    return {
      warnings: result.warnings.map(String),
      description: result.upload.description,
      embedding: result.upload.embedding.length,
      thumbnail: [...(await readFile(join(root, result.upload.thumbnailKey))).subarray(0, 3)],
      completedByTheBatch: batch.completed,
      refused: [await refusal(files, "../photo"), await refusal(files, "elsewhere/photo")],
    };
  } finally {
    await rm(root, { recursive: true });
  }
}

/** Errors are told by their fields and names, which bundlers may shorten. */
async function refusal(storage, key) {
  try {
    await storage.open(key, { signal: new AbortController().signal });
  } catch (error) {
    return { ofUs: UploadError.isInstance(error), name: error.name, code: error.code };
  }
}
