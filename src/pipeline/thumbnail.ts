import type { UploadRecord } from "../contracts/upload.js";
import { classifyError, UploadError } from "../errors.js";
import { answered } from "./repository-calls.js";
import { retryBriefly } from "./retry.js";
import type { UploadRun } from "./run.js";
import { callStage, openMedia } from "./stages.js";
import { Interrupted, NEVER } from "./time.js";

/** Made once, outside the attempts, as well as it can be: its failure is a warning. */
export async function makeThumbnail<U extends UploadRecord>(run: UploadRun<U>): Promise<void> {
  const { claim, previousThumbnailKey: previous } = run;
  if (run.upload.thumbnailKey) return;
  const key = await writeThumbnail(run);
  if (key === null) {
    if (previous !== null) claim.keep({ thumbnailKey: previous }); // the old one is still there, and better than none
    return;
  }
  const recorded = await claim.save({ thumbnailKey: key });
  if (recorded && previous !== null && previous !== key) await removeObject(run, previous);
}

async function writeThumbnail<U extends UploadRecord>(run: UploadRun<U>): Promise<string | null> {
  const { thumbnail, storage, timeouts } = run.settings;
  if (thumbnail === false) return null;
  const stage = { stage: "thumbnail", attempt: 0, code: "THUMBNAIL_FAILED", timeoutMs: timeouts.thumbnailMs } as const;
  try {
    await openMedia(run, 0);
    const image = await callStage(run, {
      ...stage,
      slot: "thumbnail",
      status: "analyzing",
      call: (_, cancellation) => run.media.thumbnail(thumbnail, cancellation),
    });
    const key = thumbnail.key(run.upload);
    if (key === run.upload.storageKey) throw wouldReplaceOriginal();
    const { data, contentType } = image;
    await callStage(run, {
      ...stage,
      call: ({ signal }) => storage.write(key, data, { contentType, signal }),
      onLate: (late) => void late.then(() => removeOrphan(run)).catch(() => {}),
    });
    run.progress.end("thumbnail");
    return key;
  } catch (thrown) {
    const error = thrown instanceof Interrupted ? thrown : classifyError(thrown, "thumbnail", "THUMBNAIL_FAILED");
    // Without the original there is nothing to describe either: no second look at it.
    if (error instanceof Interrupted || (error.stage === "open" && !error.retryable)) throw error;
    run.warn(error);
    return null;
  }
}

/** Removes the thumbnail of an upload that was deleted, and only then: a row that is there may refer to it. */
export async function removeOrphan<U extends UploadRecord>(run: UploadRun<U>): Promise<void> {
  const { settings, upload, claim, previousThumbnailKey } = run;
  try {
    const left = await retryBriefly(() => answered(settings.repository.findUpload(upload.id)), NEVER);
    if (left !== null) return;
    const made = settings.thumbnail === false ? null : settings.thumbnail.key(upload);
    for (const key of new Set([made, claim.upload.thumbnailKey, previousThumbnailKey])) {
      if (key) await removeObject(run, key);
    }
  } catch (thrown) {
    run.warn(classifyError(thrown, "save", "REPOSITORY_FAILED"));
  }
}

function wouldReplaceOriginal(): UploadError {
  const message = "thumbnail.key: expected another key than the upload's storageKey, where its original is";
  return new UploadError(message, { code: "THUMBNAIL_FAILED", stage: "thumbnail" });
}

async function removeObject<U extends UploadRecord>(run: UploadRun<U>, key: string): Promise<void> {
  if (key === run.upload.storageKey) return; // whatever the record says: that is the original
  try {
    await retryBriefly(() => answered(run.settings.storage.delete(key)), NEVER);
  } catch (thrown) {
    run.warn(classifyError(thrown, "thumbnail", "STORAGE_FAILED"));
  }
}
