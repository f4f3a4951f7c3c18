import { Interrupted, NEVER, withTimeout } from "../async/time.js";
import type { UploadRecord } from "../contracts/upload.js";
import { classifyError, isFault, keyProblem, UploadError } from "../errors.js";
import { callStage } from "../pipeline/call-stage.js";
import type { Results } from "../pipeline/results.js";
import { retryBriefly } from "../pipeline/retry.js";
import type { UploadRun } from "../pipeline/run.js";
import type { Settings } from "../pipeline/settings.js";
import { derivedKeys } from "../records.js";
import { requireDerivedKey } from "../storage-keys.js";
import { openMedia, type StageRow } from "./stage.js";

/** Made once, outside the attempts, as well as it can be: its failure is a warning. `undefined` where none is wanted. */
export function thumbnailStage<U extends UploadRecord>(settings: Settings<U>): StageRow<U> | undefined {
  const { thumbnail, storage, timeouts, runtime } = settings;
  if (thumbnail === false) return undefined;
  const stage = { stage: "thumbnail", attempt: 0, code: "THUMBNAIL_FAILED", timeoutMs: timeouts.thumbnailMs } as const;
  return {
    name: "thumbnail",
    status: "analyzing",
    weight: 5,
    required: false,
    isDone: ({ claim }) => claim.thumbnailKey !== undefined,
    async make(run) {
      const key = requireDerivedKey("thumbnail.key", thumbnail.key(run.record()), run.storageKey);
      const { data, contentType } = await callStage(run, {
        ...stage,
        status: "analyzing",
        slot: runtime.limiter("decode"),
        call: (_, cancellation) => run.media.thumbnail(thumbnail, cancellation),
        accept: (image) => image,
      });
      const write = () =>
        callStage(run, {
          ...stage,
          call: ({ signal }) => storage.write(key, data, { contentType, signal }),
          accept: () => {},
          onLate: (late) => void late.then(() => removeOrphans(run)).catch(() => {}),
        });
      await retryBriefly(write, run.signal);
      return { thumbnailKey: key };
    },
  };
}

/**
 * Makes what is not required: a failure of its own is a warning, and `null` the answer. What concerns the whole upload is
 * thrown: without its original there is nothing to describe either, and without sharp there are no thumbnails at all.
 */
export async function makeOptional<U extends UploadRecord>(
  row: StageRow<U>,
  run: UploadRun<U>,
  attempt: number,
): Promise<Results | null> {
  // The original is tried like any storage call: it fails the attempt, and the next one makes the thumbnail.
  await openMedia(run, attempt);
  run.tried ??= new Set();
  run.tried.add(row.name);
  try {
    return await row.make(run, attempt);
  } catch (thrown) {
    if (thrown instanceof Interrupted) throw thrown;
    const code = row.name === "thumbnail" ? "THUMBNAIL_FAILED" : "STAGE_FAILED";
    const error = classifyError(thrown, row.name, code);
    if (error.stage === "open") run.tried?.delete(row.name);
    if (error.stage === "open" || isFault(error, "deployment")) throw error;
    // A stage that has decided is none that has failed.
    if (error.code === "REJECTED") throw error;
    run.warn(error);
    return null;
  }
}

/** Removes what was made of an upload that was deleted, and only then: a row that is there may refer to it. */
export async function removeOrphans<U extends UploadRecord>(run: UploadRun<U>): Promise<void> {
  const { settings, claim, id } = run;
  try {
    const left = await settings.repository.find(id, NEVER);
    if (left !== null) return;
    const keys = new Set([...derivedKeys(claim.row), ...derivedKeys(claim.view)]);
    const own = ownKey(settings, run.record());
    if (own !== undefined) keys.add(own);
    for (const key of keys) await removeObject(run, key);
  } catch (thrown) {
    run.warn(classifyError(thrown, "save", "REPOSITORY_FAILED"));
  }
}

/** Under which a thumbnail is written by these settings, recorded or not; `undefined` where they name none that can be used. */
export function ownKey<U extends UploadRecord>(
  { thumbnail }: Pick<Settings<U>, "thumbnail">,
  record: U,
): string | undefined {
  if (thumbnail === false) return undefined;
  try {
    return requireDerivedKey("thumbnail.key", thumbnail.key(record), record.storageKey);
  } catch {
    return undefined; // told when one was made
  }
}

const DELETE_TIMEOUT_MS = 30_000;
const tooLate = () => new Error(`the storage did not answer within ${DELETE_TIMEOUT_MS} ms`);

/** After its successor has been recorded. */
export async function removeObject<U extends UploadRecord>(run: UploadRun<U>, key: string): Promise<void> {
  // Whatever the record says: that is the original, or no key at all.
  if (key === run.storageKey || keyProblem(key) !== null) return;
  try {
    await retryBriefly(() => withTimeout(run.settings.storage.delete(key), DELETE_TIMEOUT_MS, tooLate), NEVER);
  } catch (thrown) {
    const { message, retryable } = classifyError(thrown, "thumbnail", "STORAGE_FAILED");
    run.warn(new UploadError(message, { code: "STORAGE_FAILED", stage: "thumbnail", retryable, cause: thrown }));
  }
}
