import { Queue } from "bullmq";
import { createUploadWorker, enqueueUploads } from "../../../src/integrations/bullmq.js";
import { connectionOf } from "../../support/bullmq-connection.js";
import { BATCH, type Engine, type EnginePlan } from "./plan.js";

export const bullmq: Engine = {
  enqueue: (plan, ids) =>
    withQueue(plan, async (queue) => {
      const uploads = ids.map((id) => ({ id, batchId: BATCH }));
      const { added } = await enqueueUploads(queue, uploads, { attempts: 3 });
      if (added !== ids.length) throw new Error(`${added} of ${ids.length} jobs were added`);
    }),
  async work({ name, redis, concurrency, leaseMs, graceMs }, adapters, told) {
    const { worker, close } = createUploadWorker(name, adapters, {
      ...told,
      thumbnail: false,
      lease: { durationMs: leaseMs },
      worker: { connection: connectionOf(redis), concurrency, lockDuration: leaseMs, stalledInterval: leaseMs / 3 },
    });
    // What a frozen worker is told when it goes on: that others have its jobs.
    worker.on("error", () => {});
    await worker.waitUntilReady();
    return { close: () => close({ graceMs }) };
  },
  ended: (plan) =>
    withQueue(plan, async (queue) => {
      const { completed = 0, failed = 0 } = await queue.getJobCounts("completed", "failed");
      return { completed, failed };
    }),
  remove: (plan) => withQueue(plan, (queue) => queue.obliterate({ force: true })),
};

async function withQueue<T>({ name, redis }: EnginePlan, work: (queue: Queue) => Promise<T>): Promise<T> {
  const queue = new Queue(name, { connection: connectionOf(redis) });
  try {
    return await work(queue);
  } finally {
    await queue.close();
  }
}
