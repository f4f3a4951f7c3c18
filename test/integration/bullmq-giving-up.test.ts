import { type JobsOptions, Worker } from "bullmq";
import { describe, expect, test } from "vitest";
import { enqueueUploads, type SettledBatch } from "../../src/integrations/bullmq.js";
import {
  closeAfterTest,
  closingAfterEach,
  jobId,
  jobIn,
  openQueue,
  REDIS_URL,
  startWorker,
} from "../support/bullmq.js";
import { connectionOf } from "../support/bullmq-connection.js";
import { until, uploadOf, type World, worldOf } from "../support/fakes.js";
import { finished } from "../support/stores.js";

const STALLED = "job stalled more than allowable limit";

/** A job that BullMQ has found stalled too often: what it writes then, for the next worker that takes the job. */
async function stalledJob(uploadId: string, options: JobsOptions = {}) {
  const queue = openQueue();
  await enqueueUploads(queue, [uploadId], options);
  const redis = await queue.getBackend().client;
  await redis.hset(`${queue.qualifiedName}:${jobId(uploadId)}`, { defa: STALLED });
  return queue;
}

async function untilStored(world: World, id: string, errorCode: string) {
  while ((await world.repository.findUpload(id))?.errorCode !== errorCode)
    await new Promise((resolve) => setTimeout(resolve, 5));
  return world.repository.findUpload(id);
}

describe.skipIf(REDIS_URL === undefined)("a job that BullMQ gives up", () => {
  closingAfterEach();

  test("settles its upload, with the engine's reason, and its batch", async () => {
    const world = worldOf([uploadOf("a", { starts: 1 })]);
    const told: SettledBatch[] = [];
    const onBatchSettled = (batch: SettledBatch) => told.push(batch);
    startWorker(await stalledJob("a", { attempts: 5 }), world, { onBatchSettled });
    expect(await untilStored(world, "a", "ENGINE_GAVE_UP")).toMatchObject({
      status: "failed",
      errorMessage: expect.stringContaining(STALLED),
      starts: 0,
    });
    while ((await world.repository.findBatch("batch"))?.status !== "completed")
      await new Promise((resolve) => setTimeout(resolve, 5));
    await until(() => told.length > 0);
    expect(told).toMatchObject([{ batchId: "batch", counts: { failed: 1 } }]);
    expect(world.ai.describe).not.toHaveBeenCalled();
  });

  test("because it has stalled in the hands of workers that died, settles its upload", async () => {
    const world = worldOf([uploadOf("a")]);
    const queue = openQueue();
    await enqueueUploads(queue, ["a"], { attempts: 5 });
    const options = { connection: connectionOf(REDIS_URL ?? ""), lockDuration: 200, stalledInterval: 200 };
    const dying = new Worker(queue.name, null, { ...options, maxStalledCount: 1 });
    closeAfterTest(() => dying.close());
    await dying.startStalledCheckTimer();
    // Who has fetched a job and does not come back to it.
    for (const token of ["first", "second"]) while ((await dying.getNextJob(token)) === undefined);
    const redis = await queue.getBackend().client;
    while ((await redis.hget(`${queue.qualifiedName}:${jobId("a")}`, "defa")) === null)
      await new Promise((resolve) => setTimeout(resolve, 20));
    startWorker(queue, world, { lease: { maxStarts: 1 } });
    expect(await untilStored(world, "a", "ENGINE_GAVE_UP")).toMatchObject({
      status: "failed",
      errorMessage: `BullMQ gave up the job: ${STALLED}`,
    });
  });

  test("leaves what is settled as it is, and settles its batch", async () => {
    const world = worldOf([finished("a")]);
    startWorker(await stalledJob("a"), world);
    while ((await world.repository.findBatch("batch"))?.status !== "completed")
      await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "completed", description: "old words" });
  });

  test("leaves a redo as it was before", async () => {
    const draft = { was: "completed", redo: "job" } as const;
    const world = worldOf([finished("a", { status: "pending", draft })]);
    startWorker(await stalledJob("a"), world);
    expect(await untilStored(world, "a", "ENGINE_GAVE_UP")).toMatchObject({
      status: "completed",
      description: "old words",
    });
  });

  test.each([
    ["kept", {}],
    ["not kept", { removeOnFail: true }],
  ])("of a row that is still held comes again, waits for its lease, and is done (%s)", async (_, options) => {
    const world = worldOf([uploadOf("a")]);
    const held = await world.repository.claimUpload("a", { leaseMs: 60_000, token: "the one that stalled" });
    const queue = await stalledJob("a", options);
    startWorker(queue, world);
    const waiting = await jobIn(queue, "a", "delayed");
    await world.repository.updateUpload(
      "a",
      { status: "pending" },
      { fence: held.outcome === "claimed" ? held.fence : 0 },
    );
    await waiting?.promote();
    expect(await jobIn(queue, "a", "completed")).toMatchObject({ returnvalue: { status: "completed" } });
    expect(await world.repository.findBatch("batch")).toMatchObject({ status: "completed" });
  });

  test("comes again when the repository cannot be reached just then", async () => {
    const world = worldOf([uploadOf("a")]);
    let failures = 1;
    const repository = {
      ...world.repository,
      claimUpload: async (...args: Parameters<typeof world.repository.claimUpload>) => {
        if (failures-- > 0) throw Object.assign(new Error("a deadlock of claims"), { retryable: false });
        return world.repository.claimUpload(...args);
      },
    };
    const queue = await stalledJob("a");
    startWorker(queue, { ...world, repository });
    expect(await jobIn(queue, "a", "completed")).toMatchObject({ returnvalue: { status: "completed" } });
  });
});
