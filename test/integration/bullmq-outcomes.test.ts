import { describe, expect, test, vi } from "vitest";
import { createRuntime, UploadError } from "../../src/index.js";
import { enqueueUploads, removeUploadJob } from "../../src/integrations/bullmq.js";
import { closingAfterEach, ended, jobIn, jobOf, openQueue, REDIS_URL, startWorker } from "../support/bullmq.js";
import { deferred, until, untilAborted, uploadOf, worldOf } from "../support/fakes.js";
import { priced } from "../support/priced.js";
import { finished } from "../support/stores.js";

const OPEN = ["pending", "analyzing", "embedding"] as const;

/** Each row of the table in src/integrations/README.md is a test of that name. */
describe.skipIf(REDIS_URL === undefined)("what a result becomes in BullMQ", () => {
  closingAfterEach();

  test("completed: the job returns, and its batch is settled", async () => {
    const world = worldOf([uploadOf("a")]);
    const queue = openQueue();
    startWorker(queue, world);
    const job = await ended(queue, "a");
    expect(job.returnvalue).toEqual({ status: "completed", durationMs: expect.any(Number) });
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "completed", description: "A photo of a" });
    expect(await world.repository.findBatch("batch")).toMatchObject({ status: "completed" });
  });

  test("deleted: the job returns, and the batch that the job tells is settled", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockImplementation(async () => {
      await world.repository.deleteUpload("a");
      return "words";
    });
    const queue = openQueue();
    startWorker(queue, world);
    await enqueueUploads(queue, [uploadOf("a")]);
    expect((await jobIn(queue, "a", "completed"))?.returnvalue).toMatchObject({ status: "deleted" });
    expect(await world.repository.findBatch("batch")).toMatchObject({ status: "completed" });
  });

  test("skipped, because it is completed or not there: the job returns, and the batch is settled", async () => {
    const world = worldOf([finished("a")]);
    const queue = openQueue();
    startWorker(queue, world);
    expect((await ended(queue, "a")).returnvalue).toMatchObject({ status: "skipped" });
    expect(await world.repository.findBatch("batch")).toMatchObject({ status: "completed" });
    expect((await ended(queue, "nowhere")).returnvalue).toMatchObject({ status: "skipped" });
  });

  test("failed: UnrecoverableError with code, stage and message; no further attempt; the batch is settled", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValue(Object.assign(new Error("no such picture"), { status: 400 }));
    const queue = openQueue();
    startWorker(queue, world);
    const job = await ended(queue, "a", { attempts: 5 });
    expect(job).toMatchObject({ attemptsMade: 1, failedReason: "DESCRIBE_FAILED at describe: no such picture" });
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "failed", errorCode: "DESCRIBE_FAILED" });
    expect(await world.repository.findBatch("batch")).toMatchObject({ status: "completed" });
  });

  test("failed already: UnrecoverableError with what is stored", async () => {
    const error = { errorCode: "INVALID_MEDIA", errorStage: "open", errorMessage: "damaged" };
    const world = worldOf([uploadOf("a", { status: "failed", ...error })]);
    const queue = openQueue();
    startWorker(queue, world);
    const job = await ended(queue, "a", { attempts: 5 });
    expect(job).toMatchObject({ attemptsMade: 1, failedReason: "INVALID_MEDIA at open: damaged" });
  });

  test("deferred, not counted: by another worker's lease, delayed, with no attempt used", async () => {
    const world = worldOf([uploadOf("a")]);
    const held = await world.repository.claimUpload("a", { leaseMs: 60_000, token: "another" });
    const queue = openQueue();
    startWorker(queue, world);
    await enqueueUploads(queue, ["a"]);
    const waiting = await jobIn(queue, "a", "delayed");
    expect(waiting).toMatchObject({ attemptsMade: 0, attemptsStarted: 1 });
    expect(waiting?.delay).toBeGreaterThan(1000);
    expect(waiting?.delay).toBeLessThanOrEqual(72_000);
    await world.repository.updateUpload(
      "a",
      { status: "pending" },
      { fence: held.outcome === "claimed" ? held.fence : 0 },
    );
    await waiting?.promote();
    expect(await jobIn(queue, "a", "completed")).toMatchObject({
      attemptsMade: 1,
      returnvalue: { status: "completed" },
    });
  });

  test("deferred, not counted: by an open breaker, delayed until it lets a call through", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValueOnce(Object.assign(new Error("down"), { status: 503 }));
    const queue = openQueue();
    const runtime = createRuntime({ breaker: { threshold: 1, cooldownMs: 300 } });
    const { errors } = startWorker(queue, world, { runtime });
    const job = await ended(queue, "a");
    expect(job).toMatchObject({ attemptsMade: 1, returnvalue: { status: "completed" } });
    expect(world.ai.describe).toHaveBeenCalledTimes(2);
    expect(errors.map(({ message }) => message)).toEqual([expect.stringContaining("down")]);
  });

  test("deferred, because the budget is used up: delayed, no attempt used, and told once until it is added to", async () => {
    const world = worldOf([uploadOf("a"), uploadOf("b")]);
    const runtime = createRuntime({ budget: { limit: 1 } });
    const queue = openQueue();
    const { errors } = startWorker(queue, { ...world, ai: priced(world) }, { runtime });
    const codes = () => errors.map((error) => (error as UploadError).code);
    const waiting = async (id: string) => {
      await enqueueUploads(queue, [id]);
      const job = await jobIn(queue, id, "delayed");
      expect(job).toMatchObject({ attemptsMade: 0 });
      expect(job?.delay).toBeGreaterThanOrEqual(30_000);
      return job;
    };
    const [a, b] = [await waiting("a"), await waiting("b")]; // one is described, which takes all
    expect(codes()).toEqual(["BUDGET_EXHAUSTED"]);
    runtime.addBudget(1);
    await a?.promote();
    await jobIn(queue, "a", "completed");
    await b?.promote();
    await until(() => errors.length === 2);
    expect(codes()).toEqual(["BUDGET_EXHAUSTED", "BUDGET_EXHAUSTED"]);
  });

  test("deferred, counted: thrown, and BullMQ's own backoff follows", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValueOnce(new Error("boom"));
    const queue = openQueue();
    startWorker(queue, world);
    await enqueueUploads(queue, ["a"], { attempts: 2, backoff: { type: "fixed", delay: 50 } });
    const job = await jobIn(queue, "a", "completed");
    expect(job).toMatchObject({ attemptsMade: 2, delay: 0 });
    expect(job?.stacktrace).toEqual([expect.stringContaining("DESCRIBE_FAILED at describe: boom")]);
  });

  test("deferred, not counted: at the last attempt, when Redis refuses to delay the job, it comes again", async () => {
    const world = worldOf([uploadOf("a")]);
    const limited = Object.assign(new Error("429"), { status: 429, headers: { "retry-after": "1" } });
    world.ai.describe.mockRejectedValueOnce(limited);
    const queue = openQueue();
    const { worker } = startWorker(queue, world);
    const readOnly = new Error("READONLY You can't write against a read only replica.");
    vi.spyOn(worker.getBackend(), "moveToDelayed").mockRejectedValueOnce(readOnly);
    await enqueueUploads(queue, ["a"]);
    const failed = await new Promise<string>((resolve) => worker.once("failed", (_, { message }) => resolve(message)));
    expect(failed).toContain("could not be put back");
    while ((await world.repository.findUpload("a"))?.status === "pending")
      await new Promise((resolve) => setTimeout(resolve, 5));
    await jobIn(queue, "a", "completed");
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "completed" });
  });

  test("deferred, counted: with a hint, the backoff of this attempt is the hint", async () => {
    const world = worldOf([uploadOf("a")]);
    const hinted = new UploadError("later", { code: "DESCRIBE_FAILED", retryable: true, retryAfterMs: 600 });
    world.ai.describe.mockRejectedValueOnce(hinted);
    const queue = openQueue();
    const { worker } = startWorker(queue, world);
    const failed = new Promise<number>((resolve) => worker.once("failed", (job) => resolve(job?.delay ?? 0)));
    const job = await ended(queue, "a", { attempts: 2, backoff: { type: "fixed", delay: 60_000 } });
    expect(await failed).toBeGreaterThanOrEqual(600);
    expect(await failed).toBeLessThanOrEqual(721);
    expect(job).toMatchObject({ attemptsMade: 2, opts: { backoff: { type: "fixed", delay: 60_000 } } });
  });

  test("aborted by `close`: back at the head of the queue, with no attempt used; another worker completes it", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockImplementationOnce((_, { signal }) => untilAborted(signal));
    const queue = openQueue();
    const first = startWorker(queue, world);
    await enqueueUploads(queue, ["a"]);
    await until(() => world.ai.describe.mock.calls.length === 1);
    await first.close({ graceMs: 0 });
    expect(await queue.getJobState("upload-a")).toBe("waiting");
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "pending", starts: 0 });
    startWorker(queue, world);
    expect(await jobIn(queue, "a", "completed")).toMatchObject({ attemptsMade: 1, attemptsStarted: 2 });
    expect(first.errors).toEqual([]);
  });

  test("aborted because the lock was lost: the job is not ended, whoever has it completes the upload", async () => {
    const world = worldOf([uploadOf("a")]);
    const aborted = deferred();
    world.ai.describe.mockImplementationOnce(async (_, { signal }) => {
      await untilAborted(signal).finally(() => aborted.resolve());
      return "never";
    });
    const queue = openQueue();
    const { worker, errors } = startWorker(queue, world, { worker: { lockDuration: 400, stalledInterval: 300 } });
    const failed: string[] = [];
    worker.on("failed", (job) => failed.push(String(job?.id)));
    await enqueueUploads(queue, ["a"]);
    await until(() => world.ai.describe.mock.calls.length === 1);
    const redis = await queue.getBackend().client;
    await redis.del(`${queue.qualifiedName}:upload-a:lock`);
    await aborted.promise;
    const job = await jobIn(queue, "a", "completed");
    expect(job?.returnvalue).toMatchObject({ status: "completed" });
    expect(job?.attemptsMade).toBe(1);
    expect(failed).toEqual([]);
    expect(errors.length).toBeGreaterThan(0);
  });

  test("aborted because the lock was lost: where nobody else has it, the job comes again, with no attempt used", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockImplementationOnce((_, { signal }) => untilAborted(signal));
    const queue = openQueue();
    const { worker } = startWorker(queue, world);
    await enqueueUploads(queue, ["a"]);
    await until(() => world.ai.describe.mock.calls.length === 1);
    worker.emit("lockRenewalFailed", ["upload-a"]);
    expect(await jobIn(queue, "a", "completed", "failed")).toMatchObject({
      returnvalue: { status: "completed" },
      attemptsMade: 1,
    });
  });

  test("aborted by you: UnrecoverableError, the row is pending again, and nothing settles it", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockImplementation((_, { signal }) => untilAborted(signal));
    const queue = openQueue();
    const { worker, close } = startWorker(queue, world);
    await enqueueUploads(queue, ["a"], { attempts: 5 });
    await until(() => world.ai.describe.mock.calls.length === 1);
    expect(worker.cancelJob("upload-a", "not wanted any more")).toBe(true);
    const job = await jobIn(queue, "a", "failed");
    expect(job).toMatchObject({ failedReason: "Aborted: not wanted any more", attemptsMade: 1 });
    await close(); // settled would have been by now
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "pending", starts: 0 });
  });

  test("aborted by you: by a cancelled batch, UnrecoverableError with its code, before it is begun and in work", async () => {
    const world = worldOf([uploadOf("a"), uploadOf("b")]);
    world.ai.describe.mockImplementation((_, { signal }) => untilAborted(signal));
    const queue = openQueue();
    let settled = 0;
    startWorker(queue, world, { lease: { durationMs: 300 }, onBatchSettled: () => settled++ });
    await enqueueUploads(queue, ["a"], { attempts: 5 });
    await until(() => world.ai.describe.mock.calls.length === 1);
    await world.repository.updateBatch("batch", { status: "cancelled" });
    for (const id of ["a", "b"]) {
      await enqueueUploads(queue, [id], { attempts: 5 });
      const job = await jobIn(queue, id, "failed");
      expect(job).toMatchObject({
        failedReason: expect.stringMatching(/^BATCH_CANCELLED: .* was cancelled$/),
        attemptsMade: 1,
      });
      const { status, starts } = (await world.repository.findUpload(id)) ?? {};
      expect([status, starts ?? 0]).toEqual(["pending", 0]);
    }
    expect(await removeUploadJob(queue, "a")).toBe("removed");
    // It goes on as the page says.
    world.ai.describe.mockResolvedValue("words");
    const { repository } = world;
    expect(await repository.updateBatch("batch", { status: "processing" }, ["cancelled"])).toBe("saved");
    const open = await repository.listUploads({ batchId: "batch", statuses: OPEN }, { limit: 10 });
    expect(await enqueueUploads(queue, open)).toEqual({ added: 2, already: 0 });
    for (const id of ["a", "b"]) await jobIn(queue, id, "completed");
    await until(() => settled === 1);
    expect(await repository.findBatch("batch")).toMatchObject({ status: "completed" });
  });

  test("rejected: the deployment lacks something, delayed, no attempt used, and told as error", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValueOnce(new UploadError("no such model", { code: "INVALID_CONFIGURATION" }));
    const queue = openQueue();
    const { errors } = startWorker(queue, world);
    await enqueueUploads(queue, ["a"]);
    const waiting = await jobIn(queue, "a", "delayed");
    expect(waiting).toMatchObject({ attemptsMade: 0 });
    expect(waiting?.delay).toBeGreaterThanOrEqual(30_000);
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "pending", starts: 0 });
    expect(errors.map(({ message }) => message)).toEqual([expect.stringContaining("no such model")]);
    await waiting?.promote();
    expect(await jobIn(queue, "a", "completed")).toMatchObject({ attemptsMade: 1 });
  });

  test("rejected: the repository cannot be reached, delayed, no attempt used, and told as error", async () => {
    const world = worldOf([uploadOf("a")]);
    let isDown = true;
    const repository = {
      ...world.repository,
      claimUpload: async (...args: Parameters<typeof world.repository.claimUpload>) => {
        if (isDown) throw Object.assign(new Error("no connection"), { code: "ECONNREFUSED" });
        return world.repository.claimUpload(...args);
      },
    };
    const queue = openQueue();
    const { errors } = startWorker(queue, { ...world, repository });
    await enqueueUploads(queue, ["a"]);
    expect(await jobIn(queue, "a", "delayed")).toMatchObject({ attemptsMade: 0 });
    isDown = false;
    expect(await jobIn(queue, "a", "completed")).toMatchObject({ attemptsMade: 1 });
    expect(errors[0]).toMatchObject({ code: "REPOSITORY_FAILED" });
  });

  test("a job that is none of ours: fails at once, and says what was expected", async () => {
    const queue = openQueue();
    startWorker(queue, worldOf([]));
    for (const data of [{ id: "a" }, null, { uploadId: "a", batchId: 7 }]) {
      const { id = "" } = await queue.add("upload", data, { attempts: 3 });
      expect(await jobOf(queue, id, "failed")).toMatchObject({
        attemptsMade: 1,
        failedReason: expect.stringMatching(/^INVALID_CONFIGURATION: job\.data\.(?:uploadId|batchId): expected/),
      });
    }
  });
});
