/** Uploads as workflows of DBOS, in the same PostgreSQL: a step for each attempt, and waits that survive a restart. */
import { DBOS } from "@dbos-inc/dbos-sdk";
import { attemptAt, type Job } from "./attempt.js";

const MAX_ATTEMPTS = 3;

const processUpload = DBOS.registerWorkflow(
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

/** A worker: it goes on with the workflows that were interrupted. `DBOS.shutdown()` ends it. */
export async function startWorker(): Promise<void> {
  DBOS.setConfig({
    name: "photos",
    systemDatabaseUrl: process.env.DATABASE_URL ?? "",
    systemDatabaseSchemaName: process.env.DBOS_SCHEMA ?? "dbos",
    logLevel: "warn",
  });
  await DBOS.launch();
}

/**
 * One workflow for each upload at a time: its id is made of the upload's. DBOS runs an id once, so a workflow that has ended is replaced,
 * and uploads that were reset are enqueued like new ones. A workflow ends a moment after its upload has.
 *
 * @returns for how many uploads there was an open workflow already
 */
export async function enqueue(jobs: readonly Job[]): Promise<number> {
  let already = 0;
  for (const job of jobs) {
    const workflowID = `upload-${job.uploadId}`;
    const known = await DBOS.getWorkflowStatus(workflowID);
    if (known?.status === "PENDING") {
      already++;
      continue;
    }
    if (known !== null) await DBOS.deleteWorkflow(workflowID);
    await DBOS.startWorkflow(processUpload, { workflowID })(job);
  }
  return already;
}
