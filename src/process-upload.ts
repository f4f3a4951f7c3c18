import type { UploadChanges } from "./contracts/repository.js";
import type { UploadRecord } from "./contracts/upload.js";
import { ConfigurationError, RepositoryError, UploadError } from "./errors.js";
import { type ProcessOptions, resolveSettings, type Settings, type UploadAdapters } from "./options.js";
import { acquireClaim } from "./pipeline/acquire.js";
import { mergeMetadata, readDescription, readVector } from "./pipeline/answers.js";
import { Cancellation, type Stoppable } from "./pipeline/cancellation.js";
import { ClaimLost } from "./pipeline/claim.js";
import { answered, storeRetried } from "./pipeline/repository-calls.js";
import { backoff, retry } from "./pipeline/retry.js";
import { UploadRun } from "./pipeline/run.js";
import { callStage, openMedia } from "./pipeline/stages.js";
import { isSuspect, oneAtATime } from "./pipeline/suspects.js";
import { makeThumbnail, removeOrphan } from "./pipeline/thumbnail.js";
import { forwardAbort, Interrupted, throwIfInterrupted } from "./pipeline/time.js";
import type { UploadResult } from "./result.js";
import { requireUpload } from "./validate.js";

/**
 * Makes the thumbnail, describes and embeds one upload and stores all of it, behind the checkpoints of earlier starts.
 *
 * Resolves for everything that can happen to an upload: narrow the result by its `status`.
 *
 * @param upload the record, or its id
 * @throws ConfigurationError misuse: names the option or the adapter's member, what was expected and what was given
 * @throws RepositoryError the repository cannot be reached to store the outcome
 * @example
 * const result = await processUploadWithRetry(upload, { storage, ai, repository }, { signal });
 * if (result.status === "completed") console.log(result.upload.description);
 */
export async function processUploadWithRetry<U extends UploadRecord = UploadRecord>(
  upload: NoInfer<U> | string,
  adapters: UploadAdapters<U>,
  options?: ProcessOptions<NoInfer<U>>,
): Promise<UploadResult<U>> {
  const settings = resolveSettings<U>(adapters, options);
  requireUpload("upload", upload);
  const cancellation = new Cancellation();
  const unlink = forwardAbort(options?.signal, cancellation);
  try {
    return await processUpload<U>(upload, settings, cancellation);
  } finally {
    unlink();
  }
}

/** One upload, start to finish. Its cancellation stops it in good order. */
export async function processUpload<U extends UploadRecord>(
  upload: U | string,
  settings: Settings<U>,
  signal: Cancellation,
): Promise<UploadResult<U>> {
  const startedAt = performance.now();
  const uploadId = typeof upload === "string" ? upload : upload.id;
  const unstarted = () => ({
    ...{ uploadId, attempts: 0, warnings: [], stages: [] },
    durationMs: performance.now() - startedAt,
  });

  const start = async (alone: boolean): Promise<UploadResult<U> | "suspect"> => {
    const previous = settings.mode === "reprocess" ? await recordBefore(upload, settings, signal) : null;
    const acquired = await acquireClaim(uploadId, settings, signal);
    switch (acquired.outcome) {
      case "settled": {
        const reason = acquired.upload.status === "failed" ? "already-failed" : "already-completed";
        return { status: "skipped", reason, ...unstarted() };
      }
      case "deleted":
        return { status: "skipped", reason: "not-found", ...unstarted() };
      case "busy":
        return claimedElsewhere(settings, unstarted(), acquired.retryAfterMs);
      case "claimed": {
        const { claim } = acquired;
        if (!alone && claim.starts > 1 && claim.starts <= settings.lease.maxStarts) {
          // The record at hand did not tell that it is a suspect: hand it back uncounted, and queue up.
          await claim.giveBack();
          return "suspect";
        }
        return work(new UploadRun(claim, settings, signal, previous?.thumbnailKey ?? null, startedAt));
      }
    }
  };

  try {
    throwIfInterrupted(signal);
    const known = typeof upload !== "string" && isSuspect(upload);
    const result = known ? "suspect" : await start(false);
    return result === "suspect" ? ((await oneAtATime(signal, () => start(true))) as UploadResult<U>) : result;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    return { status: "aborted", reason: signal.reason, ...unstarted() };
  }
}

