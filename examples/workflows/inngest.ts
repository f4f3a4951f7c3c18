/** The function of one upload in Inngest: a step for each attempt, and waits that hold nothing. */
import { Inngest, NonRetriableError } from "inngest";
import { attemptAt, type Job } from "../engines/attempt.js";

const MAX_ATTEMPTS = 3;

export const inngest = new Inngest({ id: "photos" });

/** `inngest.send({ name: "upload/received", data: { uploadId } })`. */
export const processUpload = inngest.createFunction(
  { id: "process-upload", concurrency: 8, triggers: [{ event: "upload/received" }] },
  async ({ event, step }) => {
    const job = event.data as Job;
    let number = 1;
    for (let turn = 1; ; turn++) {
      // Inngest repeats a step only when its process was lost: what the library can tell comes back as an answer.
      const next = await step.run(`attempt ${turn}`, () => attemptAt(job, { number, max: MAX_ATTEMPTS }));
      if (next.state === "done") return;
      if (next.state === "failed") throw new NonRetriableError(next.reason);
      if (next.counted) number++;
      await step.sleep(`wait ${turn}`, next.inMs);
    }
  },
);
