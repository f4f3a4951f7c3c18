import type { Cancellation } from "../async/cancellation.js";
import { withTimeout } from "../async/time.js";
import type { UploadRecord } from "../contracts/upload.js";
import { classifyError, isFault } from "../errors.js";
import type { Settings } from "../pipeline/settings.js";

const TIMEOUT_MS = 10_000;

/**
 * Asks `ai.checkHealth`, if there is one, before the first call of a run: a service that is found down opens the breaker
 * without a call.
 *
 * @returns what every call waits for; rejects when the deployment is at fault
 */
export function askOnce<U extends UploadRecord>({
  ai,
  runtime,
}: Settings<U>): (cancellation: Cancellation) => Promise<void> | undefined {
  if (ai.checkHealth === undefined) return () => undefined;
  let asking: Promise<void> | undefined;
  let isOver = false;
  return (cancellation) => {
    if (isOver) return undefined;
    asking ??= (async () => {
      try {
        await withTimeout(Promise.resolve(ai.checkHealth?.({ signal: cancellation.signal })), TIMEOUT_MS, tooLate);
      } catch (thrown) {
        const error = classifyError(thrown, "describe", "DESCRIBE_FAILED");
        if (isFault(error, "deployment")) throw error;
        if (!cancellation.aborted) runtime.breakerOf("describe").trip(error);
      }
      isOver = true;
    })();
    return asking;
  };
}

const tooLate = () => new Error(`checkHealth did not answer within ${TIMEOUT_MS} ms`);
