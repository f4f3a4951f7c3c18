import pRetry from "p-retry";
import { ConfigurationError, isA, type UploadError } from "../errors.js";
import type { Settings } from "../options.js";
import type { Stoppable } from "./cancellation.js";
import { Interrupted, sleep } from "./time.js";

/** How a failed attempt is followed by another. */
export interface RetryPolicy {
  /** Counts the first try. */
  readonly maxAttempts: number;
  readonly signal: Stoppable;
  /** How long to wait before the next attempt, in milliseconds; `null` for no further attempt. */
  readonly delayAfter: (error: Error, attempt: number) => number | null;
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
        const delayMs = policy.delayAfter(error, attemptNumber);
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

/** The wait after a failed attempt, in milliseconds: exponential, or what the service asked for when that is longer. */
export function backoff(error: UploadError, attempt: number, retry: Settings<never>["retry"]): number {
  const { minTimeout, maxTimeout, factor, randomize, maxRetryAfterMs } = retry;
  const spread = randomize ? 1 + Math.random() : 1;
  const exponential = Math.min(maxTimeout, Math.round(spread * minTimeout * factor ** (attempt - 1)));
  return Math.max(exponential, Math.min(error.retryAfterMs ?? 0, maxRetryAfterMs));
}

const BRIEF_DELAYS_MS = [100, 300, 900, 2700] as const;

/** Short retries of a call that stores or removes something, about four seconds in all. */
export function retryBriefly<T>(call: () => Promise<T>, signal: Stoppable): Promise<T> {
  return retry(call, {
    maxAttempts: BRIEF_DELAYS_MS.length + 1,
    signal,
    delayAfter: (error, attempt) =>
      error instanceof ConfigurationError ? null : (BRIEF_DELAYS_MS[attempt - 1] ?? null),
  });
}
