/** A part of your own backend that uses the library: testing-your-code.test.ts shows how to test it. */
import { type ProcessOptions, processUploadWithRetry, type UploadAdapters } from "upload-processor";
import type { Photo } from "./photo-repository.js";

/** Tells an owner something. */
export type Notify = (ownerId: string, text: string) => Promise<void>;

/** Makes a photo findable, and tells its owner what came of it, unless there is nothing to tell yet. */
export async function publishPhoto(
  photo: Photo,
  adapters: UploadAdapters<Photo>,
  notify: Notify,
  options?: ProcessOptions<Photo>,
): Promise<void> {
  const result = await processUploadWithRetry(photo, adapters, options);
  switch (result.status) {
    case "completed":
      return notify(photo.userId, `"${photo.title}" can be found now: ${result.upload.description}`);
    case "failed": {
      const theirs = result.error.stage === "open";
      return notify(photo.userId, theirs ? `"${photo.title}" is no photo` : `"${photo.title}" could not be described`);
    }
    case "skipped": // done before, or by somebody else
    case "deferred":
    case "deleted":
    case "aborted": // the next start takes it up
      return;
  }
}
