import { describe, expect, test, vi } from "vitest";
import { ConfigurationError } from "../../src/index.js";
import { enqueueUploads, removeUploadJob } from "../../src/integrations/bullmq.js";
import { closingAfterEach, ended, jobId, jobIn, openQueue, REDIS_URL, startWorker } from "../support/bullmq.js";
import { deferred, ids, until, untilAborted, uploadOf, worldOf } from "../support/fakes.js";
import { adaptersOf, finished, inMemory } from "../support/stores.js";

describe.skipIf(REDIS_URL === undefined)("enqueueUploads", () => {
  closingAfterEach();

  test("in pages, from any iterable, each upload once; a second time all are there already", async () => {
    const queue = openQueue();
    const uploads = ids(2500);
    expect(await enqueueUploads(queue, uploads.values())).toEqual({ added: 2500, already: 0 });
    expect(await queue.getWaitingCount()).toBe(2500);
    expect(await enqueueUploads(queue, [...uploads, ...uploads.slice(0, 3)])).toEqual({ added: 0, already: 2503 });
    expect(await queue.getWaitingCount()).toBe(2500);
    expect((await queue.getJob(jobId("u0042")))?.data).toEqual({ uploadId: "u0042", batchId: "batch" });
    expect(await enqueueUploads(queue, [])).toEqual({ added: 0, already: 0 });
  });

  test("ids that BullMQ refuses, and ids of other kinds", async () => {
    const queue = openQueue();
    const odd = ["17", "a:b:c:d", "ü/ö", "ein zwei", "%", "upload-x"];
    expect(await enqueueUploads(queue, odd)).toEqual({ added: odd.length, already: 0 });
    for (const id of odd) expect((await queue.getJob(jobId(id)))?.data).toEqual({ uploadId: id });
    expect(await removeUploadJob(queue, "a:b:c:d")).toBe("removed");
  });

  test("the same upload twice in one page is one job", async () => {
    const queue = openQueue();
    expect(await enqueueUploads(queue, ["a", uploadOf("a"), "b"])).toEqual({ added: 2, already: 1 });
  });

  test("a job that is kept is replaced, completed or failed; one that is open is not", async () => {
    const world = worldOf([uploadOf("a"), uploadOf("b")]);
    world.ai.describe.mockImplementation(async ({ upload }) => {
      if (upload.id === "b") throw Object.assign(new Error("no"), { status: 400 });
      return "words";
    });
    const queue = openQueue();
    const { worker } = startWorker(queue, world);
    await ended(queue, "a");
    await ended(queue, "b", { attempts: 4 });
    await worker.pause();
    expect(await enqueueUploads(queue, ["a", "b"], { attempts: 2 })).toEqual({ added: 2, already: 0 });
    expect(await queue.getJob(jobId("b"))).toMatchObject({ attemptsMade: 0, opts: { attempts: 2 } });
    expect(await enqueueUploads(queue, ["a", "b"], { attempts: 9 })).toEqual({ added: 0, already: 2 });
    expect(await queue.getJob(jobId("b"))).toMatchObject({ opts: { attempts: 2 } });
  });

  test("what is no upload, a jobId and a deduplication are refused", async () => {
    const queue = openQueue();
    await expect(enqueueUploads(queue, ["a", { id: "" }])).rejects.toThrow(/uploads\[1\]: expected/);
    await expect(enqueueUploads(queue, ["a", null as unknown as string])).rejects.toThrow(ConfigurationError);
    await expect(enqueueUploads(queue, ["a"], { jobId: "x" })).rejects.toThrow(/options\.jobId/);
    const deduplication = { id: "x" };
    await expect(enqueueUploads(queue, ["a", "b"], { deduplication })).rejects.toThrow(/options\.deduplication/);
    expect(await queue.getWaitingCount()).toBe(0);
  });
});

