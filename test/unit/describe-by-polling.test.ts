import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  assertCompleted,
  BatchProcessor,
  describeByPolling,
  type PolledJob,
  type PollingOptions,
  processUploadWithRetry,
  UploadEventEmitter,
  type UploadRecord,
} from "../../src/index.js";
import { fakeContext, fakeMedia } from "../../src/testing/index.js";
import { settled } from "../support/fake-time.js";
import { deferred, ids, uploadOf, worldOf } from "../support/fakes.js";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const plain = { thumbnail: false, retry: { minTimeout: 1, maxTimeout: 1, randomize: false } } as const;
const down = (more: object = {}) => Object.assign(new Error("down"), { status: 503 }, more);

/** A service that takes so many reads for each job. */
function service(reads = 3) {
  const jobs = new Map<string, number>();
  const start = vi.fn(async ({ upload }: { readonly upload: { readonly id: string } }) => {
    const job = `${upload.id}/${jobs.size + 1}`;
    jobs.set(job, 0);
    return job;
  });
  const read = vi.fn(async (job: string, _context: { readonly signal: AbortSignal }): Promise<PolledJob> => {
    const done = (jobs.get(job) ?? 0) + 1;
    jobs.set(job, done);
    return done >= reads ? { done: true, result: `text of ${job}` } : { done: false, progress: done / reads };
  });
  const cancel = vi.fn(async (_job: string) => {});
  return { start, read, cancel };
}

function worldWith<Job>(options: PollingOptions<UploadRecord, Job>, uploads = [uploadOf("a")]) {
  const { storage, repository } = worldOf(uploads);
  return { storage, repository, ai: { describe: describeByPolling(options) } };
}

