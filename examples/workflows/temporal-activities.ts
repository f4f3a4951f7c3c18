/** The activity of a Temporal worker: `Worker.create({ activities, workflowsPath: "temporal-workflow", taskQueue: "uploads" })`. */
import { Context } from "@temporalio/activity";
import { attemptAt, type Job, type Next } from "../engines/attempt.js";

const HEARTBEAT_MS = 5000;

/** The heartbeat is what brings a cancellation here, and tells Temporal of a worker that was killed. */
export async function attempt(job: Job, number: number, max: number): Promise<Next> {
  const context = Context.current();
  const beating = setInterval(() => context.heartbeat(), HEARTBEAT_MS);
  try {
    return await attemptAt(job, { number, max }, context.cancellationSignal);
  } finally {
    clearInterval(beating);
  }
}
