import { Cancellation, type Stoppable } from "../async/cancellation.js";
import { Interrupted, throwIfInterrupted, unlessAborted } from "../async/time.js";
import type { AIAdapter } from "../contracts/ai.js";
import { classifyError, UploadError } from "../errors.js";

const TIMEOUT_MS = 10_000;

/**
 * Asks a model how it is. One that ignores its signal is not waited for.
 *
 * @param stage that an error is of which does not say it itself
 * @returns why it is not well; `undefined` when it is, or does not tell
 * @throws Interrupted when the signal is aborted before it has answered
 */
export async function askHealth(
  ai: Pick<AIAdapter, "checkHealth">,
  stage: "describe" | "embed",
  signal: Stoppable,
): Promise<UploadError | undefined> {
  if (ai.checkHealth === undefined) return undefined;
  throwIfInterrupted(signal);
  const asking = new Cancellation();
  const message = `checkHealth did not answer within ${TIMEOUT_MS} ms`;
  const tooLate = new UploadError(message, { code: "STAGE_TIMEOUT", stage });
  const timer = setTimeout(() => asking.abort(tooLate), TIMEOUT_MS);
  const onAbort = () => asking.abort(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await unlessAborted(Promise.resolve(ai.checkHealth({ signal: asking.signal })), asking);
    return undefined;
  } catch (thrown) {
    if (signal.aborted) throw new Interrupted();
    if (asking.aborted) return tooLate;
    return classifyError(thrown, stage, stage === "embed" ? "EMBED_FAILED" : "DESCRIBE_FAILED");
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}
