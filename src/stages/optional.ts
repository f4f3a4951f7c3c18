import { Interrupted } from "../async/time.js";
import type { UploadRecord } from "../contracts/upload.js";
import { classifyError, isFault } from "../errors.js";
import type { Results } from "../pipeline/results.js";
import type { UploadRun } from "../pipeline/run.js";
import { openMedia, type StageRow } from "./stage.js";

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
