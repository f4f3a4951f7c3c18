import { Interrupted } from "../async/time.js";
import type { Media } from "../contracts/ai.js";
import type { UploadRecord } from "../contracts/upload.js";
import { classifyError, isFault, type UploadError } from "../errors.js";
import type { Breaker } from "../runtime/breaker.js";
import { type Answer, askModel, better, keptInstead } from "./ask.js";
import { isOfModel, type Model } from "./chain.js";
import type { FallbackCause } from "./fallback-cause.js";
import { fellBack, lacksModel } from "./fallback-log.js";
import type { UploadRun } from "./run.js";
import { isLimitOfCalls } from "./verdict.js";

/**
 * Asks the models of a chain in their order: the next one when one has failed for good, is held by its breaker, or did not pass
 * its audit. Whatever happens once there is an answer, the best one is kept.
 *
 * @throws UploadError of the last model that was to be asked; one of the deployment only where no other has failed otherwise
 * @throws Interrupted
 */
export function askChain<U extends UploadRecord>(
  run: UploadRun<U>,
  media: Media<U>,
  attempt: number,
): Promise<Answer<U>> {
  return run.settings.models.slot.hold(run.signal, () => untilAnswered(run, media, attempt));
}

async function untilAnswered<U extends UploadRecord>(
  run: UploadRun<U>,
  media: Media<U>,
  attempt: number,
): Promise<Answer<U>> {
  const { models: all, logger } = run.settings;
  const goesOn = (cause: FallbackCause) => all.goesOn(cause, () => run.record());
  const models = candidates(run);
  const refusedBy: Breaker[] = [];
  let best: Answer<U> | undefined;
  let asks = 0;
  let failure: UploadError | undefined;
  for (const [index, model] of models.entries()) {
    const isLast = index === models.length - 1;
    const refusal = refusalOf(run, model, models.slice(index + 1));
    let error: unknown = refusal;
    if (refusal === undefined) {
      try {
        const answer = await askModel(run, media, attempt, model);
        asks += answer.asks;
        best = better(best, { ...answer, asks });
        if (answer.verdict === undefined || answer.verdict.ok || isLast || run.unpriced !== undefined) break;
        if (!goesOn({ audit: answer.verdict })) break;
        fellBack(logger, run.id, model, { audit: answer.verdict });
        continue;
      } catch (thrown) {
        error = thrown;
      }
    }
    if (error instanceof Interrupted && best === undefined) throw error;
    const told = classifyError(error, "describe", "DESCRIBE_FAILED");
    if (told.code === "CIRCUIT_OPEN") refusedBy.push(model.breaker);
    if (isFault(told, "deployment") && isOfModel(told) && run.unpriced === undefined)
      lacksModel(run.settings, model, told);
    if (best !== undefined) {
      keptInstead(run, error);
      if (error instanceof Interrupted || !isOfModel(told)) break;
    } else {
      const isOver = !isOfModel(told) || !isForGood(run, told, attempt, model);
      if (isOver || failure === undefined || !isFault(told, "deployment")) {
        failure = told;
        run.failedModel = model.place;
      }
      if (isOver || run.unpriced !== undefined) break;
      if (isOwnFault(run, told, model)) failedForGood(run, model);
    }
    const isAgreed = refusal !== undefined && !run.settings.comesBack;
    if (isLast || (!isAgreed && !goesOn({ error: told }))) break;
    fellBack(logger, run.id, model, { error: told });
  }
  if (best !== undefined) return { ...best, asks };
  if (failure?.code === "CIRCUIT_OPEN") run.refusedBy = refusedBy;
  throw failure;
}

/** The models that have not failed this upload for good in an earlier attempt or visit; all of them when they have. */
function candidates<U extends UploadRecord>({ settings, id }: UploadRun<U>): readonly Model<U>[] {
  const { list } = settings.models;
  const failed = settings.memory.failedForGood.get(id);
  const left = failed === undefined ? list : list.filter(({ place }) => !failed.has(place));
  return left.length === 0 ? list : left;
}

/** Whether the upload would fail here again, whenever it is visited. */
function isOwnFault<U extends UploadRecord>(
  { settings, id }: UploadRun<U>,
  error: UploadError,
  { breaker }: Model<U>,
): boolean {
  if (isFault(error, "upload")) return !error.retryable;
  if (isLimitOfCalls(error)) return false;
  const trial = settings.memory.trialOf(id, breaker);
  if (error.fault !== "service" || trial === undefined || trial.failures < settings.retry.maxAttempts) return false;
  return breaker.succeededSince(trial.firstFailed);
}

function failedForGood<U extends UploadRecord>({ settings, id }: UploadRun<U>, { place }: Model<U>): void {
  const failed = settings.memory.failedForGood.get(id) ?? new Set();
  failed.add(place);
  settings.memory.failedForGood.set(id, failed);
}

/** Why it is not asked just now. Where nobody comes back, it is asked all the same unless another one may be asked instead. */
function refusalOf<U extends UploadRecord>(
  run: UploadRun<U>,
  { breaker }: Model<U>,
  later: readonly Model<U>[],
): UploadError | undefined {
  const error = breaker.refusal();
  if (error === undefined || run.settings.comesBack) return error;
  const isAnother = later.some((one) => one.breaker.refusal() === undefined);
  return isAnother && run.settings.models.goesOn({ error }, () => run.record()) ? error : undefined;
}

/** Whether this model makes no further attempt at this upload. */
function isForGood<U extends UploadRecord>(
  { settings }: UploadRun<U>,
  error: UploadError,
  attempt: number,
  { breaker }: Model<U>,
): boolean {
  const { retry, attempt: engine, comesBack } = settings;
  if (error.code === "CIRCUIT_OPEN" || isFault(error, "account") || isFault(error, "deployment")) return true;
  if (attempt >= (engine?.max ?? retry.maxAttempts) || !retry.shouldRetry(error, attempt)) return true;
  if ((error.retryAfterMs ?? 0) > retry.maxRetryAfterMs) return true;
  return comesBack && error.fault === "service" && breaker.open !== undefined;
}
