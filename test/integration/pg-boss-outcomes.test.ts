import type { JobWithMetadata, PgBoss } from "pg-boss";
import { describe, expect, test } from "vitest";
import { createRuntime, UploadError } from "../../src/index.js";
import {
  closeUploads,
  enqueueUploads,
  type SettledBatch,
  type UploadJobData,
  workUploads,
} from "../../src/integrations/pg-boss.js";
import { deferred, ids, until, untilAborted, uploadOf, type World, worldOf } from "../support/fakes.js";
import {
  cannotRun,
  closingAfterEach,
  EAGER,
  jobIn,
  jobOf,
  jobWhere,
  type Opened,
  openQueue,
} from "../support/pg-boss.js";
import { priced } from "../support/priced.js";
import { finished } from "../support/stores.js";

type Options = Parameters<typeof workUploads>[3];

const start = ({ boss, queue }: Opened, world: World, options: Options = {}) =>
  workUploads(boss, queue, world, { thumbnail: false, work: EAGER, ...options });

/** Each row of the table in src/integrations/README.md is a test of that name. */
describe.skipIf(cannotRun)("what a result becomes in pg-boss", () => {
  closingAfterEach();

  test("completed: the job is completed, and its batch is settled", async () => {
    const world = worldOf([uploadOf("a")]);
    const opened = await openQueue();
    const settled: SettledBatch[] = [];
    await start(opened, world, { onBatchSettled: (batch) => settled.push(batch) });
    await enqueueUploads(opened.boss, "uploads", ["a"]);
    const job = await jobIn(opened.boss, "a", "completed");
    expect(job.output).toEqual({ status: "completed", durationMs: expect.any(Number) });
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "completed", description: "A photo of a" });
    expect(await world.repository.findBatch("batch")).toMatchObject({ status: "completed" });
    expect(settled).toMatchObject([{ batchId: "batch", counts: { completed: 1 } }]);
    expect(opened.errors).toEqual([]);
  });

  test("deleted: the job is completed, and the batch that it tells is settled", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockImplementation(async () => {
      await world.repository.deleteUpload("a");
      return "words";
    });
    const opened = await openQueue();
    await start(opened, world);
    await enqueueUploads(opened.boss, "uploads", [uploadOf("a")]);
    expect((await jobIn(opened.boss, "a", "completed")).output).toMatchObject({ status: "deleted" });
    expect(await world.repository.findBatch("batch")).toMatchObject({ status: "completed" });
  });

  test("skipped, because it is completed or not there: the job is completed, and the batch is settled", async () => {
    const world = worldOf([finished("a")]);
    const opened = await openQueue();
    await start(opened, world);
    await enqueueUploads(opened.boss, "uploads", ["a", "nowhere"]);
    for (const id of ["a", "nowhere"])
      expect((await jobIn(opened.boss, id, "completed")).output).toMatchObject({ status: "skipped" });
    expect(await world.repository.findBatch("batch")).toMatchObject({ status: "completed" });
  });

  test("failed: dead-lettered with the error as JSON, without stack and cause; no further attempt; the batch is settled", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValue(Object.assign(new Error("no such picture"), { status: 400 }));
    const opened = await openQueue({ retryLimit: 5 });
    await opened.boss.createQueue("dead");
    await opened.boss.updateQueue("uploads", { deadLetter: "dead" });
    await start(opened, world);
    await enqueueUploads(opened.boss, "uploads", ["a"]);
    const job = await jobIn(opened.boss, "a", "failed");
    expect(job.output).toEqual({
      name: "UploadError",
      message: "no such picture",
      code: "DESCRIBE_FAILED",
      stage: "describe",
      retryable: false,
      fault: "upload",
    });
    expect(job.retryCount).toBe(0);
    expect(await opened.boss.findJobs("dead")).toMatchObject([{ data: { uploadId: "a" } }]);
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
    expect(await world.repository.findBatch("batch")).toMatchObject({ status: "completed" });
  });

  test("failed already: the same, with what is stored", async () => {
    const error = { errorCode: "INVALID_MEDIA", errorStage: "open", errorMessage: "damaged" };
    const world = worldOf([uploadOf("a", { status: "failed", ...error })]);
    const opened = await openQueue({ retryLimit: 5 });
    await start(opened, world);
    await enqueueUploads(opened.boss, "uploads", ["a"]);
    const job = await jobIn(opened.boss, "a", "failed");
    expect(job).toMatchObject({ retryCount: 0, output: { code: "INVALID_MEDIA", stage: "open", message: "damaged" } });
  });

  test("deferred, not counted: by another worker's lease, put back, also at the last attempt", async () => {
    const world = worldOf([uploadOf("a")]);
    await world.repository.claimUpload("a", { leaseMs: 3_600_000, token: "another" });
    const opened = await openQueue({ retryLimit: 0 });
    await start(opened, world);
    await enqueueUploads(opened.boss, "uploads", ["a"]);
    const waiting = await jobWhere(opened.boss, "a", ({ data }) => data.waits === 1);
    expect(waiting).toMatchObject({ state: "created", retryCount: 0, retryLimit: 1 });
    expect(waiting.startAfter.getTime() - waiting.startedOn.getTime()).toBeGreaterThan(3_000_000);
    await world.repository.deleteUpload("a");
    await opened.boss.update("uploads", undefined, { id: waiting.id, startAfter: 0 });
    // pg-boss counts each claim; the job's data say how many of them were no attempts.
    const job = await jobIn(opened.boss, "a", "completed", "failed");
    expect(job).toMatchObject({ state: "completed", retryCount: 1, data: { waits: 1 }, output: { status: "skipped" } });
  });

  test("deferred, not counted: by an open breaker, put back until it lets a call through", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValueOnce(Object.assign(new Error("down"), { status: 503 }));
    const opened = await openQueue({ retryLimit: 0 });
    await start(opened, world, { runtime: createRuntime({ breaker: { threshold: 1, cooldownMs: 300 } }) });
    await enqueueUploads(opened.boss, "uploads", ["a"]);
    expect(await jobIn(opened.boss, "a", "completed", "failed")).toMatchObject({ state: "completed" });
    expect(world.ai.describe).toHaveBeenCalledTimes(2);
    expect(opened.errors.map(({ message }) => message)).toEqual([expect.stringContaining("down")]);
  });

  test("deferred, because the budget is used up: put back, no attempt used, and told once until it is added to", async () => {
    const world = worldOf([uploadOf("a"), uploadOf("b")]);
    const runtime = createRuntime({ budget: { limit: 1 } });
    const opened = await openQueue({ retryLimit: 0 });
    await start(opened, { ...world, ai: priced(world) as World["ai"] }, { runtime });
    for (const id of ["a", "b"]) {
      await enqueueUploads(opened.boss, "uploads", [id]);
      const job = await jobWhere(opened.boss, id, ({ data }) => data.waits === 1);
      expect(job.startAfter.getTime() - job.startedOn.getTime()).toBeGreaterThanOrEqual(30_000);
    }
    expect(opened.errors).toEqual([expect.objectContaining({ code: "BUDGET_EXHAUSTED" })]);
  });

  test("deferred, counted: failed, and the queue's own delay follows", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValueOnce(new Error("boom"));
    const opened = await openQueue({ retryLimit: 1, retryDelay: 0 });
    await start(opened, world);
    await enqueueUploads(opened.boss, "uploads", ["a"]);
    const job = await jobIn(opened.boss, "a", "completed", "failed");
    expect(job).toMatchObject({ state: "completed", retryCount: 1, retryLimit: 1, data: { uploadId: "a" } });
    expect(job.data.waits).toBeUndefined();
  });

  test("deferred, counted: with a hint, the delay of this attempt is the hint", async () => {
    const world = worldOf([uploadOf("a")]);
    const hinted = new UploadError("later", { code: "DESCRIBE_FAILED", retryable: true, retryAfterMs: 1500 });
    world.ai.describe.mockRejectedValueOnce(hinted);
    const opened = await openQueue({ retryLimit: 1, retryDelay: 3600 });
    await start(opened, world);
    await enqueueUploads(opened.boss, "uploads", ["a"]);
    const waiting = await jobIn(opened.boss, "a", "retry");
    expect(waiting.output).toMatchObject({ code: "DESCRIBE_FAILED", message: "later" });
    expect(await jobIn(opened.boss, "a", "completed")).toMatchObject({ retryCount: 1 });
  });

  test("aborted by `closeUploads`: put back, with no attempt used; another worker completes it", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockImplementationOnce((_, { signal }) => untilAborted(signal));
    const opened = await openQueue({ retryLimit: 0 });
    await start(opened, world);
    await enqueueUploads(opened.boss, "uploads", ["a"]);
    await until(() => world.ai.describe.mock.calls.length === 1);
    await closeUploads(opened.boss, "uploads", { graceMs: 0 });
    expect(await jobOf(opened.boss, "a")).toMatchObject({ state: "created", data: { waits: 1 }, retryLimit: 1 });
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "pending", starts: 0 });
    await start(opened, world);
    expect(await jobIn(opened.boss, "a", "completed", "failed")).toMatchObject({ state: "completed", retryCount: 1 });
    expect(opened.errors).toEqual([]);
  });

  test("aborted because the claim was lost: nothing; whoever has the job completes the upload", async () => {
    const world = worldOf([uploadOf("a")]);
    const aborted = deferred();
    world.ai.describe.mockImplementationOnce((_, { signal }) => untilAborted(signal).finally(() => aborted.resolve()));
    const opened = await openQueue({ retryLimit: 3 });
    await start(opened, world, { lease: { durationMs: 1000 } });
    await enqueueUploads(opened.boss, "uploads", ["a"]);
    await until(() => world.ai.describe.mock.calls.length === 1);
    // What pg-boss does to the job of a worker that it takes for dead.
    await opened.boss.fail("uploads", (await jobIn(opened.boss, "a", "active")).id, { message: "no heartbeat" });
    await aborted.promise;
    const job = await jobIn(opened.boss, "a", "completed", "failed", "cancelled");
    expect(job).toMatchObject({ state: "completed", output: { status: "completed" } });
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "completed" });
  });

  test("aborted by you: by boss.cancel, which reaches the work through the heartbeat; the row is pending again", async () => {
    const world = worldOf([uploadOf("a")]);
    const aborted = deferred();
    world.ai.describe.mockImplementation((_, { signal }) => untilAborted(signal).finally(() => aborted.resolve()));
    const opened = await openQueue({ retryLimit: 3 });
    await start(opened, world);
    await enqueueUploads(opened.boss, "uploads", ["a"]);
    await until(() => world.ai.describe.mock.calls.length === 1);
    await opened.boss.cancel("uploads", (await jobIn(opened.boss, "a", "active")).id);
    await aborted.promise;
    await closeUploads(opened.boss, "uploads"); // settled would have been by now
    expect(await jobOf(opened.boss, "a")).toMatchObject({ state: "cancelled" });
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "pending", starts: 0 });
  });

  test("aborted by you: by a cancelled batch, the job is cancelled too", async () => {
    const world = worldOf([uploadOf("a")]);
    await world.repository.updateBatch("batch", { status: "cancelled" });
    const opened = await openQueue({ retryLimit: 3 });
    await start(opened, world);
    await enqueueUploads(opened.boss, "uploads", ["a"]);
    expect(await jobIn(opened.boss, "a", "cancelled", "failed")).toMatchObject({ state: "cancelled", retryCount: 0 });
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "pending" });
  });

  test("rejected: the deployment lacks something, put back, no attempt used, and told as error", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValueOnce(new UploadError("no such model", { code: "INVALID_CONFIGURATION" }));
    const opened = await openQueue({ retryLimit: 0 });
    await start(opened, world);
    await enqueueUploads(opened.boss, "uploads", ["a"]);
    const waiting = await jobWhere(opened.boss, "a", ({ data }) => data.waits === 1);
    expect(waiting.startAfter.getTime() - waiting.startedOn.getTime()).toBeGreaterThanOrEqual(30_000);
    expect(opened.errors.map(({ message }) => message)).toEqual([expect.stringContaining("no such model")]);
    await opened.boss.update("uploads", undefined, { id: waiting.id, startAfter: 0 });
    expect(await jobIn(opened.boss, "a", "completed", "failed")).toMatchObject({ state: "completed" });
  });

  test("rejected: the repository cannot be reached, put back, no attempt used, and told as error", async () => {
    const world = worldOf([uploadOf("a")]);
    let isDown = true;
    const repository = {
      ...world.repository,
      claimUpload: async (...args: Parameters<typeof world.repository.claimUpload>) => {
        if (isDown) throw Object.assign(new Error("no connection"), { code: "ECONNREFUSED" });
        return world.repository.claimUpload(...args);
      },
    };
    const opened = await openQueue({ retryLimit: 0 });
    await start(opened, { ...world, repository });
    await enqueueUploads(opened.boss, "uploads", ["a"]);
    await jobWhere(opened.boss, "a", ({ data }) => (data.waits ?? 0) > 0);
    isDown = false;
    expect(await jobIn(opened.boss, "a", "completed", "failed")).toMatchObject({ state: "completed" });
    expect(opened.errors[0]).toMatchObject({ code: "REPOSITORY_FAILED" });
  });

  test("an outage uses up no attempt of 200 jobs, and none fails", async () => {
    const uploads = ids(200);
    const world = worldOf(uploads);
    let isDown = true;
    world.ai.describe.mockImplementation(async () => {
      if (isDown) throw Object.assign(new Error("down"), { status: 503 });
      return "words";
    });
    const opened = await openQueue({ retryLimit: 1, retryDelay: 1 });
    const runtime = createRuntime({ breaker: { cooldownMs: 100 } });
    await start(opened, world, { runtime, work: { ...EAGER, localConcurrency: 20 } });
    await enqueueUploads(opened.boss, "uploads", uploads);
    const jobs = () => opened.boss.findJobs<UploadJobData>("uploads");
    // Each has been taken up, most of them only to be told that the breaker is open.
    while ((await jobs()).some(({ data, retryCount }) => retryCount === 0 && data.waits === undefined))
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(world.ai.describe.mock.calls.length).toBeLessThan(50);
    isDown = false;
    for (const { id } of uploads) {
      const { state, retryCount, data } = await jobIn(opened.boss, id, "completed", "failed");
      expect([state, retryCount - (data.waits ?? 0)]).toEqual(["completed", 0]);
    }
    expect(await world.repository.findBatch("batch")).toMatchObject({ status: "completed" });
  });

  test.each([
    ["that were enqueued", (boss: PgBoss) => enqueueUploads(boss, "uploads", ids(3))],
    [
      "that came in another way",
      async (boss: PgBoss) => {
        for (const { id } of ids(3)) await boss.send("uploads", { uploadId: id }, { singletonKey: id });
      },
    ],
  ])(
    "a wait for a slot may be longer than the queue's expireInSeconds, and uses up no attempt: jobs %s",
    async (_, enqueue) => {
      const world = worldOf(ids(3));
      const gate = deferred<string>();
      world.ai.describe.mockReturnValueOnce(gate.promise);
      const opened = await openQueue({ retryLimit: 0, expireInSeconds: 1 });
      const runtime = createRuntime({ limits: { describe: 1 } });
      await start(opened, world, { runtime, work: { ...EAGER, localConcurrency: 3 } });
      await enqueue(opened.boss);
      const jobs = () => opened.boss.findJobs<UploadJobData>("uploads");
      const isOver = ({ state, startedOn }: JobWithMetadata) =>
        state === "active" && Date.now() - startedOn.getTime() > 2000;
      while (world.ai.describe.mock.calls.length === 0 || !(await jobs()).every(isOver))
        await new Promise((resolve) => setTimeout(resolve, 20));
      await opened.boss.supervise("uploads"); // it fails what has expired
      gate.resolve("words");
      for (const { id } of ids(3)) {
        const { state, retryCount, data } = await jobIn(opened.boss, id, "completed", "failed");
        expect([state, retryCount - (data.waits ?? 0)]).toEqual(["completed", 0]);
      }
      expect(world.ai.describe).toHaveBeenCalledTimes(3);
      expect(opened.errors).toEqual([]);
    },
  );

  test("a job that is none of ours: fails at once, and says what was expected", async () => {
    const opened = await openQueue({ retryLimit: 3 });
    await start(opened, worldOf([]));
    for (const [index, data] of [{ id: "a" }, { uploadId: "a", batchId: 7 }].entries()) {
      await opened.boss.send("uploads", data, { singletonKey: `odd ${index}` });
      expect(await jobIn(opened.boss, `odd ${index}`, "failed")).toMatchObject({
        retryCount: 0,
        output: { code: "INVALID_CONFIGURATION", message: expect.stringMatching(/^job\.data\.\w+: expected/) },
      });
    }
  });
});