/** The story of a claimed upload. */
async function work<U extends UploadRecord>(run: UploadRun<U>): Promise<UploadResult<U>> {
  const { claim, settings } = run;
  run.emit("upload:started", () => ({ upload: run.upload, starts: claim.starts }));
  run.progress.start();
  try {
    const result = await untilSettled();
    const cleaning = cleanUp();
    if (cleaning !== undefined) await cleaning;
    run.settled(result);
    return result;
  } catch (error) {
    // The outcome could not be stored, or an adapter broke its contract: the row is as the last write left it.
    await cleanUp();
    run.settled({ status: "aborted", reason: error, ...run.summary() });
    throw error;
  }

  async function untilSettled(): Promise<UploadResult<U>> {
    try {
      refusePoison(run);
      if (settings.thumbnail !== false || run.previousThumbnailKey !== null) await makeThumbnail(run);
      await retry(
        async (attempt) => {
          run.attempts = attempt;
          await describe(run, settings.attempt?.number ?? attempt);
          await embed(run, settings.attempt?.number ?? attempt);
        },
        {
          maxAttempts: settings.retry.maxAttempts,
          signal: run.signal,
          delayAfter: (error, attempt) => delayAfter(run, error, attempt),
        },
      );
      return await complete(run);
    } catch (error) {
      return await stopped(run, error);
    }
  }

  function cleanUp(): Promise<unknown> | undefined {
    run.progress.halt();
    const abandoning = claim.abandon();
    return abandoning === undefined ? run.media.release() : abandoning.then(() => run.media.release());
  }
}

/** The claim was written before anything is decoded, so a file that takes the process down is counted. */
function refusePoison<U extends UploadRecord>({ claim, settings }: UploadRun<U>): void {
  const { maxStarts } = settings.lease;
  if (claim.starts <= maxStarts) return;
  const message = `Started ${claim.starts - 1} times and never settled: it may take the process down. Once the cause is mended, process it with mode "retry-failed"`;
  throw new UploadError(message, { code: "QUARANTINED", stage: "claim" });
}

async function describe<U extends UploadRecord>(run: UploadRun<U>, attempt: number): Promise<void> {
  const { claim, settings } = run;
  const { ai, timeouts } = settings;
  if (claim.upload.description) return;
  const media = run.opened ?? (await openMedia(run, attempt));
  const answer = await callStage(run, {
    stage: "describe",
    attempt,
    slot: "describe",
    status: "analyzing",
    code: "DESCRIBE_FAILED",
    timeoutMs: timeouts.describeMs,
    confirm: () => claim.confirm(),
    call: (context) => ai.describe(media, context),
  });
  const { text, metadata } = readDescription(answer);
  run.progress.end("describe");
  const checkpoint: UploadChanges = {
    description: text,
    metadata: mergeMetadata(claim.upload.metadata, metadata, run.media.facts()),
    aiVersion: ai.version ?? null,
  };
  if (ai.embed) await claim.save({ status: "embedding", ...checkpoint });
  else claim.keep(checkpoint); // the final write is next
}

async function embed<U extends UploadRecord>(run: UploadRun<U>, attempt: number): Promise<void> {
  const { claim, settings } = run;
  const { ai, timeouts } = settings;
  const { description: text, embedding } = claim.upload;
  const embedText = ai.embed?.bind(ai);
  if (embedText === undefined || embedding?.length || !text) return;
  const media = run.opened ?? (await openMedia(run, attempt));
  const vector = await callStage(run, {
    stage: "embed",
    attempt,
    slot: "embed",
    status: "embedding",
    code: "EMBED_FAILED",
    timeoutMs: timeouts.embedMs,
    confirm: () => claim.confirm(),
    call: (context) => embedText({ text, media }, context),
  });
  claim.keep({ embedding: readVector(vector, ai.dimensions) });
  run.progress.end("embed");
}

