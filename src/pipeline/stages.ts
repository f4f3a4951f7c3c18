import type { Media, StageContext } from "../contracts/ai.js";
import type { UploadRecord, UploadStage, UploadStatus } from "../contracts/upload.js";
import { classifyError, UploadError, type UploadErrorCode } from "../errors.js";
import { Cancellation, WithSignal } from "./cancellation.js";
import type { LimitedStage } from "./limits.js";
import type { UploadRun } from "./run.js";
import { Interrupted, throwIfInterrupted } from "./time.js";

/** How long an adapter that ignores its aborted signal is waited for, in milliseconds. */
const ABORT_GRACE_MS = 5000;

/** One call of an adapter, as one stage of an upload. */
export interface StageCall<T> {
  readonly stage: UploadStage;
  /** 1-based; 0 outside the attempts. */
  readonly attempt: number;
  /** The upload's status while it runs; without it the call does not begin a stage of the progress. */
  readonly status?: UploadStatus;
  /** What an error is called that does not say it itself. */
  readonly code: UploadErrorCode;
  /** From winning the slot, in milliseconds. */
  readonly timeoutMs: number;
  /** The limit whose slot the call needs. */
  readonly slot?: LimitedStage;
  /** A paid call is not made on a claim that may be lost: runs when the slot is won. */
  readonly confirm?: () => Promise<void> | undefined;
  readonly call: (context: StageContext, cancellation: Cancellation) => Promise<T>;
  /** Gets the call when it goes on after the grace: what it does then has to be cleaned up. */
  readonly onLate?: (late: Promise<unknown>) => void;
}

/**
 * Makes one call: waits for its slot, confirms the claim, bounds it by its timeout, and stops waiting for an adapter that
 * ignores its signal. A result that arrives within the grace counts, also after an abort: it was paid for.
 *
 * @throws UploadError what went wrong, classified
 * @throws Interrupted when the run was aborted
 */
export function callStage<U extends UploadRecord, T>(run: UploadRun<U>, call: StageCall<T>): Promise<T> {
  throwIfInterrupted(run.signal);
  const queuedAt = performance.now();
  if (call.slot === undefined) return timed(run, call, queuedAt);
  return run.settings.limits.run(call.slot, run.signal, () => timed(run, call, queuedAt));
}

async function timed<U extends UploadRecord, T>(run: UploadRun<U>, call: StageCall<T>, queuedAt: number): Promise<T> {
  const { stage, attempt } = call;
  const begunAt = call.slot === undefined ? queuedAt : performance.now();
  let outcome: "ok" | "failed" = "failed";
  try {
    const confirming = call.confirm?.();
    if (confirming !== undefined) await confirming;
    if (call.status !== undefined) run.progress.begin(stage, call.status, attempt);
    throwIfInterrupted(run.signal); // lost in the queue, or aborted by a listener just now
    const result = await bounded(run, call);
    outcome = "ok";
    return result;
  } catch (error) {
    run.progress.halt();
    throw error;
  } finally {
    const durationMs = performance.now() - begunAt;
    run.stages.push({ stage, attempt, durationMs, waitedMs: begunAt - queuedAt, outcome });
  }
}

/** The call under its own signal: aborted with the run, and by the timeout. */
function bounded<U extends UploadRecord, T>(run: UploadRun<U>, call: StageCall<T>): Promise<T> {
  const { stage, timeoutMs } = call;
  const cancellation = new Cancellation();
  let timeoutError: UploadError | undefined;
  let over = false;
  let grace: NodeJS.Timeout | undefined;

  return new Promise<T>((resolve, reject) => {
    const settle = (end: () => void) => {
      if (over) return;
      over = true;
      clearTimeout(timeout);
      clearTimeout(grace);
      run.signal.removeEventListener("abort", onAbort);
      end();
    };
    const stop = (reason: unknown) => {
      if (over || cancellation.aborted) return;
      cancellation.abort(reason);
      grace = setTimeout(() => settle(giveUp), ABORT_GRACE_MS);
    };
    const onAbort = () => stop(run.signal.reason);
    const timeout = setTimeout(() => {
      timeoutError = new UploadError(`${stage} took longer than ${timeoutMs} ms`, { code: "STAGE_TIMEOUT", stage });
      stop(timeoutError);
    }, timeoutMs);
    run.signal.addEventListener("abort", onAbort, { once: true });

    const context: StageContext = Object.assign(new WithSignal(cancellation), {
      attempt: Math.max(1, call.attempt),
      idempotencyKey: idempotencyKey(run, stage),
      reportProgress: (fraction: number, message?: string) => {
        if (!over) run.progress.report(fraction, message);
      },
      logger: run.settings.logger,
    });
    const work = (async () => call.call(context, cancellation))();
    work.then(
      (result) => settle(() => resolve(result)),
      (thrown) => settle(() => reject(failure(thrown))),
    );

    // What an aborted call threw says no more than that it was aborted.
    const failure = (thrown: unknown) => {
      if (run.signal.aborted) return new Interrupted();
      return timeoutError ?? classifyError(thrown, stage, call.code);
    };
    const giveUp = () => {
      call.onLate?.(work);
      const message = `The ${stage} adapter went on for ${ABORT_GRACE_MS} ms after its signal was aborted; pass the signal on`;
      run.warn(new UploadError(message, { code: "ABORT_IGNORED", stage }));
      reject(failure(undefined));
    };
  });
}

/** Names the upload and the stage, and the model where it has a name: another model is another call. */
function idempotencyKey<U extends UploadRecord>(run: UploadRun<U>, stage: UploadStage): string {
  const { version } = run.settings.ai;
  return `upload-processor/${run.upload.id}/${stage}${version === undefined ? "" : `/${version}`}`;
}

/** Opens the original, once for all stages. */
export async function openMedia<U extends UploadRecord>(run: UploadRun<U>, attempt: number): Promise<Media<U>> {
  const { thumbnailMs, describeMs, embedMs } = run.settings.timeouts;
  run.opened = await callStage(run, {
    stage: "open",
    attempt,
    code: "STORAGE_FAILED",
    timeoutMs: Math.max(thumbnailMs, describeMs, embedMs), // opened for all the stages
    call: (_, cancellation) => run.media.prepare(cancellation),
  });
  return run.opened;
}
