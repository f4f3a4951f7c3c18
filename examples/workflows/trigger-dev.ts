/** The task of one upload in Trigger.dev. Waits of more than some seconds are checkpointed: they cost nothing. */
import { AbortTaskRunError, task, wait } from "@trigger.dev/sdk";
import { attemptAt, type Job } from "../engines/attempt.js";

const MAX_ATTEMPTS = 3;

/**
 * `processUpload.trigger({ uploadId })`. Without an `idempotencyKey`, by which an upload that was reset would not be done again: a second
 * run of an upload waits for the first one, and finds nothing to do.
 */
export const processUpload = task({
  id: "process-upload",
  queue: { concurrencyLimit: 8 },
  run: async (job: Job, { signal }) => {
    let number = 1;
    for (;;) {
      const next = await attemptAt(job, { number, max: MAX_ATTEMPTS }, signal);
      if (next.state === "done") return;
      if (next.state === "failed") throw new AbortTaskRunError(next.reason);
      if (next.counted) number++;
      await wait.for({ seconds: Math.ceil(next.inMs / 1000) });
    }
  },
});