/** The final write: an abort that comes later is ignored. */
async function complete<U extends UploadRecord>(run: UploadRun<U>): Promise<UploadResult<U>> {
  throwIfInterrupted(run.signal);
  const { claim } = run;
  run.progress.begin("save", claim.upload.status, run.attempts);
  const written = await claim.settle({ status: "completed" });
  if (written !== "saved") return lost(run, written);
  run.progress.complete();
  return { status: "completed", upload: claim.upload, ...run.summary() };
}

/** The work ended before it was complete: stores why, or hands the upload back. */
async function stopped<U extends UploadRecord>(run: UploadRun<U>, thrown: unknown): Promise<UploadResult<U>> {
  const { claim, settings, signal } = run;
  if (signal.aborted && signal.reason instanceof ClaimLost) return lost(run, signal.reason.outcome);
  if (signal.aborted && thrown instanceof Interrupted) {
    const written = await claim.settle({ status: "pending" });
    return written === "saved" ? { status: "aborted", reason: signal.reason, ...run.summary() } : lost(run, written);
  }
  if (!UploadError.isInstance(thrown) || thrown instanceof RepositoryError || thrown instanceof ConfigurationError)
    throw thrown;

  const error = thrown;
  const { attempt } = settings;
  if (attempt !== undefined && attempt.number < attempt.max && worthRetrying(run, error, attempt.number)) {
    const written = await claim.settle({ status: "pending" });
    if (written !== "saved") return lost(run, written);
    return { status: "deferred", error, ...retryHint(error.retryAfterMs), ...run.summary() };
  }
  const written = await claim.settle({
    status: "failed",
    errorCode: error.code,
    errorStage: error.stage,
    errorMessage: error.message,
  });
  return written === "saved" ? { status: "failed", error, ...run.summary() } : lost(run, written);
}

/** The row is gone, or another worker's: nothing more is written. */
async function lost<U extends UploadRecord>(run: UploadRun<U>, how: "deleted" | "stale"): Promise<UploadResult<U>> {
  if (how === "stale") return { status: "skipped", reason: "claimed-elsewhere", ...run.summary() };
  await removeOrphan(run);
  return { status: "deleted", ...run.summary() };
}

function delayAfter<U extends UploadRecord>(run: UploadRun<U>, error: Error, attempt: number): number | null {
  const { retry } = run.settings;
  if (!UploadError.isInstance(error) || !worthRetrying(run, error, attempt)) return null;
  if ((error.retryAfterMs ?? 0) > retry.maxRetryAfterMs) return null;
  const delayMs = backoff(error, attempt, retry);
  run.emit("upload:retry", () => ({ attempt, maxAttempts: retry.maxAttempts, delayMs, error }));
  return delayMs;
}

function worthRetrying<U extends UploadRecord>(run: UploadRun<U>, error: UploadError, attempt: number): boolean {
  try {
    return run.settings.retry.shouldRetry(error, attempt);
  } catch (thrown) {
    run.settings.logger.warn({ uploadId: run.upload.id, error: thrown }, "retry.shouldRetry threw");
    return error.retryable;
  }
}

function claimedElsewhere<U extends UploadRecord>(
  settings: Settings<U>,
  base: ReturnType<UploadRun<U>["summary"]>,
  retryAfterMs: number | undefined,
): UploadResult<U> {
  const hint = retryHint(retryAfterMs);
  if (settings.attempt === undefined) return { status: "skipped", reason: "claimed-elsewhere", ...hint, ...base };
  // The engine that owns the retries comes back when the other worker's lease has run out.
  const message = `Another worker holds upload ${base.uploadId}`;
  const error = new UploadError(message, { code: "CLAIMED_ELSEWHERE", stage: "claim", retryAfterMs });
  return { status: "deferred", error, ...hint, ...base };
}

function retryHint(retryAfterMs: number | undefined): { retryAfterMs?: number } {
  return retryAfterMs === undefined ? {} : { retryAfterMs };
}

/** Reprocessing clears the record's thumbnail, so its key is read before. */
async function recordBefore<U extends UploadRecord>(
  upload: U | string,
  { repository }: Settings<U>,
  signal: Stoppable,
): Promise<U | null> {
  if (typeof upload !== "string") return upload;
  return storeRetried(`Upload ${upload} could not be read`, signal, () => answered(repository.findUpload(upload)));
}
