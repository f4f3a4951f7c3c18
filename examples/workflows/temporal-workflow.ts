/** The workflow of one upload in Temporal. It counts the attempts itself, because Temporal counts waits, too. */
import { ApplicationFailure, proxyActivities, sleep } from "@temporalio/workflow";
import type { Job } from "../engines/attempt.js";
import type * as activities from "./temporal-activities.js";

const MAX_ATTEMPTS = 3;

// Temporal repeats an activity only when its worker was lost: what the library can tell comes back as an answer.
const { attempt } = proxyActivities<typeof activities>({
  startToCloseTimeout: "30 minutes",
  heartbeatTimeout: "20 seconds",
});

export async function processUpload(job: Job): Promise<void> {
  let number = 1;
  for (;;) {
    const next = await attempt(job, number, MAX_ATTEMPTS);
    if (next.state === "done") return;
    if (next.state === "failed") throw ApplicationFailure.nonRetryable(next.reason);
    if (next.counted) number++;
    await sleep(next.inMs);
  }
}