describe("a job", () => {
  test("is read until it is done, with growing waits, and its own progress is reported", async () => {
    const polled = service(5);
    const at: number[] = [];
    const began = Date.now();
    polled.read.mockImplementation(
      ((inner) => async (job: string, context: { readonly signal: AbortSignal }) => {
        at.push(Date.now() - began);
        return inner(job, context);
      })(polled.read.getMockImplementation() as typeof polled.read),
    );
    const world = worldWith({ ...polled, minIntervalMs: 100, maxIntervalMs: 200 });
    const steps: number[] = [];
    const events = new UploadEventEmitter().on("upload:progress", ({ stage, estimated, progress }) => {
      if (stage === "describe" && !estimated) steps.push(progress);
    });
    const result = await settled(processUploadWithRetry("a", world, { ...plain, events }));
    assertCompleted(result);
    expect(result.upload.description).toBe("text of a/1");
    expect(at.map((time) => time - (at[0] ?? 0))).toEqual([0, 100, 250, 450, 650]);
    expect(new Set(steps).size).toBeGreaterThan(3);
    expect(polled.start).toHaveBeenCalledTimes(1);
    expect(polled.cancel).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("that cannot be read for now is read again, after what the service asks for, and not started again", async () => {
    const polled = service(1);
    polled.read.mockRejectedValueOnce(down()).mockRejectedValueOnce(down({ status: 429, retryAfterMs: 30_000 }));
    const began = Date.now();
    const result = await settled(processUploadWithRetry("a", worldWith(polled), plain));
    expect(result).toMatchObject({ status: "completed", attempts: 1 });
    expect(polled.start).toHaveBeenCalledTimes(1);
    expect(polled.read).toHaveBeenCalledTimes(3);
    expect(Date.now() - began).toBeGreaterThanOrEqual(30_000);
  });

  test("that fails for good is started anew by the next attempt, and not cancelled", async () => {
    const polled = service(1);
    const failed = Object.assign(new Error("job failed"), { retryable: false });
    polled.read.mockRejectedValueOnce(failed);
    const options = { ...plain, retry: { ...plain.retry, shouldRetry: () => true } };
    const result = await settled(processUploadWithRetry("a", worldWith(polled), options));
    expect(result).toMatchObject({ status: "completed", attempts: 2, upload: { description: "text of a/2" } });
    expect(polled.cancel).not.toHaveBeenCalled();
  });

  test("whose answer is none is the upload's failure", async () => {
    const polled = service();
    polled.read.mockResolvedValue({} as never);
    const result = await settled(processUploadWithRetry("a", worldWith(polled), plain));
    expect(result).toMatchObject({ status: "failed", attempts: 1, error: { code: "DESCRIBE_FAILED" } });
    expect(polled.read).toHaveBeenCalledTimes(1);
  });

  test("whose description is not accepted is another job the next time", async () => {
    const polled = service(1);
    polled.read.mockResolvedValueOnce({ done: true, result: " " });
    const result = await settled(processUploadWithRetry("a", worldWith(polled), plain));
    expect(result).toMatchObject({ status: "completed", attempts: 2 });
    expect(polled.start).toHaveBeenCalledTimes(2);
  });
});

describe("a job that has failed", () => {
  const once = { ...plain, retry: { ...plain.retry, maxAttempts: 1 } };

  test.each<[string, unknown, object]>([
    ["an error", new Error("cannot decode"), { code: "DESCRIBE_FAILED", fault: "upload", message: "cannot decode" }],
    ["a text", "cannot decode", { code: "DESCRIBE_FAILED", fault: "upload", message: "cannot decode" }],
    ["an object", { message: "cannot decode" }, { code: "DESCRIBE_FAILED", fault: "upload", message: "cannot decode" }],
    ["nothing", undefined, { code: "DESCRIBE_FAILED", fault: "upload", message: /does not say why/ }],
    ["an outage", down(), { code: "DESCRIBE_FAILED", fault: "service" }],
    ["a rate", down({ status: 429, retryAfterMs: 9 }), { code: "RATE_LIMITED", fault: "service", retryAfterMs: 9 }],
    ["the account", { message: "no", code: "insufficient_quota" }, { code: "ACCOUNT_REFUSED", fault: "account" }],
  ])("for %s is read once, and judged by it", async (_, error, expected) => {
    const polled = service();
    polled.read.mockResolvedValue({ done: true, error });
    const result = await settled(processUploadWithRetry("a", worldWith(polled), once));
    const message =
      "message" in expected ? { message: expect.stringMatching(expected.message as string | RegExp) } : {};
    expect(result).toMatchObject({ status: "failed", error: { ...expected, ...message } });
    expect(polled.read).toHaveBeenCalledTimes(1);
    expect(polled.cancel).not.toHaveBeenCalled();
  });

  test.each([null, ""])("is not one with a result and an error of %j", async (error) => {
    const polled = service();
    polled.read.mockResolvedValue({ done: true, result: "a cat", error });
    const result = await settled(processUploadWithRetry("a", worldWith(polled), once));
    expect(result).toMatchObject({ status: "completed", upload: { description: "a cat" } });
  });

  test("is one with an error and an empty result", async () => {
    const polled = service();
    polled.read.mockResolvedValue({ done: true, result: "", error: "cannot decode" });
    const result = await settled(processUploadWithRetry("a", worldWith(polled), once));
    expect(result).toMatchObject({ status: "failed", error: { message: "cannot decode" } });
  });

  test.each<[string, () => Promise<PolledJob>, number]>([
    ["told", async () => ({ done: true, error: new Error("cannot decode") }), 1],
    ["thrown five times in a row", () => Promise.reject(new Error("cannot decode")), 5],
  ])("and whose error is %s is another job in the next attempt", async (_, failing, times) => {
    const polled = service(1);
    for (let n = 0; n < times; n++) polled.read.mockImplementationOnce(failing);
    const result = await settled(processUploadWithRetry("a", worldWith(polled), plain));
    expect(result).toMatchObject({ status: "completed", attempts: 2, upload: { description: "text of a/2" } });
  });

  test("is not paid for twice where a few reads fail for no reason that is known", async () => {
    const polled = service(1);
    for (let n = 0; n < 4; n++) polled.read.mockRejectedValueOnce(new Error("something went wrong"));
    const result = await settled(processUploadWithRetry("a", worldWith(polled), plain));
    expect(result).toMatchObject({ status: "completed", attempts: 1 });
    expect(polled.start).toHaveBeenCalledTimes(1);
  });

  test.each<[string, () => Promise<PolledJob>]>([
    ["told", async () => ({ done: true, error: new Error("cannot decode") })],
    ["thrown", () => Promise.reject(new Error("cannot decode"))],
  ])("and whose error is %s fails its upload, and pauses no batch", async (_, failing) => {
    const polled = service(1);
    const answer = polled.read.getMockImplementation() as typeof polled.read;
    polled.read.mockImplementation(async (job, context) =>
      job.startsWith("u0000/") ? failing() : answer(job, context),
    );
    const { ai, ...world } = worldWith(polled, ids(8));
    const processor = new BatchProcessor({ ...world, ai, ...plain, breaker: { threshold: 1 } });
    const paused = vi.fn();
    processor.on("batch:paused", paused);
    const result = await settled(processor.process("batch"));
    const failure = {
      uploadId: "u0000",
      error: { code: "DESCRIBE_FAILED", fault: "upload", message: "cannot decode" },
    };
    expect(result).toMatchObject({ completed: 7, failed: 1, failures: [failure] });
    expect(paused).not.toHaveBeenCalled();
  });

  test("while nobody asked for it ends the attempt that reads it on, unpaid, and is forgotten", async () => {
    const polled = service(1);
    let isOver = false;
    polled.read.mockImplementation(async (job) => {
      if (job !== "a/1") return { done: true, result: `text of ${job}` };
      return isOver ? { done: true, error: "cannot decode" } : { done: false };
    });
    const world = worldWith({ ...polled, minIntervalMs: 300, maxIntervalMs: 300 });
    const attempt = (number: number) => {
      const options = { ...plain, timeouts: { describeMs: 1000 }, attempt: { number, max: 3 } };
      return settled(processUploadWithRetry("a", world, options));
    };
    expect(await attempt(1)).toMatchObject({ status: "deferred", error: { code: "STAGE_TIMEOUT" } });
    isOver = true;
    const second = await attempt(2);
    const failure = { code: "DESCRIBE_FAILED", fault: "upload", message: "cannot decode" };
    expect(second).toMatchObject({ status: "deferred", error: failure });
    expect(second.usage?.requests ?? 0).toBe(0);
    expect(polled.start).toHaveBeenCalledTimes(1);
    expect(await attempt(3)).toMatchObject({ status: "completed", upload: { description: "text of a/2" } });
  });

  test("is told as such also to a process that knows nothing of it, and asks for it by its key", async () => {
    let isOver = false;
    const options = {
      start: async (_: unknown, { idempotencyKey }: { readonly idempotencyKey: string }) => idempotencyKey,
      read: vi.fn(async (): Promise<PolledJob> => (isOver ? { done: true, error: "cannot decode" } : { done: false })),
    };
    const { storage, repository } = worldOf([uploadOf("a")]);
    const attemptOfAProcess = (number: number) => {
      const world = { storage, repository, ai: { describe: describeByPolling(options) } };
      const attempt = { attempt: { number, max: 2 }, timeouts: { describeMs: 1000 } };
      return settled(processUploadWithRetry("a", world, { ...plain, ...attempt }));
    };
    expect(await attemptOfAProcess(1)).toMatchObject({ status: "deferred" });
    isOver = true;
    options.read.mockClear();
    const failure = { code: "DESCRIBE_FAILED", fault: "upload", message: "cannot decode" };
    expect(await attemptOfAProcess(2)).toMatchObject({ status: "failed", error: failure });
    expect(options.read).toHaveBeenCalledTimes(1);
  });
});

describe("a job that the service has lost", () => {
  const lost = (status: number) => Object.assign(new Error("no such job"), { status });

  test.each([404, 410])("with %i is another one in the next attempt, and ends no batch", async (status) => {
    const polled = service(2);
    const answer = polled.read.getMockImplementation() as typeof polled.read;
    let isRestarted = false;
    polled.read.mockImplementation(async (job, context) => {
      if (isRestarted && job.endsWith("/1")) throw lost(status);
      isRestarted ||= job.endsWith("/1");
      return answer(job, context);
    });
    const { ai, ...world } = worldWith(polled, ids(3));
    const processor = new BatchProcessor({ ...world, ai, ...plain });
    expect(await settled(processor.process("batch"))).toMatchObject({ status: "completed", completed: 3, failed: 0 });
    expect(polled.start).toHaveBeenCalledTimes(4);
  });

  test("is the service's failure, for the reason that it gives", async () => {
    const polled = service(3);
    const answer = polled.read.getMockImplementation() as typeof polled.read;
    polled.read.mockImplementationOnce(answer).mockRejectedValueOnce(lost(404));
    const once = { ...plain, retry: { maxAttempts: 1 } };
    const error = { code: "DESCRIBE_FAILED", fault: "service", message: expect.stringContaining("no such job") };
    expect(await settled(processUploadWithRetry("a", worldWith(polled), once))).toMatchObject({ error });
  });

  test("is not told from a wrong address before any could be read: that is the deployment's", async () => {
    const polled = service();
    polled.read.mockRejectedValue(lost(404));
    const working = settled(processUploadWithRetry("a", worldWith(polled), plain));
    await expect(working).rejects.toMatchObject({ code: "INVALID_CONFIGURATION" });
  });

  test("is judged by what the error says of itself", async () => {
    const polled = service(3);
    const answer = polled.read.getMockImplementation() as typeof polled.read;
    polled.read
      .mockImplementationOnce(answer)
      .mockRejectedValueOnce(Object.assign(lost(404), { retryable: false, fault: "upload" }));
    const once = { ...plain, retry: { maxAttempts: 1 } };
    expect(await settled(processUploadWithRetry("a", worldWith(polled), once))).toMatchObject({
      error: { fault: "upload", message: "no such job" },
    });
  });
});

test("the reads that failed of one job are not counted against the next one", async () => {
  const polled = service(1);
  const world = worldWith({ ...polled, minIntervalMs: 100, maxIntervalMs: 100 });
  const answer = polled.read.getMockImplementation() as typeof polled.read;
  const failed = new Error("something went wrong");
  let hasTimedOut = false;
  polled.read.mockImplementation(async (job, context) => {
    context.signal.addEventListener("abort", () => (hasTimedOut = true));
    if (job !== "stuck") return answer(job, context);
    if (hasTimedOut) throw failed;
    return { done: false };
  });
  polled.start.mockImplementation(async () => {
    polled.read.mockRejectedValueOnce(failed);
    return "next";
  });
  polled.start.mockImplementationOnce(async () => "stuck");
  const options = { ...plain, timeouts: { describeMs: 1000 }, retry: { ...plain.retry, maxAttempts: 2 } };
  const result = await settled(processUploadWithRetry("a", world, options));
  expect(result).toMatchObject({ status: "completed", attempts: 2, upload: { description: "text of next" } });
  expect(polled.start).toHaveBeenCalledTimes(2);
});

describe("at the timeout of the stage", () => {
  const short = { ...plain, timeouts: { describeMs: 1000 } };

  test("a job goes on, and the next attempt reads it on", async () => {
    const polled = service(6);
    const world = worldWith({ ...polled, minIntervalMs: 300, maxIntervalMs: 300 });
    const result = await settled(processUploadWithRetry("a", world, short));
    expect(result).toMatchObject({ status: "completed", attempts: 2, upload: { description: "text of a/1" } });
    expect(polled.start).toHaveBeenCalledTimes(1);
    expect(polled.cancel).not.toHaveBeenCalled();
  });

  test("so it does over the attempts of an engine", async () => {
    const polled = service(6);
    const world = worldWith({ ...polled, minIntervalMs: 300, maxIntervalMs: 300 });
    const first = processUploadWithRetry("a", world, { ...short, attempt: { number: 1, max: 2 } });
    expect(await settled(first)).toMatchObject({ status: "deferred", error: { code: "STAGE_TIMEOUT" } });
    const second = processUploadWithRetry("a", world, { ...short, attempt: { number: 2, max: 2 } });
    expect(await settled(second)).toMatchObject({ status: "completed" });
    expect(polled.start).toHaveBeenCalledTimes(1);
  });

  test("one that has run out meanwhile is replaced in the same attempt", async () => {
    const polled = service(2);
    const world = worldWith({ ...polled, minIntervalMs: 300, maxIntervalMs: 300 });
    polled.start.mockImplementationOnce(async () => "lost");
    polled.read
      .mockResolvedValueOnce({ done: false })
      .mockResolvedValueOnce({ done: false })
      .mockResolvedValueOnce({ done: false })
      .mockRejectedValueOnce(Object.assign(new Error("no such job"), { status: 410 }));
    const result = await settled(processUploadWithRetry("a", world, { ...plain, timeouts: { describeMs: 1000 } }));
    expect(result).toMatchObject({ status: "completed", attempts: 2 });
    expect(polled.start).toHaveBeenCalledTimes(2);
  });

  test("the job of another upload is never taken for its own", async () => {
    const polled = service(6);
    const options = { ...polled, minIntervalMs: 300, maxIntervalMs: 300 };
    const describeIt = describeByPolling(options);
    const worlds = ["one", "two"].map((tenant) => {
      const world = worldOf([uploadOf("a", { storageKey: `${tenant}/a.jpg` })]);
      return { storage: world.storage, repository: world.repository, ai: { describe: describeIt } };
    });
    const attempt = { number: 1, max: 2 };
    for (const world of worlds) await settled(processUploadWithRetry("a", world, { ...short, attempt }));
    expect(polled.start).toHaveBeenCalledTimes(2);
  });
});

describe("an abort", () => {
  test("cancels the job, once", async () => {
    const polled = service(1000);
    const controller = new AbortController();
    const working = processUploadWithRetry("a", worldWith(polled), { ...plain, signal: controller.signal });
    await vi.advanceTimersByTimeAsync(5000);
    controller.abort();
    expect(await settled(working)).toMatchObject({ status: "aborted", warnings: [] });
    expect(polled.cancel.mock.calls).toEqual([["a/1"]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("while the job is being started cancels what comes of it", async () => {
    const polled = service();
    const started = deferred<string>();
    polled.start.mockImplementationOnce(() => started.promise);
    const controller = new AbortController();
    const working = processUploadWithRetry("a", worldWith(polled), { ...plain, signal: controller.signal });
    await vi.waitUntil(() => polled.start.mock.calls.length === 1);
    controller.abort();
    started.resolve("late");
    expect(await settled(working)).toMatchObject({ status: "aborted" });
    expect(polled.cancel.mock.calls).toEqual([["late"]]);
    expect(polled.read).not.toHaveBeenCalled();
  });

  test.each([
    ["throws", async () => Promise.reject(new Error("gone"))],
    ["does not answer", () => new Promise<void>(() => {})],
  ])("whose cancel %s is logged, and ends in time", async (_, cancel) => {
    const polled = { ...service(1000), cancel };
    const warn = vi.fn();
    const logger = { debug() {}, info() {}, warn, error() {} };
    const controller = new AbortController();
    const options = { ...plain, signal: controller.signal, logger };
    const working = processUploadWithRetry("a", worldWith(polled), options);
    await vi.advanceTimersByTimeAsync(5000);
    controller.abort();
    expect(await settled(working)).toMatchObject({ status: "aborted", warnings: [] });
    expect(warn.mock.calls.map(([, message]) => message)).toEqual(["the job could not be cancelled"]);
  });

  test("ends a call by hand with the signal's reason", async () => {
    const media = fakeMedia();
    const controller = new AbortController();
    const context = fakeContext({ signal: controller.signal });
    const polled = service(1000);
    const working = describeByPolling(polled)(media, context);
    working.catch(() => {});
    await vi.advanceTimersByTimeAsync(2000);
    controller.abort(new Error("enough"));
    await expect(working).rejects.toThrow("enough");
    await expect(describeByPolling(polled)(media, context)).rejects.toThrow("enough");
    expect(polled.start).toHaveBeenCalledTimes(1);
    expect(context.progress.length).toBeGreaterThan(0);
    await media.release();
  });
});

test("many uploads have a job each", async () => {
  const polled = service(3);
  const { ai, ...world } = worldWith(polled, ids(10));
  const result = await settled(new BatchProcessor({ ...world, ai, ...plain }).process("batch"));
  expect(result).toMatchObject({ completed: 10 });
  expect(polled.start).toHaveBeenCalledTimes(10);
});

test.each([
  [{}, "describeByPolling.start: expected a function"],
  [{ start: () => {} }, "describeByPolling.read: expected a function"],
  [{ start: () => {}, read: () => {}, cancel: 3 }, "describeByPolling.cancel: expected a function"],
  [{ start: () => {}, read: () => {}, minIntervalMs: 0 }, "describeByPolling.minIntervalMs: expected milliseconds"],
  [
    { start: () => {}, read: () => {}, maxIntervalMs: 3 },
    "describeByPolling.maxIntervalMs: expected milliseconds from 500",
  ],
  [{ start: () => {}, read: () => {}, interval: 3 }, "describeByPolling.interval: unknown"],
])("%j is misuse", (options, message) => {
  expect(() => describeByPolling(options as never)).toThrow(message);
});
