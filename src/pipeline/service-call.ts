import { atOnce } from "../async/at-once.js";
import type { AIAdapter } from "../contracts/ai.js";
import type { StageName, UploadRecord } from "../contracts/upload.js";
import { ConfigurationError, UploadError, usageOf } from "../errors.js";
import type { Breaker, Ticket } from "../runtime/breaker.js";
import { UsageSum } from "../runtime/ledger.js";
import type { AdmittedCall } from "./admit-call.js";
import type { StageCall } from "./call-stage.js";
import type { UploadRun } from "./run.js";

type Priced = Pick<AIAdapter, "price">;

/** How a call of a service is guarded. */
export interface ServiceCall {
  readonly breaker: Breaker;
  /**
   * A call of the model is made on a claim that is certain, within the budget, and booked; one of a stage of the user's is made
   * on a claim that is certain.
   */
  readonly kind: "model" | "stage" | "storage";
  /** The model's adapter, if it is one: it knows the price. */
  readonly ai?: Priced;
}

/**
 * Makes a call of a service that was admitted. Books it, whatever came of it, and tells the breaker.
 *
 * @param begin makes it; what it throws before there is a call is no call
 */
export async function callService<U extends UploadRecord, Answer>(
  run: UploadRun<U>,
  call: StageCall<Answer, unknown>,
  { breaker, kind, ai = run.settings.ai }: ServiceCall,
  { ticket, leave }: AdmittedCall,
  begin: (run: UploadRun<U>, call: StageCall<Answer, unknown>, now: number) => Promise<Answer>,
): Promise<Answer> {
  const { stage } = call;
  const calledAt = performance.now();
  const book = (outcome: "ok" | "failed", told: unknown) => {
    if (kind !== "model") return;
    const usage = new UsageSum();
    usage.requests = 1;
    usage.durationMs = performance.now() - calledAt;
    usage.read(told);
    // The adapter says that it has called no model: its picture could not be made, or it went on waiting for an earlier call.
    if (usage.requests === 0 && !usage.isTold) {
      leave?.(0);
      return;
    }
    addPrice(run, ai, stage, usage);
    if (usage.cost === undefined && leave !== undefined && outcome === "ok") endUnpriced(run, stage);
    run.book(stage, usage);
    leave?.(usage.cost ?? 0);
  };
  let calling: Promise<Answer>;
  try {
    calling = begin(run, call, calledAt);
  } catch (error) {
    leave?.(0);
    breaker.released(ticket);
    throw error;
  }
  let answer: Answer;
  try {
    answer = await calling;
  } catch (error) {
    book("failed", usageOf(error));
    judge(run, breaker, ticket, stage, error);
    throw error;
  }
  book("ok", usageTold(answer));
  breaker.succeeded(ticket);
  return answer;
}

/** What an answer tells of its usage; whatever it does when it is looked at says nothing of that. */
export function usageTold(answer: unknown): unknown {
  try {
    return new UsageSum().read(Object(answer).usage);
  } catch {
    return undefined;
  }
}

/** The price, where the adapter did not tell the cost itself and `price` knows it. */
export function addPrice<U extends UploadRecord>(
  run: UploadRun<U>,
  ai: Priced,
  stage: StageName,
  usage: UsageSum,
): void {
  const { logger } = run.settings;
  if (usage.cost !== undefined || ai.price === undefined) return;
  try {
    const cost = atOnce("ai.price", ai.price(usage.toUsage(), stage));
    // A price below nothing would give a budget back.
    if (typeof cost === "number" && Number.isFinite(cost) && cost >= 0) usage.cost = cost;
  } catch (error) {
    logger.warn({ uploadId: run.id, error }, "ai.price threw");
  }
}

/** What was made is stored, and then the work ends with this; that of the whole run, if it is in one. */
export function endUnpriced<U extends UploadRecord>(run: UploadRun<U>, stage: StageName): void {
  const error = withoutPrice(stage);
  run.unpriced = error;
  if (run.settings.run !== undefined) run.settings.run.unpriced = error;
}

function withoutPrice(stage: StageName): ConfigurationError {
  return new ConfigurationError(
    `ai.price: expected the price of a ${stage} call, a number of at least 0, because there is a budget`,
  );
}

/**
 * Tells the breaker what a failure says of the service.
 *
 * @param isAlone whether it was a call for this upload alone
 */
export function judge<U extends UploadRecord>(
  run: UploadRun<U>,
  breaker: Breaker,
  ticket: Ticket,
  stage: StageName,
  error: unknown,
  isAlone = true,
): void {
  const { maxRetryAfterMs } = run.settings.retry;
  // What the media failed with says nothing of the model.
  const isOwn = UploadError.isInstance(error) && (error.stage === null || error.stage === stage);
  if (isOwn && error.fault === "account") breaker.failed(ticket, error, true);
  else if (isOwn && error.fault === "service") {
    if (isAlone) noteFailure(run, breaker, ticket.began);
    breaker.failed(ticket, error, (error.retryAfterMs ?? 0) > maxRetryAfterMs, run.settings.attempt !== undefined);
  } else if (isOwn && error.fault === "upload") breaker.answered(ticket);
  else {
    breaker.released(ticket);
    // An original that was opened, and could not be read when it was wanted: the storage has failed the upload, not the model.
    if (UploadError.isInstance(error) && error.stage === "open" && error.fault === "service") {
      const storage = run.settings.breakerOfStorage;
      noteFailure(run, storage, storage.now());
    }
  }
}

/** How often the service has failed this upload, over all its visits: whether it is the upload's fault is told by that. */
function noteFailure<U extends UploadRecord>(run: UploadRun<U>, breaker: Breaker, began: number): void {
  const { comesBack, memory } = run.settings;
  if (!comesBack) return;
  run.failedSince ??= new Map();
  if (!run.failedSince.has(breaker)) run.failedSince.set(breaker, breaker.now());
  let trial = memory.trialOf(run.id, breaker);
  if (trial === undefined) {
    trial = { failures: 0, held: 0, firstBegan: began, firstFailed: breaker.now() };
    memory.tried(run.id, breaker, trial);
  }
  trial.failures++;
}
