import pRetry from "p-retry";
import type { Stoppable } from "../async/cancellation.js";
import { Interrupted, sleep } from "../async/time.js";
import { classifyError, isA, isFault, isRefusal, type UploadError } from "../errors.js";
import type { Settings } from "./settings.js";

/** How a failed attempt is followed by another. */
export interface RetryPolicy {
  /** Counts the first try. */
  readonly maxAttempts: number;
  readonly signal: Stoppable;
  /** How long to wait before the next attempt, in milliseconds; `null` for no further attempt. */
  readonly delayAfter: (thrown: unknown, attempt: number) => number | null;
}

/**
 * Runs attempts until one succeeds, with a wait in between that an abort ends.
 *
 * p-retry counts and decides; the waiting is ours, because it has no delay by the error (`Retry-After`), and does not tell
 * the delay that it takes. It gets no signal: it would turn an attempt that succeeded under an abort into a rejection.
 */
export async function retry<T>(attempt: (number: number) => Promise<T>, policy: RetryPolicy): Promise<T> {
  let first: unknown;
  try {
    return await attempt(1);
  } catch (error) {
    first = error;
  }
  // Almost every first attempt succeeds, and p-retry takes 6 µs to read its options (Node 20): it comes in when one fails, and
  // sees that one as the first that it made.
  const again = (number: number) => attempt(number).catch((error) => Promise.reject(asError(error)));
  try {
    return await pRetry((number) => (number === 1 ? Promise.reject(asError(first)) : again(number)), {
      retries: policy.maxAttempts - 1,
      minTimeout: 0,
      shouldRetry: async ({ error, attemptNumber }) => {
        if (error instanceof Interrupted) return false;
        const delayMs = policy.delayAfter(error instanceof Wrapped ? error.thrown : error, attemptNumber);
        if (delayMs === null) return false;
        await sleep(delayMs, policy.signal);
        return true;
      },
    });
  } catch (error) {
    throw error instanceof Wrapped ? error.thrown : error;
  }
}

/** p-retry gives up at a TypeError, which a client may throw when its connection breaks, and at what is no error. */
class Wrapped extends Error {
  constructor(readonly thrown: unknown) {
    super("wrapped");
  }
}

function asError(thrown: unknown): Error {
  return isA(thrown, Error) && !isA(thrown, TypeError) ? thrown : new Wrapped(thrown);
}

const sharedChances = new WeakMap<UploadError, number>();

/** Those who failed together with this error wait equally long, so that they can be sent together again. */
export function shareWait(error: UploadError): void {
  sharedChances.set(error, Math.random());
}

/**
 * The wait after a failed attempt, in milliseconds: exponential, or what the service asked for when that is longer. A hint is
 * spread upwards by up to a fifth, so that those who were refused together do not come back together.
 */
export function backoff(error: UploadError, attempt: number, retry: Settings<never>["retry"]): number {
  const { minTimeout, maxTimeout, factor, randomize, maxRetryAfterMs } = retry;
  const random = randomize ? (sharedChances.get(error) ?? Math.random()) : 0;
  const exponential = Math.min(maxTimeout, Math.round((1 + random) * minTimeout * factor ** (attempt - 1)));
  const hint = Math.min(error.retryAfterMs ?? 0, maxRetryAfterMs);
  return Math.max(exponential, Math.round((1 + random / 5) * hint));
}

const BRIEF_DELAYS_MS = [100, 300, 900, 2700] as const;

/** Short retries of a call that stores or removes something, about four seconds in all. What cannot pass is not repeated. */
export function retryBriefly<T>(call: () => Promise<T>, signal: Stoppable): Promise<T> {
  return retry(call, {
    maxAttempts: BRIEF_DELAYS_MS.length + 1,
    signal,
    delayAfter: (thrown, attempt) => (isPermanent(thrown) ? null : (BRIEF_DELAYS_MS[attempt - 1] ?? null)),
  });
}

function isPermanent(thrown: unknown): boolean {
  return isRefusal(thrown) || isFault(classifyError(thrown, "save", "REPOSITORY_FAILED"), "deployment");
}
