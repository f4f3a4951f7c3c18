import type { Cancellation } from "../async/cancellation.js";
import { Interrupted, throwIfInterrupted } from "../async/time.js";
import type { StageContext, Usage } from "../contracts/ai.js";
import type { StageName, UploadRecord, UploadStatus } from "../contracts/upload.js";
import { classifyError, UploadError, type UploadErrorCode } from "../errors.js";
import { wrapped } from "../plugins.js";
import type { StageTiming } from "../result.js";
import type { Limiter } from "../runtime/limiter.js";
import { type AdmittedCall, admitCall } from "./admit-call.js";
import { BoundedCall } from "./bounded-call.js";
import type { UploadRun } from "./run.js";
import { callService, type ServiceCall } from "./service-call.js";

/** What a call has of its own. */
export interface OwnOfCall {
  /** For the adapter; made when it is asked for. */
  readonly context: StageContext;
  readonly cancellation: Cancellation;
}

/** One call of an adapter, as a stage of an upload. */
export interface StageCall<Answer, Result> {
  readonly stage: StageName;
  /** 1-based; 0 outside the attempts. */
  readonly attempt: number;
  /** How often this attempt has asked, 1-based. @default 1 */
  readonly ask?: number;
  /** Names the model in the key of the call. @default the adapter's version */
  readonly model?: string | undefined;
  /** The upload's status while it runs; without it the call does not begin a stage of the progress. */
  readonly status?: UploadStatus;
  /** What an error is called that does not say it itself. */
  readonly code: UploadErrorCode;
  /** From winning the slot, in milliseconds. */
  readonly timeoutMs: number;
  readonly slot?: Pick<Limiter, "run"> | undefined;
  /** When it began to wait for a slot that was won before. @default now */
  readonly queuedAt?: number | undefined;
  /** How it is guarded and booked where it is a call of a service. */
  readonly service?: ServiceCall | undefined;
  readonly call?: (own: OwnOfCall) => Promise<Answer>;
  /** Instead of slot, service and call: makes it together with those of other uploads, and tells when it was begun. */
  readonly together?: (begun: () => void) => Promise<Answer>;
  /** Reads the answer. What it throws is an answer that was received and not accepted. */
  readonly accept: (answer: Answer) => Result;
  /** Gets the call when it goes on after the grace: what it does then has to be cleaned up. */
  readonly onLate?: (late: Promise<unknown>) => void;
}

/**
 * Makes one call: waits for its slot, asks whether the service may be called, bounds it by its timeout, and stops waiting for
 * an adapter that ignores its signal. A result that arrives within the grace counts, also after an abort: it was paid for.
 *
 * @throws UploadError what went wrong, classified
 * @throws Interrupted when the run was aborted
 */
export function callStage<U extends UploadRecord, Answer, Result>(
  run: UploadRun<U>,
  call: StageCall<Answer, Result>,
): Promise<Result> {
  throwIfInterrupted(run.signal);
  const queuedAt = call.queuedAt ?? performance.now();
  if (call.slot === undefined) return timed(run, call, queuedAt);
  return call.slot.run(run.signal, () => timed(run, call, queuedAt));
}

async function timed<U extends UploadRecord, Answer, Result>(
  run: UploadRun<U>,
  call: StageCall<Answer, Result>,
  queuedAt: number,
): Promise<Result> {
  const { stage, attempt } = call;
  let begunAt = call.slot === undefined && call.queuedAt === undefined ? queuedAt : performance.now();
  let outcome: "ok" | "failed" = "failed";
  run.lastUsage = undefined;
  const begun = () => {
    begunAt = performance.now();
  };
  try {
    const admitting = call.service === undefined ? undefined : admitCall(run, call.service);
    const admitted = admitting instanceof Promise ? await admitting : admitting;
    const isPlain = run.settings.arounds.length === 0;
    const result = isPlain
      ? accepted(run, call, await makeCall(run, call, begun, admitted))
      : await callWrapped(run, call, begun, admitted);
    outcome = "ok";
    return result;
  } catch (error) {
    run.progress.halt();
    throw error;
  } finally {
    const durationMs = performance.now() - begunAt;
    const waitedMs = begunAt - queuedAt;
    const timing: StageTiming = { stage, attempt, durationMs, waitedMs, outcome };
    const used = usageOfLast(run);
    run.stages.push(
      Object.freeze(used === undefined ? timing : { stage, attempt, durationMs, waitedMs, outcome, usage: used.usage }),
    );
  }
}

/** What the call that was made last has used up, where it was booked. */
function usageOfLast<U extends UploadRecord>({ lastUsage }: UploadRun<U>): { readonly usage: Usage } | undefined {
  return lastUsage && { usage: lastUsage.toUsage() };
}

/** The call itself, in its slot. */
function makeCall<U extends UploadRecord, Answer>(
  run: UploadRun<U>,
  call: StageCall<Answer, unknown>,
  begun: () => void,
  admitted: AdmittedCall | undefined,
): Promise<Answer> {
  if (call.together !== undefined) return call.together(begun);
  if (call.service === undefined || admitted === undefined) return beginCall(run, call);
  return callService(run, call, call.service, admitted, beginCall);
}

/**
 * Inside the wrappers of the plugins: what they wrap is a call, not the wait for one. They are told of an answer that is not accepted,
 * too.
 */
function callWrapped<U extends UploadRecord, Answer, Result>(
  run: UploadRun<U>,
  call: StageCall<Answer, Result>,
  begun: () => void,
  admitted: AdmittedCall | undefined,
): Promise<Result> {
  const { stage, attempt, code } = call;
  return wrapped(
    run.settings.arounds,
    { kind: "stage", stage, attempt, uploadId: run.id, batchId: run.batchId },
    async () => accepted(run, call, await makeCall(run, call, begun, admitted)),
    (settled) => {
      const usage = usageOfLast(run);
      if ("value" in settled) return { outcome: "ok", ...usage };
      if (settled.thrown instanceof Interrupted) return { outcome: "aborted", ...usage };
      return { outcome: "failed", error: classifyError(settled.thrown, stage, code), ...usage };
    },
    (thrown) => run.warn(pluginFailed(thrown, stage)),
  );
}

function beginCall<U extends UploadRecord, Answer>(
  run: UploadRun<U>,
  call: StageCall<Answer, unknown>,
  now?: number,
): Promise<Answer> {
  if (call.status !== undefined) run.progress.begin(call.stage, call.status, call.attempt, now);
  throwIfInterrupted(run.signal); // lost in the queue, or aborted by a listener just now
  return new BoundedCall(run, call).answer;
}

/** Another call after an answer that was not accepted is another call for the service, too: its key is counted on. */
function accepted<U extends UploadRecord, Answer, Result>(
  run: UploadRun<U>,
  { stage, accept }: StageCall<Answer, Result>,
  answer: Answer,
): Result {
  try {
    return accept(answer);
  } catch (error) {
    noteRefused(run, stage);
    throw error;
  }
}

/** An answer of the stage was received and not accepted. */
export function noteRefused<U extends UploadRecord>(run: UploadRun<U>, stage: StageName): void {
  run.refusedAnswers ??= new Map();
  run.refusedAnswers.set(stage, (run.refusedAnswers.get(stage) ?? 0) + 1);
  run.settings.memory.refusedAnswers.set(run.id, run.refusedAnswers);
}

export function pluginFailed(thrown: unknown, stage: StageName | null): UploadError {
  const { message } = classifyError(thrown, "save", "LISTENER_FAILED");
  return new UploadError(`A plugin's around failed: ${message}`, { code: "LISTENER_FAILED", stage, cause: thrown });
}
