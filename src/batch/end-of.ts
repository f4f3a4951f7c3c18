import { Cancellation } from "../async/cancellation.js";
import { forwardAbort, sleep } from "../async/time.js";

/** Waits for the end of the work on an upload, at most so long. @throws Interrupted */
export async function endOf(
  holder: { readonly whenEnded: (callback: () => void) => void },
  atMostMs: number,
  signal: AbortSignal,
): Promise<void> {
  const waiting = new Cancellation();
  const unlink = forwardAbort(signal, waiting);
  const ended = new Error("ended");
  holder.whenEnded(() => waiting.abort(ended));
  try {
    await sleep(atMostMs, waiting);
  } catch (error) {
    if (waiting.reason !== ended) throw error;
  } finally {
    unlink();
  }
}
