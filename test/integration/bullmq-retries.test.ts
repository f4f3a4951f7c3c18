import { describe, expect, test } from "vitest";
import { createRuntime } from "../../src/index.js";
import { enqueueUploads } from "../../src/integrations/bullmq.js";
import { closingAfterEach, ended, jobIn, openQueue, REDIS_URL, startWorker } from "../support/bullmq.js";
import { uploadOf, worldOf } from "../support/fakes.js";

const failure = (status: number, more: object = {}) =>
  Object.assign(new Error(`status ${status}`), { status, ...more });

describe.skipIf(REDIS_URL === undefined)("one owner of retries", () => {
  closingAfterEach();

  test.each([1, 3])("plain errors: called as often as BullMQ's attempts say, %i", async (attempts) => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValue(new Error("boom"));
    const queue = openQueue();
    startWorker(queue, world, { retry: { maxAttempts: 7 } });
    const job = await ended(queue, "a", { attempts });
    expect(world.ai.describe.mock.calls.map(([, { attempt }]) => attempt)).toEqual(
      Array.from({ length: attempts }, (_, index) => index + 1),
    );
    expect(job).toMatchObject({ attemptsMade: attempts, failedReason: "DESCRIBE_FAILED at describe: boom" });
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "failed", errorMessage: "boom" });
  });

  test("without attempts it is one, as BullMQ has it", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValue(new Error("boom"));
    const queue = openQueue();
    startWorker(queue, world);
    await ended(queue, "a");
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
  });

  test("a 500 of a service that is well: as often as the attempts say", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValue(failure(500));
    const queue = openQueue();
    const ai = { ...world.ai, checkHealth: async () => {} };
    startWorker(queue, { ...world, ai });
    const job = await ended(queue, "a", { attempts: 3 });
    expect(world.ai.describe).toHaveBeenCalledTimes(3);
    expect(job.attemptsMade).toBe(3);
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "failed", errorCode: "DESCRIBE_FAILED" });
  });

  test("what is permanent: once", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValue(failure(422));
    const queue = openQueue();
    startWorker(queue, world);
    await ended(queue, "a", { attempts: 5 });
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
  });

  test("a 429 waits as long as it is told, and uses up no attempt", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValueOnce(failure(429, { headers: { "retry-after": "30" } }));
    const queue = openQueue();
    startWorker(queue, world);
    await enqueueUploads(queue, ["a"]);
    const waiting = await jobIn(queue, "a", "delayed");
    expect(waiting).toMatchObject({ attemptsMade: 0 });
    expect(waiting?.delay).toBeGreaterThanOrEqual(29_900);
    expect(waiting?.delay).toBeLessThanOrEqual(36_000);
    await waiting?.promote();
    expect(await jobIn(queue, "a", "completed")).toMatchObject({ attemptsMade: 1 });
    expect(world.ai.describe).toHaveBeenCalledTimes(2);
  });

  test("an outage uses up no attempt of 200 jobs, and none fails", async () => {
    const uploads = Array.from({ length: 200 }, (_, index) => uploadOf(`u${index}`));
    const world = worldOf(uploads);
    let isDown = true;
    world.ai.describe.mockImplementation(async () => {
      if (isDown) throw failure(503);
      return "words";
    });
    const queue = openQueue();
    const runtime = createRuntime({ breaker: { cooldownMs: 100 } });
    startWorker(queue, world, { runtime, worker: { concurrency: 20 } });
    await enqueueUploads(queue, uploads);
    // Each has been taken up, most of them only to be told that the breaker is open.
    while ((await queue.getWaitingCount()) > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(world.ai.describe.mock.calls.length).toBeLessThan(50);
    isDown = false;
    for (const { id } of uploads)
      expect(await jobIn(queue, id, "completed", "failed")).toMatchObject({
        attemptsMade: 1,
        returnvalue: { status: "completed" },
      });
    expect(await world.repository.findBatch("batch")).toMatchObject({ status: "completed" });
  });
});
