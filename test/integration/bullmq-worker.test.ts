import { type Queue, Worker, type WorkerOptions } from "bullmq";
import { describe, expect, test, vi } from "vitest";
import { ConfigurationError, UploadEventEmitter } from "../../src/index.js";
import {
  createUploadWorker,
  enqueueUploads,
  guardWorker,
  removeUploadJob,
  uploadJobProcessor,
} from "../../src/integrations/bullmq.js";
import {
  closeAfterTest,
  closingAfterEach,
  ended,
  jobId,
  jobIn,
  jobOf,
  openQueue,
  REDIS_URL,
  startWorker,
  watched,
} from "../support/bullmq.js";
import { connectionOf } from "../support/bullmq-connection.js";
import { CuttingProxy } from "../support/cutting-proxy.js";
import { deferred, ids, until, untilAborted, uploadOf, worldOf } from "../support/fakes.js";

closingAfterEach();

const URL = REDIS_URL ?? "redis://127.0.0.1:1";

describe.skipIf(REDIS_URL === undefined)("a worker", () => {
  test("bears as many stalls as the lease allows starts, or more; fewer are refused, with the remedy", () => {
    const queue = openQueue();
    const world = worldOf([]);
    const stalls = (options: Parameters<typeof startWorker>[2]) =>
      startWorker(queue, world, options).worker.opts.maxStalledCount;
    expect(stalls({})).toBe(3);
    expect(stalls({ lease: { maxStarts: 5 } })).toBe(5);
    expect(stalls({ worker: { maxStalledCount: 7 } })).toBe(7);
    expect(() => stalls({ worker: { maxStalledCount: 2 } })).toThrow(/maxStalledCount.*at least.*3, got 2.*set maxSta/);
  });

  test("does several uploads at once, as many as BullMQ hands out", async () => {
    const uploads = ids(12);
    const world = worldOf([uploadOf("first"), ...uploads]);
    const gate = deferred<string>();
    world.ai.describe.mockResolvedValueOnce("words").mockReturnValue(gate.promise);
    const queue = openQueue();
    startWorker(queue, world, { worker: { concurrency: 10 } });
    await ended(queue, "first"); // no more than five calls at once are made of a service that has not answered yet
    await enqueueUploads(queue, uploads);
    await until(() => world.ai.describe.mock.calls.length === 11);
    gate.resolve("words");
    for (const { id } of uploads) await jobIn(queue, id, "completed");
  });

  test("tells events, progress and plugins", async () => {
    const world = worldOf([uploadOf("a")]);
    const told: string[] = [];
    const events = new UploadEventEmitter();
    events.on("upload:settled", ({ status }) => told.push(`settled ${status}`));
    const detached = vi.fn();
    const plugin = { on: { "upload:started": () => told.push("started") }, attach: () => detached };
    const queue = openQueue();
    const progress: number[] = [];
    const { close } = startWorker(queue, world, {
      events,
      plugins: [plugin],
      onProgress: (event) => progress.push(event.progress),
    });
    await ended(queue, "a");
    expect(told).toEqual(["started", "settled completed"]);
    expect(progress.at(-1)).toBe(100);
    expect(detached).not.toHaveBeenCalled();
    await close();
    expect(detached).toHaveBeenCalledTimes(1);
  });

  test("tells that a batch was completed, once of several workers; what the listener throws changes nothing", async () => {
    const uploads = ids(9);
    const world = worldOf(uploads);
    world.ai.describe.mockRejectedValueOnce(Object.assign(new Error("not this one"), { status: 400 }));
    const onBatchSettled = vi.fn().mockRejectedValue(new Error("no mail today"));
    const queue = openQueue();
    const workers = [1, 2].map(() => startWorker(queue, world, { onBatchSettled, worker: { concurrency: 3 } }));
    await enqueueUploads(queue, uploads);
    for (const { id } of uploads) await jobIn(queue, id, "completed", "failed");
    expect(onBatchSettled.mock.calls).toEqual([
      [{ batchId: "batch", counts: { pending: 0, analyzing: 0, embedding: 0, completed: 8, failed: 1 } }],
    ]);
    expect(workers.flatMap(({ errors }) => errors.map(({ message }) => message))).toEqual(["no mail today"]);
    expect(await queue.getJobCountByTypes("failed")).toBe(1);
  });

  test("close lets what is in work end, and takes nothing more", async () => {
    const world = worldOf([uploadOf("a"), uploadOf("b")]);
    const gate = deferred<string>();
    world.ai.describe.mockReturnValueOnce(gate.promise);
    const queue = openQueue();
    const { close } = startWorker(queue, world);
    await enqueueUploads(queue, ["a", "b"]);
    await until(() => world.ai.describe.mock.calls.length === 1);
    const closing = close({ graceMs: 60_000 });
    gate.resolve("words");
    await closing;
    expect(await queue.getJobState(jobId("a"))).toBe("completed");
    expect(await queue.getJobState(jobId("b"))).toBe("waiting");
  });

  test("close hands back a job that was being fetched when the grace ended", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockImplementation((_, { signal }) => untilAborted(signal));
    const queue = openQueue();
    await enqueueUploads(queue, ["a"]);
    const { worker, close } = startWorker(queue, world, { worker: { autorun: false } });
    const [fetched, cancelled] = [deferred(), deferred()];
    const backend = worker.getBackend();
    const fetch = backend.moveToActive.bind(backend);
    vi.spyOn(backend, "moveToActive").mockImplementation(async (...parameters) => {
      const answer = await fetch(...parameters);
      fetched.resolve();
      await cancelled.promise;
      return answer;
    });
    const cancelAllJobs = worker.cancelAllJobs.bind(worker);
    vi.spyOn(worker, "cancelAllJobs").mockImplementation((reason) => {
      cancelAllJobs(reason);
      cancelled.resolve();
    });
    void worker.run();
    await fetched.promise;
    await close({ graceMs: 0 });
    expect(await queue.getJobState(jobId("a"))).toBe("waiting");
  });

  test("close without grace hands back everything that is in work", async () => {
    const uploads = ids(20);
    const world = worldOf(uploads);
    world.ai.describe.mockImplementation((_, { signal }) => untilAborted(signal));
    const queue = openQueue();
    const { worker, close } = startWorker(queue, world, { worker: { concurrency: 20 } });
    const first = new Promise((resolve) => worker.once("active", resolve));
    await enqueueUploads(queue, uploads);
    await first;
    await close({ graceMs: 0 });
    expect(await queue.getJobCounts("waiting", "active", "completed", "failed", "delayed")).toEqual({
      ...{ waiting: 20, active: 0, completed: 0, failed: 0, delayed: 0 },
    });
    for (const { id } of uploads) {
      const { status, starts } = (await world.repository.findUpload(id)) ?? {};
      expect([status, starts ?? 0]).toEqual(["pending", 0]);
    }
  });

  test("close ends while the repository does not answer, and says that it is not Redis", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockImplementation((_, { signal }) => untilAborted(signal));
    const gate = deferred();
    const isDetached = deferred();
    const { updateUpload } = world.repository;
    const silent: typeof updateUpload = async (...call) => {
      await gate.promise;
      return updateUpload(...call);
    };
    const repository = { ...world.repository, updateUpload: silent };
    const queue = openQueue();
    const plugins = [{ attach: () => () => isDetached.resolve() }];
    const { errors, close } = startWorker(queue, { ...world, repository }, { plugins });
    await enqueueUploads(queue, ["a"]);
    await until(() => world.ai.describe.mock.calls.length === 1);
    await close({ graceMs: 0 });
    expect(errors.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^Not all could be closed in time: 1 upload is still in work, .*repository/),
    ]);
    // It goes on with closing when that answers again.
    gate.resolve();
    await isDetached.promise;
    expect(await queue.getJobState(jobId("a"))).toBe("waiting");
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "pending", starts: 0 });
  });

  test("close ends while Redis is away, with the uploads handed back, and says so", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockImplementation((_, { signal }) => untilAborted(signal));
    const queue = openQueue();
    const redis = connectionOf(URL).port;
    const proxy = await CuttingProxy.start(redis, () => false);
    const { port } = proxy;
    const connection = { host: "127.0.0.1", port };
    const { worker, close } = createUploadWorker(queue.name, world, { thumbnail: false, worker: { connection } });
    const errors: string[] = [];
    worker.on("error", ({ message }) => errors.push(message));
    await enqueueUploads(queue, ["a"]);
    await until(() => world.ai.describe.mock.calls.length === 1);
    await proxy.stop();
    while (errors.length === 0) await new Promise((resolve) => setTimeout(resolve, 5)); // now it waits before it tries again
    await close({ graceMs: 0 });
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "pending", starts: 0 });
    expect(errors.at(-1)).toContain("Not all could be closed in time: Redis cannot be reached");
    // What BullMQ was told in vain reaches Redis when that is back.
    const back = await CuttingProxy.start(redis, () => false, port);
    closeAfterTest(() => back.stop());
    await jobIn(queue, "a", "waiting");
  });
});

