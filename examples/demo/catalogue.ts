import type { StorageAdapter } from "upload-processor";
import type { PostgresRepository, PostgresUpload } from "upload-processor/postgres";
import type { Photo } from "./photos.js";

export interface Changes {
  readonly added: number;
  readonly removed: number;
}

/** Makes the rows of a batch those of the photographs in the folder: new files are added, rows of files that are gone go. */
export async function synchronize(
  batchId: string,
  photos: readonly Photo[],
  repository: PostgresRepository,
  storage: StorageAdapter,
): Promise<Changes> {
  if ((await repository.findBatch(batchId)) === null) await repository.addBatch({ id: batchId });
  const missing = new Map(photos.map((photo) => [photo.id, photo]));
  let removed = 0;
  for await (const { id } of uploadsOf(batchId, repository)) {
    if (missing.delete(id)) continue;
    // The row first: were this interrupted in between, a thumbnail that nobody refers to is better than a row without one.
    const deleted = await repository.deleteUpload(id);
    if (deleted?.thumbnailKey) await storage.delete(deleted.thumbnailKey);
    removed++;
  }
  const uploads = Array.from(missing.values(), ({ id, key, size }) => {
    return { id, batchId, storageKey: key, fileName: key, fileSize: size };
  });
  await repository.addUploads(uploads);
  return { added: uploads.length, removed };
}

/** All uploads of a batch, in their order, a page at a time. */
export async function* uploadsOf(
  batchId: string,
  repository: PostgresRepository,
): AsyncGenerator<PostgresUpload, void, undefined> {
  let after: PostgresUpload | undefined;
  do {
    const page = await repository.listUploads({ batchId }, { limit: 100, ...(after && { after }) });
    yield* page;
    after = page.at(-1);
  } while (after !== undefined);
}
