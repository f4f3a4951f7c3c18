import { withTimeout } from "../async/time.js";
import type { UploadRecord } from "../contracts/upload.js";
import { classifyError, isFault, type UploadError } from "../errors.js";
import type { Breaker } from "../runtime/breaker.js";
import type { UploadRun } from "./run.js";

/**
 * What becomes of an upload whose attempts have ended with an error.
 *
 * - `failed`: nothing further is coming, the reason is stored.
 * - `deferred`: handed back to an engine; the attempt counts.
 * - `held`: handed back to who comes back, as if it had not been begun; it was not the upload's fault.
 */
export type Verdict =
  | { readonly kind: "failed" | "deferred" }
  | { readonly kind: "held"; readonly retryAfterMs: number | undefined };

const HEALTH_TIMEOUT_MS = 10_000;

/** Whose fault it is decides. @throws ConfigurationError when the health check finds the deployment at fault */
export async function verdict<U extends UploadRecord>(run: UploadRun<U>, error: UploadError): Promise<Verdict> {
  const { comesBack, attempt, retry } = run.settings;
  if (error.code === "CIRCUIT_OPEN" || error.code === "BUDGET_EXHAUSTED") return held(run, error);
  if (comesBack && isFault(error, "account")) return held(run, error);
  const isWorthIt = retry.shouldRetry(error, attempt?.number ?? run.attempts);
  if (comesBack && isWorthIt && error.fault === "service") return judgeService(run, error);
  return attempt !== undefined && attempt.number < attempt.max && isWorthIt ? { kind: "deferred" } : { kind: "failed" };
}

/**
 * A service that fails every upload is down; one that fails this upload alone is not. So the upload is at fault only when its
 * attempts are used up and there is evidence that the service was up.
 */
async function judgeService<U extends UploadRecord>(run: UploadRun<U>, error: UploadError): Promise<Verdict> {
  const { runtime, attempt, retry } = run.settings;
  const trial = runtime.trials.get(run.id);
  // A limit of calls is no fault of any of them.
  if (trial === undefined || (error.code === "RATE_LIMITED" && error.retryAfterMs !== undefined))
    return held(run, error);
  if (attempt === undefined && trial.failures < retry.maxAttempts) return held(run, error);
  const breaker = breakerOf(run, error);
  if (!(await isUploadsOwn(run, error, breaker))) return held(run, error);
  breaker.blame(run.id);
  if (attempt !== undefined && attempt.number < attempt.max) return { kind: "deferred" };
  return { kind: "failed" };
}

async function isUploadsOwn<U extends UploadRecord>(
  run: UploadRun<U>,
  error: UploadError,
  breaker: Breaker,
): Promise<boolean> {
  const { runtime, run: context } = run.settings;
  const trial = runtime.trials.get(run.id);
  if (trial === undefined) return false;
  // What began before this upload failed may have ended well although the service went down meanwhile.
  if (breaker.succeededSince(trial.firstFailed)) return true;
  // With nothing left that could succeed, a success since its first attempt has to do, once it was tried again later.
  const isLast = trial.held > 0 && context?.isLastOne() === true;
  if (isLast && breaker.endedWellSince(trial.firstBegan)) return true;
  return isHealthy(run, error);
}

async function isHealthy<U extends UploadRecord>(
  { settings, signal }: UploadRun<U>,
  error: UploadError,
): Promise<boolean> {
  const { ai } = settings;
  if (ai.checkHealth === undefined || (error.stage !== "describe" && error.stage !== "embed")) return false;
  try {
    const asking = ai.checkHealth({ signal: signal.signal });
    await withTimeout(asking, HEALTH_TIMEOUT_MS, () => new Error("checkHealth did not answer"));
    return true;
  } catch (thrown) {
    const reason = classifyError(thrown, error.stage, error.code);
    if (isFault(reason, "deployment")) throw reason;
    return false;
  }
}

function held<U extends UploadRecord>(run: UploadRun<U>, error: UploadError): Verdict {
  const trial = run.settings.runtime.trials.get(run.id);
  if (trial !== undefined) trial.held++;
  const open = breakerOf(run, error).open;
  const retryAfterMs = open === undefined ? error.retryAfterMs : Math.max(1, open.until - Date.now());
  return { kind: "held", retryAfterMs };
}

/** The breaker of the service that has failed. */
export function breakerOf<U extends UploadRecord>({ settings }: UploadRun<U>, { stage }: UploadError): Breaker {
  return settings.runtime.breakerOf(stage === "open" || stage === null ? "storage" : stage);
}