describe.skipIf(REDIS_URL === undefined)("the two halves", () => {
  test("do what the whole does", async () => {
    const world = worldOf([uploadOf("a")]);
    const queue = openQueue();
    const processor = uploadJobProcessor(world, { thumbnail: false });
    expect(processor).toHaveLength(3);
    const worker = new Worker(queue.name, processor, { connection: connectionOf(URL), maxStalledCount: 3 });
    const { close } = watched(guardWorker(worker, { repository: world.repository }));
    world.ai.describe.mockImplementationOnce((_, { signal }) => untilAborted(signal));
    await enqueueUploads(queue, ["a"]);
    await until(() => world.ai.describe.mock.calls.length === 1);
    await close({ graceMs: 0 });
    expect(await queue.getJobState(jobId("a"))).toBe("waiting");
  });

  test("leave jobs of other kinds alone, also when they name an upload", async () => {
    const world = worldOf([uploadOf("a")]);
    const queue = openQueue();
    const gate = deferred();
    const processor = uploadJobProcessor(world, { thumbnail: false });
    const process: typeof processor = async (job, token, signal) => {
      if (job.name !== "mail") return processor(job, token, signal);
      await gate.promise;
      signal?.throwIfAborted();
      throw new Error("mailbox full");
    };
    const options = { connection: connectionOf(URL), maxStalledCount: 3, lockDuration: 400, concurrency: 2 };
    const worker = new Worker(queue.name, (job, token, signal) => process(job, token, signal), options);
    const { errors, close } = watched(guardWorker(worker, { repository: world.repository }));
    const renewed = new Promise((resolve) => worker.once("locksRenewed", resolve));
    await enqueueUploads(queue, ["a"], { delay: 3_600_000 });
    const mails = [{ uploadId: "a", removed: true }, { to: "joe@example.com" }].map((data) => queue.add("mail", data));
    await renewed;
    gate.resolve();
    for (const { id = "" } of await Promise.all(mails))
      expect(await jobOf(queue, id, "failed")).toMatchObject({ failedReason: "mailbox full" });
    await close(); // settled would have been by now
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "pending" });
    expect(errors).toEqual([]);
  });

  test("the guard refuses BullMQ's default of stalls, what is below the lease's starts, and a limit of deliveries", async () => {
    const queue = openQueue();
    const { repository } = worldOf([]);
    const worker = (maxStalledCount?: number, options: Partial<WorkerOptions> = {}) => {
      const made = new Worker(queue.name, async () => {}, {
        connection: connectionOf(URL),
        ...(maxStalledCount !== undefined && { maxStalledCount }),
        ...options,
      });
      closeAfterTest(() => made.close());
      return made;
    };
    expect(() => guardWorker(worker(), { repository })).toThrow(ConfigurationError);
    expect(() => guardWorker(worker(), { repository })).toThrow(/maxStalledCount: 3/);
    expect(() => guardWorker(worker(3), { repository, lease: { maxStarts: 4 } })).toThrow(/maxStalledCount: 4/);
    expect(() => guardWorker(worker(3, { maxStartedAttempts: 9 }), { repository })).toThrow(/leave it out/);
    expect(guardWorker(worker(1), { repository, lease: { maxStarts: 1 } }).worker.opts.maxStalledCount).toBe(1);
  });

  test("what keeps jobs waiting is told to the logger", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValue(Object.assign(new Error("who are you"), { status: 401 }));
    const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
    const queue = openQueue();
    const processor = uploadJobProcessor(world, { thumbnail: false, logger });
    const worker = new Worker(queue.name, processor, { connection: connectionOf(URL), maxStalledCount: 3 });
    watched(guardWorker(worker, { repository: world.repository }));
    await enqueueUploads(queue, ["a"]);
    expect(await jobIn(queue, "a", "delayed")).toMatchObject({ attemptsMade: 0 });
    expect(logger.warn.mock.calls).toEqual([
      [{ error: expect.objectContaining({ code: "ACCOUNT_REFUSED" }) }, "told by the jobs of uploads"],
    ]);
  });
});

