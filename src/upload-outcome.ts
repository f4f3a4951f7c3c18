import { Interrupted } from "./async/time.js";
import type { UploadRecord } from "./contracts/upload.js";
import { ConfigurationError, isFault, RepositoryError, UploadError } from "./errors.js";
import { ClaimLost, type Settlement } from "./pipeline/claim-lost.js";
import type { UploadRun } from "./pipeline/run.js";
import type { Settings } from "./pipeline/settings.js";
import { verdict } from "./pipeline/verdict.js";
import type { UploadResult } from "./result.js";
import { removeOrphans } from "./stages/derived-objects.js";

/** What a result tells of an upload that was not begun. */
export type Unstarted = Pick<UploadResult, "uploadId" | "attempts" | "durationMs" | "warnings" | "stages" | "usage">;

export function unstarted(uploadId: string, startedAt: number): Unstarted {
  return { uploadId, attempts: 0, durationMs: performance.now() - startedAt, warnings: [], stages: [], usage: {} };
}

/** The work ended before it was complete: stores why, or hands the upload back. */
export async function stopped<U extends UploadRecord>(run: UploadRun<U>, thrown: unknown): Promise<UploadResult<U>> {
  const { claim, signal, settings } = run;
  if (signal.aborted && signal.reason instanceof ClaimLost) return lost(run, signal.reason.outcome);
  if (signal.aborted && thrown instanceof Interrupted) {
    const written = await claim.handBack();
    return written === "saved" ? { status: "aborted", reason: signal.reason, ...run.summary() } : lost(run, written);
  }
  if (!UploadError.isInstance(thrown) || thrown instanceof RepositoryError) throw thrown;
  if (isFault(thrown, "deployment")) return handBackAndThrow(run, thrown);

  const error = thrown;
  const decided = await verdict(run, error).catch((reason: unknown) =>
    reason instanceof Interrupted ? stopped(run, reason) : handBackAndThrow(run, reason),
  );
  if (!("kind" in decided)) return decided;
  switch (decided.kind) {
    case "held": {
      const written = await claim.handBack();
      if (written !== "saved") return lost(run, written);
      if (run.refusedBy !== undefined) settings.run?.refusedBy.set(run.id, run.refusedBy);
      const hint = retryHint(decided.retryAfterMs);
      return { status: "deferred", error, ...hint, countsAsAttempt: false, ...run.summary() };
    }
    case "deferred": {
      const written = await claim.settle({ status: "pending" });
      if (written !== "saved") return lost(run, written);
      const hint = retryHint(error.retryAfterMs);
      return { status: "deferred", error, ...hint, countsAsAttempt: true, ...run.summary() };
    }
    case "failed": {
      const kept = claim.draft?.was === "completed";
      const written = await claim.fail(error);
      settings.memory.forget(run.id);
      return written === "saved" ? { status: "failed", error, kept, ...run.summary() } : lost(run, written);
    }
  }
}

/** The deployment is at fault: the upload is handed back, and the call rejects. */
async function handBackAndThrow<U extends UploadRecord>(run: UploadRun<U>, reason: unknown): Promise<UploadResult<U>> {
  try {
    await run.claim.handBack();
  } catch (error) {
    run.settings.logger.warn({ uploadId: run.id, error }, "could not be handed back");
  }
  if (!UploadError.isInstance(reason) || reason instanceof ConfigurationError) throw reason;
  throw new ConfigurationError(reason.message, { stage: reason.stage, cause: reason });
}

/** The row is gone, or another worker's: nothing more is written. */
export async function lost<U extends UploadRecord>(
  run: UploadRun<U>,
  how: Exclude<Settlement, "saved">,
): Promise<UploadResult<U>> {
  if (how === "stale") return { status: "skipped", reason: "claimed-elsewhere", ...run.summary() };
  await removeOrphans(run);
  return { status: "deleted", ...run.summary() };
}

/** Another worker has it, or this process itself. */
export function claimedElsewhere<U extends UploadRecord>(
  settings: Settings<U>,
  base: Unstarted,
  retryAfterMs: number | undefined,
): UploadResult<U> {
  const hint = retryHint(retryAfterMs);
  if (settings.attempt === undefined) return { status: "skipped", reason: "claimed-elsewhere", ...hint, ...base };
  // The engine that owns the retries comes back when the other worker's lease has run out.
  const message = `Another worker holds upload ${base.uploadId}`;
  const error = new UploadError(message, { code: "CLAIMED_ELSEWHERE", stage: "claim", retryAfterMs });
  return { status: "deferred", error, ...hint, countsAsAttempt: false, ...base };
}

/** A suspect that another one is before. */
export function inLine<U extends UploadRecord>(base: Unstarted): UploadResult<U> {
  const message = `Upload ${base.uploadId} was started before and never settled; it waits until another such upload is done`;
  const error = new UploadError(message, { code: "CLAIMED_ELSEWHERE", stage: "claim" });
  return { status: "deferred", error, countsAsAttempt: false, ...base };
}

function retryHint(retryAfterMs: number | undefined): { retryAfterMs?: number } {
  return retryAfterMs === undefined ? {} : { retryAfterMs };
}
