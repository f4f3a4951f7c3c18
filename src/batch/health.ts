import type { Cancellation } from "../async/cancellation.js";
import { withTimeout } from "../async/time.js";
import type { AIAdapter } from "../contracts/ai.js";
import type { UploadRecord } from "../contracts/upload.js";
import { classifyError, isFault, type UploadError } from "../errors.js";
import type { Settings } from "../pipeline/settings.js";

const TIMEOUT_MS = 10_000;

/**
 * Asks `ai.checkHealth`, if there is one, before the first call of a run: a service that is found down opens its breaker
 * without a call. Of a chain each model is asked.
 *
 * @returns what every call waits for; rejects when the deployment is at fault
 */
export function askOnce<U extends UploadRecord>({
  models,
}: Settings<U>): (cancellation: Cancellation) => Promise<void> | undefined {
  const { list, embedder, breakerOfEmbed } = models;
  if (list.every(({ ai }) => ai.checkHealth === undefined)) return () => undefined;
  let asking: Promise<void> | undefined;
  let isOver = false;
  return (cancellation) => {
    if (isOver) return undefined;
    asking ??= (async () => {
      const reasons = await Promise.all(list.map(({ ai }) => reasonOf(ai, cancellation)));
      const missing = reasons.filter((reason) => isFault(reason, "deployment"));
      for (const [place, reason] of reasons.entries()) {
        const model = list[place];
        if (reason === undefined || model === undefined) continue;
        // Without vectors nothing is completed, and without any model nothing is described.
        if (isFault(reason, "deployment")) {
          if (missing.length === list.length || model === embedder) throw reason;
        } else if (!cancellation.aborted) {
          model.breaker.trip(reason);
          if (model === embedder) breakerOfEmbed.trip(reason);
        }
      }
      isOver = true;
    })();
    return asking;
  };
}

/** Why it is not well; `undefined` when it is, or does not tell. */
async function reasonOf<U extends UploadRecord>(
  ai: AIAdapter<U>,
  { signal }: Cancellation,
): Promise<UploadError | undefined> {
  if (ai.checkHealth === undefined) return undefined;
  try {
    await withTimeout(Promise.resolve(ai.checkHealth({ signal })), TIMEOUT_MS, tooLate);
    return undefined;
  } catch (thrown) {
    return classifyError(thrown, "describe", "DESCRIBE_FAILED");
  }
}

const tooLate = () => new Error(`checkHealth did not answer within ${TIMEOUT_MS} ms`);
