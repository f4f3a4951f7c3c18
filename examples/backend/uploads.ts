import type { BatchRepositoryAdapter, UploadRecord } from "upload-processor";

/** What all uploads of this backend belong to, so that they can be listed. Yours may belong to albums, or to users. */
export const BATCH = "inbox";

/** What a client is told of an upload. */
export interface View {
  readonly id: string;
  readonly status: string;
  readonly fileName?: string | null | undefined;
  readonly description?: string | null | undefined;
  readonly thumbnail?: string | null;
  readonly error?: { readonly code: string; readonly message: string | null | undefined } | null;
}

/** Not the record itself: that has keys and vectors in it which are nobody's business. */
export function viewOf(upload: UploadRecord): View {
  const { id, status, fileName, description, thumbnailKey, errorCode, errorMessage } = upload;
  return {
    id,
    status,
    fileName,
    description,
    thumbnail: thumbnailKey ? `/thumbnails/${id}` : null,
    error: errorCode ? { code: errorCode, message: errorMessage } : null,
  };
}

/** What is not settled, a page at a time: behind the last record of a page, whatever has become of it since. */
export async function* openUploads<U extends UploadRecord>(repository: BatchRepositoryAdapter<U>): AsyncGenerator<U> {
  const statuses = ["pending", "analyzing", "embedding"] as const;
  let after: U | undefined;
  do {
    const page = await repository.listUploads({ batchId: BATCH, statuses }, { limit: 100, ...(after && { after }) });
    yield* page;
    after = page.at(-1);
  } while (after !== undefined);
}
