import { sleep, withTimeout } from "./async/time.js";
import type { AIAdapter, Description, Media, StageContext } from "./contracts/ai.js";
import type { UploadRecord } from "./contracts/upload.js";
import {
  classifyError,
  errorChain,
  hasCode,
  messageOf,
  read as readFrom,
  statusOf,
  tellUnasked,
  UploadError,
  usageOf,
} from "./errors.js";
import { RecentMap } from "./runtime/recent-map.js";
import { aFunction, optional, requireKnown, requireMembers, timeout } from "./validate.js";

/** What a service tells of its job. */
export type PolledJob =
  | { readonly done: false; readonly progress?: number | undefined }
  | { readonly done: true; readonly result: string | Description }
  /** The job has failed, and why: an error, or what the service says. It is judged as if `describe` had thrown it. */
  | { readonly done: true; readonly error: unknown };

type DoneJob = Extract<PolledJob, { readonly done: true }>;

/** A service that takes a job, and is asked again and again how far it is. */
export interface PollingOptions<U extends UploadRecord, Job> {
  /** Hands the job in. It is paid for here, so it is started once. */
  readonly start: (media: Media<U>, context: StageContext) => Promise<Job>;
  /**
   * Asks for it. `progress` is from 0 to 1. A job that has failed is `{ done: true, error }`. What `read` throws is followed by another
   * read if it tells of the service (5xx, 429, a connection); what tells nothing of itself ends the job at its fifth time in a row. A
   * job that the service has lost (404 or 410, once any job could be read) is the service's failure.
   */
  readonly read: (job: Job, context: StageContext) => Promise<PolledJob>;
  /** Tells the service that nobody waits for the job any more. It is waited for 4 s at most; what it throws is logged. */
  readonly cancel?: ((job: Job) => Promise<void>) | undefined;
  /** The wait before the first read, in milliseconds; each further one is half as long again. @default 500 */
  readonly minIntervalMs?: number | undefined;
  /** The longest wait between two reads, in milliseconds. @default 10000 */
  readonly maxIntervalMs?: number | undefined;
}

const MEMBERS = ["start", "read", "cancel", "minIntervalMs", "maxIntervalMs"] as const;
const GROWTH = 1.5;
/** Less than the library waits for an adapter whose signal is aborted. */
const CANCEL_TIMEOUT_MS = 4000;
/** Jobs that nobody came back for. */
const MOST_REMEMBERED = 1000;
/** Reads in a row that may fail for no reason that is known. */
const MOST_UNCLEAR = 5;

/**
 * A `describe` for services that take a job and report its progress. The job is read until it is done, or the stage's timeout
 * (`timeouts.describeMs`) is over. It goes on then, and the next attempt of the same upload in this process reads it on instead
 * of starting, and paying for, another one. Any other abort cancels it. One that has failed is another one in the next attempt.
 *
 * @throws ConfigurationError an option that is unknown or out of range
 * @example
 * const ai = {
 *   describe: describeByPolling({
 *     start: async (media, { signal, idempotencyKey }) => service.submit(await media.visionImage(), { signal, idempotencyKey }),
 *     read: async (id, { signal }) => {
 *       const { status, progress, text, error } = await service.job(id, { signal });
 *       if (status === "failed") return { done: true, error };
 *       return status === "succeeded" ? { done: true, result: text } : { done: false, progress };
 *     },
 *     cancel: (id) => service.cancel(id),
 *   }),
 * };
 */
