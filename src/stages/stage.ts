import type { Media } from "../contracts/ai.js";
import type { StageName, UploadRecord, UploadStatus } from "../contracts/upload.js";
import { callStage } from "../pipeline/call-stage.js";
import type { Results } from "../pipeline/results.js";
import type { UploadRun } from "../pipeline/run.js";

/** One row of the table of stages: a step of the work whose result is a checkpoint. */
export interface StageRow<U extends UploadRecord> {
  readonly name: StageName;
  /** Of the upload, while it runs. */
  readonly status: UploadStatus;
  /** Its share of the progress. */
  readonly weight: number;
  /** `false`: it is tried once in a claim, and its failure is a warning. */
  readonly required: boolean;
  readonly isDone: (run: UploadRun<U>) => boolean;
  /** Makes the result. @throws UploadError, Interrupted */
  readonly make: (run: UploadRun<U>, attempt: number) => Promise<Results>;
}

/** Opens the original, once for all stages. */
export async function openMedia<U extends UploadRecord>(run: UploadRun<U>, attempt: number): Promise<Media<U>> {
  if (run.opened !== undefined) return run.opened;
  const { thumbnailMs, describeMs, embedMs } = run.settings.timeouts;
  run.opened = await callStage<U, Media<U>, Media<U>>(run, {
    stage: "open",
    attempt,
    code: "STORAGE_FAILED",
    timeoutMs: Math.max(thumbnailMs, describeMs, embedMs), // opened for all the stages
    service: { breaker: run.settings.breakerOfStorage, kind: "storage" },
    call: ({ cancellation }) => run.media.prepare(cancellation),
    accept: (media) => media,
  });
  return run.opened;
}
