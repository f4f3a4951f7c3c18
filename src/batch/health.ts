import type { Cancellation } from "../async/cancellation.js";
import { Interrupted, unlessAborted } from "../async/time.js";
import type { UploadRecord } from "../contracts/upload.js";
import { isFault } from "../errors.js";
import { askHealth } from "../pipeline/ask-health.js";
import { lacksModel } from "../pipeline/fallback-log.js";
import type { RunContext, Settings } from "../pipeline/settings.js";

/**
 * Asks `ai.checkHealth`, if there is one, before the first call of a run: a service that is found down opens its breaker
 * without a call. Of a chain each model is asked.
 *
 * @returns what every call waits for; rejects when the deployment is at fault
 */
export function askOnce<U extends UploadRecord>(
  { models, logger }: Settings<U>,
  run: Pick<RunContext, "missing">,
): RunContext["ready"] {
  const { list, embedder, breakerOfEmbed } = models;
  if (list.every(({ ai }) => ai.checkHealth === undefined)) return () => undefined;
  let asking: Promise<void> | undefined;
  let isOver = false;

  async function ask(cancellation: Cancellation): Promise<void> {
    const reasons = await Promise.all(list.map(({ ai }) => askHealth(ai, "describe", cancellation)));
    const missing = reasons.filter((reason) => isFault(reason, "deployment"));
    for (const [place, reason] of reasons.entries()) {
      const model = list[place];
      if (reason === undefined || model === undefined) continue;
      // Without vectors nothing is completed, and without any model nothing is described.
      if (isFault(reason, "deployment")) {
        if (missing.length === list.length || model === embedder) throw reason;
        lacksModel({ logger, run }, model, reason);
      } else {
        model.breaker.trip(reason);
        if (model === embedder) breakerOfEmbed.trip(reason);
      }
    }
    isOver = true;
  }

  /** The upload that asked for all may be aborted meanwhile: then another one asks. */
  async function untilTold(cancellation: Cancellation): Promise<void> {
    while (!isOver) {
      asking ??= ask(cancellation);
      const current = asking;
      try {
        await unlessAborted(current, cancellation);
      } catch (error) {
        if (!(error instanceof Interrupted) || cancellation.aborted) throw error;
        if (asking === current) asking = undefined;
      }
    }
  }

  return (cancellation) => (isOver ? undefined : untilTold(cancellation));
}
