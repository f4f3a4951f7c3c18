/** The workflow of one upload in DBOS: a step for each attempt, and waits that survive a restart. */
import { DBOS } from "@dbos-inc/dbos-sdk";
import { attemptAt, type Job } from "../engines/attempt.js";

const MAX_ATTEMPTS = 3;

export const processUpload = DBOS.registerWorkflow(
  async (job: Job): Promise<void> => {
    let number = 1;
    for (;;) {
      // A step that was interrupted is run again when the workflow is recovered, and goes on behind what the library has stored.
      const next = await DBOS.runStep(() => attemptAt(job, { number, max: MAX_ATTEMPTS }), { name: "attempt" });
      if (next.state === "done") return;
      if (next.state === "failed") throw new Error(next.reason);
      if (next.counted) number++;
      await DBOS.sleep(next.inMs);
    }
  },
  { name: "processUpload" },
);

/** One workflow for each upload, however often it is started: its id is made of the upload's. */
export async function enqueue(jobs: readonly Job[]): Promise<void> {
  for (const job of jobs) await DBOS.startWorkflow(processUpload, { workflowID: `upload-${job.uploadId}` })(job);
}
