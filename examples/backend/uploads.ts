import type { UploadRecord } from "upload-processor";

/** The largest upload, in bytes. */
export const MAX_BYTES = 20 * 1024 * 1024;

export function thumbnailKey({ id }: UploadRecord): string {
  return `thumbnails/${id}.jpg`;
}

/** What a client is told of an upload. */
export interface View {
  readonly id: string;
  readonly status: UploadRecord["status"];
  readonly fileName: string | null;
  readonly description: string | null;
  readonly thumbnail: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** Not the record itself: that has keys and vectors in it which are nobody's business. */
export function viewOf(upload: UploadRecord): View {
  const { id, status, fileName = null, description = null, errorCode, errorMessage } = upload;
  return {
    id,
    status,
    fileName,
    description,
    thumbnail: upload.thumbnailKey ? `/thumbnails/${id}` : null,
    error: errorCode ? { code: errorCode, message: errorMessage ?? "" } : null,
  };
}