export function describeByPolling<U extends UploadRecord, Job>(
  options: PollingOptions<U, Job>,
): AIAdapter<U>["describe"] {
  requireMembers("describeByPolling", options, ["start", "read"]);
  requireKnown("describeByPolling", options, MEMBERS);
  optional("describeByPolling.cancel", options.cancel, aFunction, "a function");
  const min = timeout("describeByPolling.minIntervalMs", options.minIntervalMs, 500);
  const max = timeout("describeByPolling.maxIntervalMs", options.maxIntervalMs, Math.max(10_000, min), min);
  const running = new RecentMap<string, { readonly job: Job }>(MOST_REMEMBERED);
  /** The address is right, then, and 404 tells of the job. */
  let wasRead = false;

  return async (media, context) => {
    const { signal, logger } = context;
    const key = context.idempotencyKey;
    signal.throwIfAborted();
    const earlier = running.get(key);
    if (earlier !== undefined) {
      let ended: DoneJob | undefined;
      try {
        ended = await follow(earlier.job, 0);
      } catch (error) {
        if (signal.aborted) {
          tellUnasked(error);
          throw error;
        }
        // It may have run out while nobody asked for it.
        logger.info(
          { uploadId: media.upload.id, error },
          "the job of an earlier attempt failed; another one is started",
        );
      }
      if (ended !== undefined) return unpaid(ended);
    }
    const job = await options.start(media, context);
    running.set(key, { job });
    return resultOf(await follow(job, min));

    async function follow(job: Job, firstWaitMs: number): Promise<DoneJob> {
      let interval = min;
      let waitMs = firstWaitMs;
      const unclear = { reads: 0 };
      try {
        for (;;) {
          await pause(waitMs, signal);
          const answer = await read(job, unclear);
          if (answer.done === true) {
            running.delete(key);
            return answer;
          }
          if (answer.progress !== undefined) context.reportProgress(answer.progress);
          waitMs = Math.max(interval, answer.retryAfterMs ?? 0);
          interval = Math.min(max, interval * GROWTH);
        }
      } catch (thrown) {
        // At the timeout it goes on, and the next attempt reads it on.
        if (signal.aborted && hasCode(signal.reason, "STAGE_TIMEOUT")) throw thrown;
        running.delete(key);
        if (signal.aborted) await cancel(job);
        throw thrown;
      }
    }

    /**
     * An error of the service's, not of the job's, is as good as "not yet". What tells nothing of itself may be either: it ends the job
     * when it comes again and again, for another job is paid for.
     *
     * @param unclear so many reads in a row of this job have failed for no reason that is known
     */
    async function read(
      job: Job,
      unclear: { reads: number },
    ): Promise<PolledJob & { readonly progress?: number; readonly retryAfterMs?: number }> {
      let answer: PolledJob | undefined;
      try {
        answer = await options.read(job, context);
      } catch (thrown) {
        if (wasRead && isGone(thrown)) throw gone(thrown);
        const { fault, retryable, retryAfterMs } = classifyError(thrown, "describe", "DESCRIBE_FAILED");
        const isUnclear = fault !== "service" && ++unclear.reads >= MOST_UNCLEAR;
        if (signal.aborted || isUnclear || !retryable) throw thrown;
        logger.info({ uploadId: media.upload.id, error: thrown }, "the job could not be read; it is read again");
        return retryAfterMs === undefined ? { done: false } : { done: false, retryAfterMs };
      }
      unclear.reads = 0;
      wasRead = true;
      if (answer?.done === true || answer?.done === false) return answer as PolledJob & { progress?: number };
      const forms = "{ done: true, result }, { done: true, error } or { done: false }";
      throw new UploadError(`describeByPolling: expected read to answer ${forms}`, {
        code: "DESCRIBE_FAILED",
        retryable: false,
      });
    }

    async function cancel(job: Job): Promise<void> {
      if (options.cancel === undefined) return;
      try {
        await withTimeout(options.cancel(job), CANCEL_TIMEOUT_MS, () => new Error("cancel did not answer in time"));
      } catch (error) {
        logger.warn({ uploadId: media.upload.id, error }, "the job could not be cancelled");
      }
    }
  };
}

/** Not where the error says itself whose fault it is, or whether it is worth another try. */
function isGone(thrown: unknown): boolean {
  const isTold = readFrom(thrown, "fault") !== undefined || readFrom(thrown, "retryable") !== undefined;
  return !isTold && errorChain(thrown).some((error) => [404, 410].includes(statusOf(error) ?? 0));
}

/** A service that was restarted may know its jobs no more. */
function gone(thrown: unknown): UploadError {
  const message = `The service does not know the job any more: ${messageOf(thrown)}`;
  return new UploadError(message, { code: "DESCRIBE_FAILED", stage: "describe", fault: "service", cause: thrown });
}

/** @throws UploadError the reason of a job that has failed */
function resultOf(job: DoneJob): string | Description {
  if (hasFailed(job)) throw failureOf(job.error);
  return job.result;
}

/** Services may name both and leave one empty: a result with an error of null or "" is a result. */
function hasFailed(job: DoneJob): job is Extract<DoneJob, { readonly error: unknown }> {
  return "error" in job && (Boolean(job.error) || !("result" in job));
}

function failureOf(error: unknown): UploadError {
  const why = error ? error : new Error("The job failed, and the service does not say why");
  return classifyError(why, "describe", "DESCRIBE_FAILED");
}

/** Of a job that an earlier attempt has started, and paid for: it is not on the invoice once more, also when it has failed. */
function unpaid(job: DoneJob): string | Description {
  if (hasFailed(job)) {
    const failure = failureOf(job.error);
    if (usageOf(failure) === undefined) tellUnasked(failure);
    throw failure;
  }
  const description = typeof job.result === "string" ? { text: job.result } : job.result;
  return { ...description, usage: { requests: 0, ...description?.usage } };
}

/** @throws the signal's reason */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return sleep(ms, signal).catch(() => {
    throw signal.reason;
  });
}