describe.skipIf(REDIS_URL === undefined)("a redo by jobs", () => {
  closingAfterEach();

  test("each job redoes its upload once, however often it is delivered; the next job does it again", async () => {
    const adapters = adaptersOf(await inMemory([finished("a")]), "v2");
    adapters.ai.script.describe.throws(new Error("boom"));
    const queue = openQueue();
    startWorker(queue, adapters, { rerun: "reprocess-all" });
    expect(await ended(queue, "a", { attempts: 2 })).toMatchObject({ attemptsMade: 2 });
    const redo = async () => (await adapters.repository.findUpload("a"))?.metadata?.redo;
    const first = await redo();
    expect(first).toEqual(expect.stringContaining("upload-a"));
    await ended(queue, "a");
    expect(await redo()).not.toBe(first);
  });
});

describe.skipIf(REDIS_URL === undefined)("removeUploadJob", () => {
  closingAfterEach();

  test("removes what waits, and what is kept; says where there is nothing", async () => {
    const world = worldOf([uploadOf("a")]);
    const queue = openQueue();
    expect(await removeUploadJob(queue, "a")).toBe("not-found");
    await enqueueUploads(queue, ["a"], { delay: 60_000 });
    expect(await removeUploadJob(queue, "a")).toBe("removed");
    startWorker(queue, world);
    await ended(queue, "a");
    expect(await removeUploadJob(queue, "a")).toBe("removed");
    expect(await removeUploadJob(queue, "a")).toBe("not-found");
  });

  test("stops what is in work in this process at once", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockImplementation((_, { signal }) => untilAborted(signal));
    const queue = openQueue();
    startWorker(queue, world);
    await enqueueUploads(queue, ["a"], { attempts: 3 });
    await until(() => world.ai.describe.mock.calls.length === 1);
    expect(await removeUploadJob(queue, "a")).toBe("aborted");
    const job = await jobIn(queue, "a", "failed");
    expect(job?.failedReason).toContain("removed while it was in work");
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "pending", starts: 0 });
    expect(await enqueueUploads(queue, ["a"])).toEqual({ added: 1, already: 0 });
  });

  test("finds nothing where the job ends meanwhile, and is not kept", async () => {
    const world = worldOf([uploadOf("a")]);
    const gate = deferred<string>();
    world.ai.describe.mockReturnValue(gate.promise);
    const queue = openQueue();
    const { worker } = startWorker(queue, world);
    await enqueueUploads(queue, ["a"], { removeOnComplete: true });
    await until(() => world.ai.describe.mock.calls.length === 1);
    const completed = new Promise((resolve) => worker.once("completed", resolve));
    const remove = queue.remove.bind(queue);
    vi.spyOn(queue, "remove").mockImplementationOnce(async (...parameters) => {
      const removed = await remove(...parameters);
      gate.resolve("words");
      await completed;
      return removed;
    });
    expect(await removeUploadJob(queue, "a")).toBe("not-found");
  });

  test("a worker elsewhere finds out when it renews the lock", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockImplementation((_, { signal }) => untilAborted(signal));
    const queue = openQueue();
    startWorker(queue, world, { worker: { lockDuration: 400 } });
    await enqueueUploads(queue, ["a"]);
    await until(() => world.ai.describe.mock.calls.length === 1);
    // What another process would do; here it would be found at once.
    const job = await queue.getJob(jobId("a"));
    await job?.updateData({ ...job.data, removed: true });
    expect((await jobIn(queue, "a", "failed"))?.failedReason).toContain("removed while it was in work");
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "pending", starts: 0 });
  });

  test("a job that stalled after it was removed does not begin again", async () => {
    const world = worldOf([uploadOf("a")]);
    const queue = openQueue();
    await queue.add("upload", { uploadId: "a", removed: true }, { jobId: jobId("a"), attempts: 3 });
    startWorker(queue, world);
    expect(await jobIn(queue, "a", "failed")).toMatchObject({ attemptsMade: 1 });
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "pending" });
    expect(world.ai.describe).not.toHaveBeenCalled();
  });
});
