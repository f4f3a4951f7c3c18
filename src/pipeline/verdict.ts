import type { AIAdapter } from "../contracts/ai.js";
import type { UploadRecord } from "../contracts/upload.js";
import { isFault, type UploadError } from "../errors.js";
import type { Breaker } from "../runtime/breaker.js";
import { askHealth } from "./ask-health.js";
import type { Model } from "./chain.js";
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

/**
 * Whose fault it is decides.
 *
 * @throws ConfigurationError when the health check finds the deployment at fault
 * @throws Interrupted when the work is aborted meanwhile
 */
export async function verdict<U extends UploadRecord>(run: UploadRun<U>, error: UploadError): Promise<Verdict> {
  const { comesBack, attempt, retry } = run.settings;
  if (error.code === "CIRCUIT_OPEN" || error.code === "BUDGET_EXHAUSTED") return held(run, error);
  if (comesBack && isFault(error, "account")) return held(run, error);
  const isWorthIt = retry.shouldRetry(error, attempt?.number ?? run.attempts);
  if (comesBack && isWorthIt && error.fault === "service") return judgeService(run, error);
  return attempt !== undefined && attempt.number < attempt.max && isWorthIt ? { kind: "deferred" } : { kind: "failed" };
}

/** After so many visits of an upload in vain, what another model of the chain made of it has to do. */
const MOST_VISITS = 6;

/**
 * A service that fails every upload is down; one that fails this upload alone is not. So the upload is at fault only when its
 * attempts are used up and there is evidence that the service was up.
 */
async function judgeService<U extends UploadRecord>(run: UploadRun<U>, error: UploadError): Promise<Verdict> {
  const { memory, attempt } = run.settings;
  const [service, ...others] = servicesOf(run, error);
  const trial = memory.trialOf(run.id, service.breaker);
  // Of those in one call nobody knows which one was at fault.
  if (trial === undefined || run.failedTogether || isLimitOfCalls(error)) return held(run, error);
  // Nobody else may ever ask the model that failed last, and then nothing tells that it is up.
  const asked = trial.held < MOST_VISITS ? [service] : [service, ...others];
  for (const each of asked) {
    if (!(await isUploadsOwn(run, error, each))) continue;
    service.breaker.blame(run.id);
    if (attempt !== undefined && attempt.number < attempt.max) return { kind: "deferred" };
    return { kind: "failed" };
  }
  return held(run, error);
}

/** The service takes so many calls, and tells when it takes more: that is no upload's fault, however often one meets it. */
export function isLimitOfCalls({ code, retryAfterMs }: UploadError): boolean {
  return code === "RATE_LIMITED" && retryAfterMs !== undefined;
}

interface Service {
  readonly breaker: Breaker;
  readonly ai?: Pick<AIAdapter, "checkHealth">;
}

/** The service that has failed, and behind it the other models of its chain. */
function servicesOf<U extends UploadRecord>(run: UploadRun<U>, error: UploadError): [Service, ...Service[]] {
  const { models } = run.settings;
  if (error.stage === "describe") {
    const failed = models.list[run.failedModel] as Model<U>;
    return [failed, ...models.list.filter((model) => model !== failed)];
  }
  const breaker = breakerOf(run, error);
  // Vectors come from one model only, whatever the others could do.
  return [error.stage === "embed" && models.embedder !== undefined ? { breaker, ai: models.embedder.ai } : { breaker }];
}

async function isUploadsOwn<U extends UploadRecord>(
  run: UploadRun<U>,
  error: UploadError,
  { breaker, ai }: Service,
): Promise<boolean> {
  const { memory, attempt, retry, run: context } = run.settings;
  const trial = memory.trialOf(run.id, breaker);
  if (trial === undefined || (attempt === undefined && trial.failures < retry.maxAttempts)) return false;
  // What began before this upload failed may have ended well although the service went down meanwhile.
  if (breaker.succeededSince(run.failedSince?.get(breaker) ?? Number.POSITIVE_INFINITY)) return true;
  // Between two visits the service may have come back and gone down again: it knows best.
  if (ai?.checkHealth !== undefined) return isHealthy(run, error, ai);
  if (breaker.succeededSince(trial.firstFailed)) return true;
  // With nothing left that could succeed, a success since its first attempt has to do, once it was tried again later.
  return trial.held > 0 && context?.isLastOne() === true && breaker.endedWellSince(trial.firstBegan);
}

async function isHealthy<U extends UploadRecord>(
  { signal }: UploadRun<U>,
  { stage }: UploadError,
  ai: Pick<AIAdapter, "checkHealth">,
): Promise<boolean> {
  const reason = await askHealth(ai, stage === "embed" ? "embed" : "describe", signal);
  if (isFault(reason, "deployment")) throw reason;
  return reason === undefined;
}

function held<U extends UploadRecord>(run: UploadRun<U>, error: UploadError): Verdict {
  const services = servicesOf(run, error);
  const trial = run.settings.memory.trialOf(run.id, services[0].breaker);
  if (trial !== undefined) trial.held++;
  // Of a chain the first that can be asked again.
  const waits = services.map(({ breaker }) => breaker.retryAfterMs).filter((waitMs) => waitMs !== undefined);
  return { kind: "held", retryAfterMs: waits.length > 0 ? Math.min(...waits) : error.retryAfterMs };
}

/** The breaker of the service that has failed. */
export function breakerOf<U extends UploadRecord>(run: UploadRun<U>, { stage }: UploadError): Breaker {
  const { runtime, models, breakerOfStorage } = run.settings;
  if (stage === "describe") return (models.list[run.failedModel] as Model<U>).breaker;
  if (stage === "embed") return models.breakerOfEmbed;
  return stage === "open" || stage === null ? breakerOfStorage : runtime.breakerOfStage(stage);
}