test.skipIf(REDIS_URL === undefined)("a grace that no timer can wait for is refused", async () => {
  const { close } = startWorker(openQueue(), worldOf([]));
  for (const graceMs of [-1, 2 ** 31, Number.NaN])
    await expect(close({ graceMs })).rejects.toThrow(/graceMs: expected/);
});

test("a queue or worker of an older BullMQ is refused, with the remedy", async () => {
  const old = { opts: { maxStalledCount: 3 }, qualifiedName: "bull:uploads" };
  const remedy = /expected a queue or worker of BullMQ 6 or newer.*npm install bullmq@6/;
  expect(() => guardWorker(old as unknown as Worker, worldOf([]))).toThrow(remedy);
  await expect(enqueueUploads(old as unknown as Queue, ["a"])).rejects.toThrow(remedy);
  await expect(removeUploadJob(old as unknown as Queue, "a")).rejects.toThrow(remedy);
});

describe("options that do not fit", () => {
  const world = worldOf([]);
  const connection = { host: "127.0.0.1", port: 1, lazyConnect: true };
  test.each<[options: object, message: RegExp]>([
    [{}, /options\.worker: expected the options of BullMQ's worker/],
    [{ worker: { concurrency: 3 } }, /connection/],
    [{ worker: { connection }, concurrency: 3 }, /options\.concurrency: unknown; .*worker/],
    [{ worker: { connection }, signal: new AbortController().signal }, /options\.signal: unknown/],
    [{ worker: { connection }, attempt: { number: 1, max: 1 } }, /options\.attempt: unknown/],
    [{ worker: { connection }, timeout: 3 }, /timeouts/],
    [{ worker: { connection }, plugins: {} }, /plugins: expected an array/],
    [{ worker: { connection }, events: {} }, /options\.events: expected/],
    [{ worker: { connection }, onBatchSettled: "mail" }, /options\.onBatchSettled: expected a function, got string/],
    [{ worker: { connection }, onProgress: 7 }, /upload:progress: expected a function/],
    [{ worker: { connection }, lease: { maxStarts: 0 } }, /lease\.maxStarts/],
    [{ worker: { connection, maxStalledCount: 1 } }, /maxStalledCount: 3/],
    [{ worker: { connection, maxStartedAttempts: 5 } }, /maxStartedAttempts: expected none, got 5.*leave it out/],
  ])("%o", (options, message) => {
    const create = () => createUploadWorker("uploads", world, options as Parameters<typeof createUploadWorker>[2]);
    expect(create).toThrow(ConfigurationError);
    expect(create).toThrow(message);
  });
});
