import { afterEach, describe, expect, test, vi } from "vitest";
import {
  assertCompleted,
  ConfigurationError,
  processUploadWithRetry,
  RepositoryError,
  type UploadError,
  UploadEventEmitter,
  type UploadResult,
} from "../../src/index.js";
import { SharedRuntime } from "../../src/runtime/runtime.js";
import { deferred, jpeg, until, untilAborted, uploadOf, worldOf } from "../support/fakes.js";

const quick = { retry: { minTimeout: 1, randomize: false } } as const;

afterEach(() => {
  vi.useRealTimers();
});

function expectStatus<Status extends UploadResult["status"]>(
  result: UploadResult,
  status: Status,
): asserts result is Extract<UploadResult, { status: Status }> {
  expect(result).toMatchObject({ status });
}

describe("the straight path", () => {
  test("makes the thumbnail, describes, embeds and stores", async () => {
    const world = worldOf([uploadOf("a")]);
    const result = await processUploadWithRetry("a", world);
    assertCompleted(result);
    const stored = await world.repository.findUpload("a");
    expect(stored).toMatchObject({
      status: "completed",
      thumbnailKey: "thumbnails/a.jpg",
      description: "A photo of a",
      embedding: [12, 1, 0],
      starts: 0,
      metadata: { media: { kind: "image", mimeType: "image/jpeg", bytes: jpeg.length } },
    });
    expect(result.upload).toMatchObject({ description: "A photo of a", embedding: [12, 1, 0] });
    expect(world.storage.get("thumbnails/a.jpg")).toBeDefined();
    expect(result.attempts).toBe(1);
    expect(result.stages.map(({ stage }) => stage)).toEqual(["open", "thumbnail", "thumbnail", "describe", "embed"]);
  });

  test("takes at most four round trips to the repository", async () => {
    const world = worldOf([uploadOf("a")]);
    const { repository } = world;
    const calls = [
      vi.spyOn(repository, "findUpload"),
      vi.spyOn(repository, "claimUpload"),
      vi.spyOn(repository, "updateUpload"),
    ];
    assertCompleted(await processUploadWithRetry(uploadOf("a"), world));
    expect(calls.reduce((sum, spy) => sum + spy.mock.calls.length, 0)).toBeLessThanOrEqual(4);
  });

  test("without embed there is no embed stage", async () => {
    const world = worldOf([uploadOf("a")]);
    const ai = { describe: world.ai.describe };
    assertCompleted(await processUploadWithRetry("a", { ...world, ai }, { thumbnail: false }));
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "completed", description: "A photo of a" });
  });

  test("stores what else the model returned, and leaves other metadata alone", async () => {
    const world = worldOf([uploadOf("a", { metadata: { camera: "X100" } })]);
    world.ai.describe.mockResolvedValue({ text: "A cat", metadata: { tags: ["cat"] }, usage: { inputTokens: 7 } });
    assertCompleted(await processUploadWithRetry("a", { ...world, ai: { ...world.ai, version: "m1" } }));
    const stored = await world.repository.findUpload("a");
    expect(stored?.metadata).toMatchObject({ camera: "X100", tags: ["cat"], usage: { inputTokens: 7 } });
    expect(stored?.aiVersion).toBe("m1");
  });

  test("Float32Array embeddings are stored as numbers", async () => {
    const world = worldOf([uploadOf("a")]);
    const ai = { ...world.ai, dimensions: 2, embed: async () => new Float32Array([0.5, 0.25]) };
    assertCompleted(await processUploadWithRetry("a", { ...world, ai }));
    expect((await world.repository.findUpload("a"))?.embedding).toEqual([0.5, 0.25]);
  });
});

describe("retries", () => {
  test("a failed embed does not pay for the description again", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.embed.mockRejectedValueOnce(new Error("busy"));
    const result = await processUploadWithRetry("a", world, quick);
    expectStatus(result, "completed");
    expect(result.attempts).toBe(2);
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
    expect(world.ai.embed).toHaveBeenCalledTimes(2);
    expect(world.ai.embed.mock.calls.map(([, context]) => context.attempt)).toEqual([1, 2]);
    const keys = world.ai.embed.mock.calls.map(([, context]) => context.idempotencyKey);
    expect(new Set(keys).size).toBe(1);
  });

  test("what an adapter is called with can be copied: also what is made when it is read", async () => {
    const world = worldOf([uploadOf("a")]);
    await processUploadWithRetry("a", world, quick);
    const [, context] = world.ai.embed.mock.calls[0] ?? [];
    const copied = { ...context };
    expect(copied.signal).toBe(context?.signal);
    expect(copied.signal).toBeInstanceOf(AbortSignal);
    expect(copied.idempotencyKey).toBe(context?.idempotencyKey);
    expect(copied.idempotencyKey).toMatch(/^upload-processor\/a\/embed\//);
  });

  test("uploads of one id in two stores have keys of their own: a service that knows the key gives the answer of the other", async () => {
    const keysOf = async (upload: Parameters<typeof uploadOf>[1]) => {
      const world = worldOf([uploadOf("1", upload)]);
      await processUploadWithRetry("1", world, quick);
      return [world.ai.describe, world.ai.embed].map(({ mock }) => mock.calls[0]?.[1].idempotencyKey);
    };
    const keys = await Promise.all([
      keysOf({ storageKey: "north/1.jpg" }),
      keysOf({ storageKey: "south/1.jpg" }),
      keysOf({ storageKey: "south/1.jpg", userId: "u7" }),
    ]);
    expect(new Set(keys.flat()).size).toBe(6);
    expect(await keysOf({ storageKey: "north/1.jpg" })).toEqual(keys[0]);
  });

  test("maxAttempts counts the first try; the true reason is stored; failed is written once", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValue(Object.assign(new Error("model overloaded"), { status: 503 }));
    const update = vi.spyOn(world.repository, "updateUpload");
    const result = await processUploadWithRetry("a", world, { retry: { ...quick.retry, maxAttempts: 3 } });
    expectStatus(result, "failed");
    expect(world.ai.describe).toHaveBeenCalledTimes(3);
    expect(await world.repository.findUpload("a")).toMatchObject({
      status: "failed",
      errorCode: "DESCRIBE_FAILED",
      errorStage: "describe",
      errorMessage: "model overloaded",
      thumbnailKey: "thumbnails/a.jpg",
    });
    expect(update.mock.calls.filter(([, { status }]) => status === "failed")).toHaveLength(1);
  });

  test("permanent errors are not retried", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValue(Object.assign(new Error("bad prompt"), { status: 400 }));
    expectStatus(await processUploadWithRetry("a", world, quick), "failed");
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
  });

  test("a network TypeError is retried although p-retry would not", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValueOnce(new TypeError("fetch failed", { cause: { code: "ECONNRESET" } }));
    expectStatus(await processUploadWithRetry("a", world, quick), "completed");
  });

  test("shouldRetry overrides the classification", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValueOnce(Object.assign(new Error("teapot"), { status: 418 }));
    const retry = { ...quick.retry, shouldRetry: (error: UploadError) => error.message === "teapot" };
    expectStatus(await processUploadWithRetry("a", world, { retry }), "completed");
  });

  test("Retry-After is honoured, and a longer one than allowed ends the attempts", async () => {
    vi.useFakeTimers();
    const world = worldOf([uploadOf("a"), uploadOf("b")]);
    const limited = (seconds: number) =>
      Object.assign(new Error("slow down"), { status: 429, headers: new Headers({ "Retry-After": String(seconds) }) });
    world.ai.describe.mockRejectedValueOnce(limited(20));
    const events = new UploadEventEmitter();
    const retries: number[] = [];
    events.on("upload:retry", ({ delayMs }) => retries.push(delayMs));
    const running = processUploadWithRetry("a", world, { ...quick, events, thumbnail: false });
    await vi.advanceTimersByTimeAsync(19_900);
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(200);
    expectStatus(await running, "completed");
    expect(retries).toEqual([20_000]);

    world.ai.describe.mockRejectedValueOnce(limited(3600));
    const refused = await processUploadWithRetry("b", world, { ...quick, thumbnail: false });
    expectStatus(refused, "failed");
    expect(refused.error).toMatchObject({ code: "RATE_LIMITED", retryAfterMs: 3_600_000 });
  });

  test("exponential backoff without randomness waits what it says", async () => {
    vi.useFakeTimers();
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValue(new Error("no"));
    const events = new UploadEventEmitter();
    const delays: number[] = [];
    events.on("upload:retry", ({ delayMs }) => delays.push(delayMs));
    const retry = { maxAttempts: 5, minTimeout: 100, maxTimeout: 500, factor: 3, randomize: false };
    const running = processUploadWithRetry("a", world, { retry, events, thumbnail: false });
    await vi.advanceTimersByTimeAsync(10_000);
    expectStatus(await running, "failed");
    expect(delays).toEqual([100, 300, 500, 500]);
  });

  test("an engine that owns the retries gets deferred before its last attempt", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValue(new Error("boom"));
    const first = await processUploadWithRetry("a", world, { attempt: { number: 1, max: 2 } });
    expectStatus(first, "deferred");
    expect(first.countsAsAttempt).toBe(true);
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "pending", starts: 0, errorCode: null });
    const last = await processUploadWithRetry("a", world, { attempt: { number: 2, max: 2 } });
    expectStatus(last, "failed");
    expect(world.ai.describe.mock.calls[1]?.[1].attempt).toBe(2);
  });

  test("an engine waits for a 429 as long as it says, without an attempt, also at the last one", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValue(Object.assign(new Error("slow down"), { status: 429, retryAfterMs: 1234 }));
    for (const number of [1, 2]) {
      const result = await processUploadWithRetry("a", world, { attempt: { number, max: 2 } });
      expectStatus(result, "deferred");
      expect(result).toMatchObject({ countsAsAttempt: false, retryAfterMs: 1234, error: { code: "RATE_LIMITED" } });
      expect(await world.repository.findUpload("a")).toMatchObject({ status: "pending", starts: 0, errorCode: null });
    }
  });

  test("EMPTY_DESCRIPTION and INVALID_EMBEDDING", async () => {
    const world = worldOf([uploadOf("a"), uploadOf("b"), uploadOf("c")]);
    world.ai.describe.mockResolvedValueOnce("  ").mockResolvedValueOnce("A cat");
    expectStatus(await processUploadWithRetry("a", world, quick), "completed");
    world.ai.embed.mockResolvedValueOnce([1, Number.NaN]);
    const bad = await processUploadWithRetry("b", world, quick);
    expectStatus(bad, "failed");
    expect(bad.error.code).toBe("INVALID_EMBEDDING");
    const short = await processUploadWithRetry("c", { ...world, ai: { ...world.ai, dimensions: 1024 } }, quick);
    expectStatus(short, "failed");
    expect(short.error.message).toContain("1024");
  });
});

test.each<[unknown, string]>([
  [undefined, "embed: expected a vector of at least 1 finite numbers, or { vector }, got undefined"],
  [{ embedding: [1, 2] }, "embed: expected a vector of at least 1 finite numbers, or { vector }, got { embedding }"],
  ["[1,2]", "embed: expected a vector of at least 1 finite numbers, or { vector }, got string"],
  [{ vector: "[1,2]" }, "embed: expected a vector of at least 1 finite numbers, or { vector }, got { vector }"],
  [[], "embed: expected a vector of at least 1 finite numbers, got 0 numbers"],
])("an answer that is no vector is told by its shape: %j", async (answer, message) => {
  const world = worldOf([uploadOf("a")]);
  world.ai.embed.mockResolvedValueOnce(answer as never);
  const result = await processUploadWithRetry("a", world, quick);
  expect(result).toMatchObject({ status: "failed", error: { code: "INVALID_EMBEDDING", message } });
});

test.each<[unknown, string]>([
  [undefined, "got undefined"],
  [{ buffer: jpeg }, "got { buffer }"],
  [{ bytes: "text" }, "got { bytes }"],
  [new Uint8Array(jpeg), "got bytes without an object around them"],
])("an original that is opened in a way of its own is told by its shape: %o", async (opened, got) => {
  const world = worldOf([uploadOf("a")]);
  const storage = { ...world.storage, open: async () => opened as never };
  const processed = processUploadWithRetry("a", { ...world, storage }, quick);
  await expect(processed).rejects.toThrow(ConfigurationError);
  await expect(processed).rejects.toThrow(
    `adapters.storage.open: expected null, { path }, { bytes } with a Uint8Array or { stream } with a Readable of Node, ${got}`,
  );
});

describe("checkpoints", () => {
  test("a start behind checkpoints pays for nothing again", async () => {
    const world = worldOf([uploadOf("a", { thumbnailKey: "t", description: "A dog", status: "pending" })]);
    const write = vi.spyOn(world.storage, "write");
    expectStatus(await processUploadWithRetry("a", world), "completed");
    expect(world.ai.describe).not.toHaveBeenCalled();
    expect(write).not.toHaveBeenCalled();
    expect(world.ai.embed.mock.calls[0]?.[0].text).toBe("A dog");
  });

  test("a start behind the embedding only has to store the outcome", async () => {
    const world = worldOf([uploadOf("a", { thumbnailKey: "t", description: "A dog", embedding: [1, 2] })]);
    expectStatus(await processUploadWithRetry("a", world), "completed");
    expect(world.ai.embed).not.toHaveBeenCalled();
    expect((await world.repository.findUpload("a"))?.embedding).toEqual([1, 2]);
  });

  test("when storing a result fails, the write is retried, not the stage", async () => {
    const world = worldOf([uploadOf("a")]);
    const { repository } = world;
    const real = repository.updateUpload;
    let failures = 2;
    const flaky: typeof real = async (id, changes, claim) => {
      if (changes.description !== undefined && failures-- > 0) throw new Error("connection lost");
      return real(id, changes, claim);
    };
    const result = await processUploadWithRetry("a", { ...world, repository: { ...repository, updateUpload: flaky } });
    expectStatus(result, "completed");
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
    expect((await repository.findUpload("a"))?.description).toBe("A photo of a");
  });

  test("a checkpoint that cannot be stored goes along with the final write", async () => {
    vi.useFakeTimers();
    const world = worldOf([uploadOf("a")]);
    const { repository } = world;
    const updateUpload: typeof repository.updateUpload = async (id, changes, claim) => {
      if (changes.status !== "completed") throw new Error("connection lost");
      return repository.updateUpload(id, changes, claim);
    };
    const running = processUploadWithRetry(
      "a",
      { ...world, repository: { ...repository, updateUpload } },
      { thumbnail: false },
    );
    await vi.advanceTimersByTimeAsync(9000);
    expectStatus(await running, "completed");
    expect(await repository.findUpload("a")).toMatchObject({ description: "A photo of a", embedding: [12, 1, 0] });
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
  });

  test("an abort after the description keeps it", async () => {
    const world = worldOf([uploadOf("a")]);
    const controller = new AbortController();
    world.ai.describe.mockImplementation(async () => {
      controller.abort(new Error("shutting down"));
      return "A paid description";
    });
    const result = await processUploadWithRetry("a", world, { signal: controller.signal });
    expectStatus(result, "aborted");
    expect(result.reason).toMatchObject({ message: "shutting down" });
    expect(await world.repository.findUpload("a")).toMatchObject({
      status: "pending",
      description: "A paid description",
      starts: 0,
    });
  });
});

describe("abort", () => {
  test("stops the call, hands the upload back, and leaves no listener", async () => {
    const world = worldOf([uploadOf("a")]);
    const controller = new AbortController();
    const remove = vi.spyOn(controller.signal, "removeEventListener");
    const add = vi.spyOn(controller.signal, "addEventListener");
    world.ai.describe.mockImplementation((_, { signal }) => untilAborted(signal));
    const running = processUploadWithRetry("a", world, { signal: controller.signal });
    await until(() => world.ai.describe.mock.calls.length > 0);
    controller.abort("a reason that is no error");
    const result = await running;
    expectStatus(result, "aborted");
    expect(result.reason).toBe("a reason that is no error");
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "pending", starts: 0 });
    expect(remove).toHaveBeenCalledTimes(add.mock.calls.length);
  });

  test("before the start touches nothing", async () => {
    const world = worldOf([uploadOf("a")]);
    const claim = vi.spyOn(world.repository, "claimUpload");
    expectStatus(await processUploadWithRetry("a", world, { signal: AbortSignal.abort() }), "aborted");
    expect(claim).not.toHaveBeenCalled();
  });

  test("ends the wait for a retry and the wait for a slot", async () => {
    const world = worldOf([uploadOf("a"), uploadOf("b")]);
    const controller = new AbortController();
    world.ai.describe.mockRejectedValue(new Error("no"));
    const waiting = processUploadWithRetry("a", world, {
      signal: controller.signal,
      retry: { minTimeout: 60_000, maxTimeout: 60_000 },
    });
    await until(() => world.ai.describe.mock.calls.length > 0);

    const runtime = new SharedRuntime({ limits: { describe: 1 } });
    const gate = deferred();
    void runtime.limiter("describe").run(new AbortController().signal, () => gate.promise);
    const queued = processUploadWithRetry("b", world, { signal: controller.signal, runtime, thumbnail: false });
    await new Promise((resolve) => setTimeout(resolve, 20));
    controller.abort();
    expectStatus(await waiting, "aborted");
    expectStatus(await queued, "aborted");
    gate.resolve();
  });

  test("after the final write was sent is ignored", async () => {
    const world = worldOf([uploadOf("a")]);
    const controller = new AbortController();
    const { repository } = world;
    const updateUpload: typeof repository.updateUpload = async (id, changes, claim) => {
      const written = await repository.updateUpload(id, changes, claim);
      if (changes.status === "completed") controller.abort();
      return written;
    };
    const result = await processUploadWithRetry(
      "a",
      { ...world, repository: { ...repository, updateUpload } },
      { signal: controller.signal },
    );
    expectStatus(result, "completed");
  });

  test("during the retries of the final write is ignored", async () => {
    const world = worldOf([uploadOf("a")]);
    const controller = new AbortController();
    const { repository } = world;
    let failed = false;
    const updateUpload: typeof repository.updateUpload = async (id, changes, claim) => {
      if (changes.status === "completed" && !failed) {
        failed = true;
        setTimeout(() => controller.abort(), 10);
        throw new Error("connection lost");
      }
      return repository.updateUpload(id, changes, claim);
    };
    const flaky = { ...world, repository: { ...repository, updateUpload } };
    expectStatus(await processUploadWithRetry("a", flaky, { signal: controller.signal }), "completed");
    expect(controller.signal.aborted).toBe(true);
    expect(await repository.findUpload("a")).toMatchObject({ status: "completed" });
  });

  test("an adapter that ignores its signal is waited for five seconds; what it returns later is dropped", async () => {
    vi.useFakeTimers();
    const world = worldOf([uploadOf("a")]);
    const controller = new AbortController();
    const late = deferred<string>();
    let report: ((fraction: number) => void) | undefined;
    world.ai.describe.mockImplementation((_, context) => {
      report = context.reportProgress;
      return late.promise;
    });
    const events = new UploadEventEmitter();
    const seen: string[] = [];
    for (const name of ["upload:progress", "upload:settled", "upload:warning"] as const)
      events.on(name, () => void seen.push(name));
    const running = processUploadWithRetry("a", world, { signal: controller.signal, thumbnail: false, events });
    await vi.advanceTimersByTimeAsync(50);
    controller.abort();
    await vi.advanceTimersByTimeAsync(5100);
    const result = await running;
    expectStatus(result, "aborted");
    expect(result.warnings.map(({ code }) => code)).toEqual(["ABORT_IGNORED"]);
    expect(seen.at(-1)).toBe("upload:settled");
    const before = seen.length;
    report?.(0.9);
    late.resolve("too late");
    await vi.advanceTimersByTimeAsync(1000);
    expect(seen).toHaveLength(before);
    expect(await world.repository.findUpload("a")).toEqual(
      uploadOf("a", { starts: 0, errorCode: null, errorStage: null, errorMessage: null }),
    );
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("timeouts", () => {
  test("a stage past its limit is aborted and retried", async () => {
    vi.useFakeTimers();
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockImplementationOnce((_, { signal }) => untilAborted(signal));
    const running = processUploadWithRetry("a", world, {
      ...quick,
      thumbnail: false,
      timeouts: { describeMs: 1000 },
    });
    await vi.advanceTimersByTimeAsync(1100);
    expectStatus(await running, "completed");
    expect(world.ai.describe).toHaveBeenCalledTimes(2);
  });

  test("STAGE_TIMEOUT is the reason when no attempt is left", async () => {
    vi.useFakeTimers();
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockImplementation((_, { signal }) => untilAborted(signal));
    const running = processUploadWithRetry("a", world, { ...quick, thumbnail: false, timeouts: { describeMs: 1000 } });
    await vi.advanceTimersByTimeAsync(3000);
    const result = await running;
    expectStatus(result, "failed");
    expect(result.error).toMatchObject({ code: "STAGE_TIMEOUT", stage: "describe", retryable: true });
  });

  test("what a call reports after its grace does not move the next attempt's progress", async () => {
    vi.useFakeTimers();
    const world = worldOf([uploadOf("a")]);
    const second = deferred<string>();
    let late: ((fraction: number) => void) | undefined;
    world.ai.describe.mockImplementationOnce((_, { reportProgress }) => {
      late = reportProgress;
      return new Promise(() => {});
    });
    world.ai.describe.mockImplementationOnce(() => second.promise);
    const reported: number[] = [];
    const running = processUploadWithRetry("a", world, {
      ...quick,
      thumbnail: false,
      timeouts: { describeMs: 1000 },
      onProgress: ({ progress, estimated }) => void (estimated || reported.push(progress)),
    });
    await vi.advanceTimersByTimeAsync(6200);
    expect(world.ai.describe).toHaveBeenCalledTimes(2);
    late?.(1);
    await vi.advanceTimersByTimeAsync(300);
    expect(Math.max(...reported)).toBeLessThan(75);
    second.resolve("text");
    expectStatus(await running, "completed");
  });

  test("waiting for a slot does not count", async () => {
    vi.useFakeTimers();
    const world = worldOf([uploadOf("a"), uploadOf("b")]);
    const runtime = new SharedRuntime({ limits: { describe: 1 } });
    world.ai.describe.mockImplementation(() => new Promise((resolve) => setTimeout(() => resolve("slow"), 800)));
    const options = { thumbnail: false, runtime, timeouts: { describeMs: 1000 } } as const;
    const both = Promise.all(["a", "b"].map((id) => processUploadWithRetry(id, world, options)));
    await vi.advanceTimersByTimeAsync(2000);
    for (const result of await both) expectStatus(result, "completed");
    expect(world.ai.describe).toHaveBeenCalledTimes(2);
  });
});

describe("claims", () => {
  test("a lost lease: the worker stops, writes nothing more and deletes nothing", async () => {
    let now = 0;
    const world = worldOf([uploadOf("a")]);
    const { memoryRepository } = await import("../../src/adapters/memory.js");
    const repository = memoryRepository({ uploads: [uploadOf("a")], now: () => now });
    world.ai.describe.mockImplementationOnce((_, { signal }) => untilAborted(signal));
    const remove = vi.spyOn(world.storage, "delete");
    const first = processUploadWithRetry("a", { ...world, repository }, { lease: { durationMs: 90 } });
    await until(() => world.ai.describe.mock.calls.length === 1);
    now += 1000; // the lease runs out before the heartbeat
    const taken = await repository.claimUpload("a", { leaseMs: 60_000, token: "another" });
    expect(taken.outcome).toBe("claimed");
    const result = await first;
    expectStatus(result, "skipped");
    expect(result.reason).toBe("claimed-elsewhere");
    expect(remove).not.toHaveBeenCalled();
    expect(await repository.findUpload("a")).toMatchObject({ status: "analyzing" });
  });

  test("no paid call on a doubtful claim", async () => {
    const world = worldOf([uploadOf("a")]);
    const runtime = new SharedRuntime({ limits: { describe: 1 } });
    const gate = deferred();
    void runtime.limiter("describe").run(new AbortController().signal, () => gate.promise);
    const update = vi.spyOn(world.repository, "updateUpload");
    const running = processUploadWithRetry("a", world, { runtime, thumbnail: false, lease: { durationMs: 600_000 } });
    await until(() => world.storage.keys().length > 0);
    const clock = vi.spyOn(performance, "now");
    const at = performance.now();
    clock.mockImplementation(() => at + 120_000); // older than a sixth of the lease
    update.mockResolvedValueOnce("stale");
    gate.resolve();
    const result = await running;
    clock.mockRestore();
    expectStatus(result, "skipped");
    expect(world.ai.describe).not.toHaveBeenCalled();
  });

  test("a renewal whose answer came late is no proof of the claim: it is renewed again before the paid call", async () => {
    const world = worldOf([uploadOf("a")]);
    const runtime = new SharedRuntime({ limits: { describe: 1 } });
    const gate = deferred();
    void runtime.limiter("describe").run(new AbortController().signal, () => gate.promise);
    const running = processUploadWithRetry("a", world, { runtime, thumbnail: false, lease: { durationMs: 600_000 } });
    await until(() => world.storage.keys().length > 0);
    const clock = vi.spyOn(performance, "now");
    const at = performance.now();
    clock.mockImplementation(() => at + 120_000);
    vi.spyOn(world.repository, "updateUpload")
      .mockImplementationOnce(async () => {
        clock.mockImplementation(() => at + 800_000); // the process was frozen, and the lease is another's by now
        return "saved";
      })
      .mockResolvedValueOnce("stale");
    gate.resolve();
    const result = await running;
    clock.mockRestore();
    expectStatus(result, "skipped");
    expect(world.ai.describe).not.toHaveBeenCalled();
  });

  test("a store that always answers too slowly for the lease is not asked for ever", async () => {
    const world = worldOf([uploadOf("a")]);
    const clock = vi.spyOn(performance, "now");
    let now = 1000;
    clock.mockImplementation(() => now);
    const { updateUpload } = world.repository;
    const update = vi.spyOn(world.repository, "updateUpload").mockImplementation(async (...args) => {
      now += 120_000;
      return updateUpload(...args);
    });
    const claimUpload = world.repository.claimUpload;
    vi.spyOn(world.repository, "claimUpload").mockImplementation(async (...args) => {
      now += 120_000;
      return claimUpload(...args);
    });
    const result = await processUploadWithRetry("a", world, { thumbnail: false, lease: { durationMs: 600_000 } });
    clock.mockRestore();
    expectStatus(result, "completed");
    expect(update).toHaveBeenCalledTimes(3 + 1 + 3 + 1); // before each paid call, and behind it
  });

  test("the lease is renewed while the model works", async () => {
    const world = worldOf([uploadOf("a")]);
    const gate = deferred<string>();
    world.ai.describe.mockImplementation(() => gate.promise);
    const running = processUploadWithRetry("a", world, { lease: { durationMs: 90 }, thumbnail: false });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await world.repository.claimUpload("a", { leaseMs: 1, token: "other-1" })).toMatchObject({
      outcome: "busy",
    });
    gate.resolve("done");
    expectStatus(await running, "completed");
  });

  test("one write of a claim is in flight at a time, heartbeats and checkpoints alike", async () => {
    const world = worldOf([uploadOf("a")]);
    const { repository } = world;
    let writing = 0;
    let most = 0;
    const updateUpload: typeof repository.updateUpload = async (id, changes, claim) => {
      most = Math.max(most, ++writing);
      await new Promise((resolve) => setTimeout(resolve, 25));
      writing--;
      return repository.updateUpload(id, changes, claim);
    };
    world.ai.describe.mockImplementation(() => new Promise((resolve) => setTimeout(() => resolve("text"), 55)));
    const options = { lease: { durationMs: 40 } };
    await processUploadWithRetry("a", { ...world, repository: { ...repository, updateUpload } }, options);
    expect(most).toBe(1);
  });

  test("somebody else's claim is skipped, or deferred for an engine", async () => {
    const world = worldOf([uploadOf("a")]);
    await world.repository.claimUpload("a", { leaseMs: 60_000, token: "another" });
    const skipped = await processUploadWithRetry("a", world);
    expectStatus(skipped, "skipped");
    expect(skipped.retryAfterMs).toBeGreaterThan(50_000);
    const handedBack = await processUploadWithRetry("a", world, { attempt: { number: 3, max: 3 } });
    expectStatus(handedBack, "deferred");
    expect(handedBack.error.code).toBe("CLAIMED_ELSEWHERE");
  });

  test("a lease that its dead holder left behind is taken over, behind the checkpoints", async () => {
    let now = 0;
    const { memoryRepository } = await import("../../src/adapters/memory.js");
    const world = worldOf([uploadOf("a")]);
    const repository = memoryRepository({ uploads: [uploadOf("a")], now: () => now });
    const dead = await repository.claimUpload("a", { leaseMs: 1000, token: "dead" });
    if (dead.outcome !== "claimed") throw new Error("not claimed");
    await repository.updateUpload("a", { description: "Paid for" }, { fence: dead.fence });
    expectStatus(await processUploadWithRetry("a", { ...world, repository }), "skipped");
    now += 1001;
    expectStatus(await processUploadWithRetry("a", { ...world, repository }), "completed");
    expect(world.ai.describe).not.toHaveBeenCalled();
  });

  test("after three starts that never settled the upload is quarantined, and its media not touched", async () => {
    const world = worldOf([uploadOf("a", { status: "analyzing", starts: 3 })]);
    const open = vi.spyOn(world.storage, "open");
    const claim = vi.spyOn(world.repository, "claimUpload");
    const result = await processUploadWithRetry("a", world);
    expectStatus(result, "failed");
    expect(result.error.code).toBe("QUARANTINED");
    expect(open).not.toHaveBeenCalled();
    expect(claim).toHaveBeenCalledTimes(1);
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "failed", errorCode: "QUARANTINED" });
    expectStatus(await processUploadWithRetry("a", world, { rerun: "retry" }), "completed");
  });

  test("uploads that were started before go one at a time, also when only their claim tells", async () => {
    const world = worldOf(["a", "b", "c"].map((id) => uploadOf(id, { status: "analyzing", starts: 1 })));
    let active = 0;
    let most = 0;
    world.ai.describe.mockImplementation(async () => {
      most = Math.max(most, ++active);
      await new Promise((resolve) => setTimeout(resolve, 20));
      active--;
      return "text";
    });
    const results = await Promise.all(["a", "b", "c"].map((id) => processUploadWithRetry(id, world)));
    for (const result of results) expectStatus(result, "completed");
    expect(most).toBe(1);
  });

  test("a claim that is handed back, and taken at once by another worker, is not taken for an abort", async () => {
    const world = worldOf([uploadOf("a", { status: "analyzing", starts: 1 })]);
    const { repository } = world;
    const updateUpload: typeof repository.updateUpload = async (id, changes, claim) => {
      const outcome = await repository.updateUpload(id, changes, claim);
      if (changes.status !== "pending" || outcome === "stale") return outcome;
      await repository.claimUpload(id, { leaseMs: 60_000, token: "another" });
      throw new Error("the answer was lost");
    };
    // Known by its id alone, so that only the claim tells that it was started before.
    const result = await processUploadWithRetry("a", { ...world, repository: { ...repository, updateUpload } });
    expectStatus(result, "skipped");
    expect(result.reason).toBe("claimed-elsewhere");
  });

  test("settled uploads are skipped unless a rerun takes them", async () => {
    const world = worldOf([
      uploadOf("done", { status: "completed", description: "old", embedding: [1, 2, 3], thumbnailKey: "old.jpg" }),
      uploadOf("bad", { status: "failed", description: "kept", errorCode: "EMBED_FAILED" }),
    ]);
    expect(await processUploadWithRetry("done", world)).toMatchObject({ reason: "already-completed" });
    expect(await processUploadWithRetry("bad", world)).toMatchObject({ reason: "already-failed" });
    expect(await processUploadWithRetry("none", world)).toMatchObject({ reason: "not-found" });
    expectStatus(await processUploadWithRetry("bad", world, { rerun: "retry" }), "completed");
    expect(world.ai.describe).not.toHaveBeenCalled();
    await world.storage.write("old.jpg", jpeg, { contentType: "image/jpeg", signal: new AbortController().signal });
    expectStatus(await processUploadWithRetry("done", world, { rerun: "reprocess-all" }), "completed");
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
    expect(await world.repository.findUpload("done")).toMatchObject({
      thumbnailKey: "thumbnails/done.jpg",
      description: "A photo of done",
    });
    expect(world.storage.get("old.jpg")).toBeUndefined();
  });

  test("reprocessing without thumbnails keeps the old one", async () => {
    const world = worldOf([uploadOf("a", { status: "completed", description: "old", thumbnailKey: "old.jpg" })]);
    expectStatus(await processUploadWithRetry("a", world, { rerun: "reprocess-all", thumbnail: false }), "completed");
    expect((await world.repository.findUpload("a"))?.thumbnailKey).toBe("old.jpg");
  });

  test("without claimUpload the library writes analyzing and starts itself, and one process never works twice", async () => {
    const world = worldOf([uploadOf("a")]);
    const { claimUpload: _, ...plain } = world.repository;
    const gate = deferred<string>();
    world.ai.describe.mockImplementation(() => gate.promise);
    const first = processUploadWithRetry("a", { ...world, repository: plain });
    await until(() => world.ai.describe.mock.calls.length > 0);
    expect(await plain.findUpload("a")).toMatchObject({ status: "analyzing", starts: 1 });
    expectStatus(await processUploadWithRetry("a", { ...world, repository: plain }), "skipped");
    gate.resolve("text");
    expectStatus(await first, "completed");
    expect(await plain.findUpload("a")).toMatchObject({ status: "completed", starts: 0 });
    expectStatus(
      await processUploadWithRetry("a", { ...world, repository: plain }, { rerun: "reprocess-all" }),
      "completed",
    );
    expect(world.ai.describe).toHaveBeenCalledTimes(2);
  });
});

describe("deletion", () => {
  test("in mid-flight aborts the call and removes the thumbnail", async () => {
    const world = worldOf([uploadOf("a")]);
    let aborted = false;
    world.ai.describe.mockImplementation((_, { signal }) => {
      signal.addEventListener("abort", () => {
        aborted = true;
      });
      return untilAborted(signal);
    });
    const running = processUploadWithRetry("a", world, { lease: { durationMs: 60 } });
    await until(() => world.ai.describe.mock.calls.length > 0);
    expect(world.storage.get("thumbnails/a.jpg")).toBeDefined();
    await world.repository.deleteUpload("a");
    expectStatus(await running, "deleted");
    expect(aborted).toBe(true);
    expect(world.storage.get("thumbnails/a.jpg")).toBeUndefined();
  });

  test("a row that is there after all keeps its thumbnail", async () => {
    const world = worldOf([uploadOf("a")]);
    const updateUpload: typeof world.repository.updateUpload = async (id, changes, claim) =>
      changes.description === undefined ? world.repository.updateUpload(id, changes, claim) : "deleted";
    const result = await processUploadWithRetry("a", { ...world, repository: { ...world.repository, updateUpload } });
    expectStatus(result, "deleted");
    expect(world.storage.get("thumbnails/a.jpg")).toBeDefined();
  });

  test("a late removal that fails is not told after the upload has settled", async () => {
    const world = worldOf([uploadOf("a")]);
    vi.useFakeTimers({ toFake: ["setTimeout", "setInterval", "clearTimeout", "clearInterval"] });
    const gate = deferred();
    const writing = vi.fn(() => gate.promise);
    const remove = async () => {
      throw new Error("storage down");
    };
    const controller = new AbortController();
    const events = new UploadEventEmitter();
    const seen: string[] = [];
    for (const name of ["upload:settled", "upload:warning"] as const) events.on(name, () => void seen.push(name));
    const storage = { ...world.storage, write: writing, delete: remove };
    const running = processUploadWithRetry("a", { ...world, storage }, { signal: controller.signal, events });
    while (writing.mock.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await world.repository.deleteUpload("a");
    controller.abort();
    await vi.advanceTimersByTimeAsync(12_000);
    expectStatus(await running, "deleted");
    const before = seen.length;
    gate.resolve();
    await vi.advanceTimersByTimeAsync(12_000);
    expect(seen).toHaveLength(before);
    expect(seen.at(-1)).toBe("upload:settled");
  });

  test("a thumbnail whose write outlives the grace is removed when it arrives", async () => {
    const world = worldOf([uploadOf("a")]);
    vi.useFakeTimers({ toFake: ["setTimeout", "setInterval", "clearTimeout", "clearInterval"] });
    const gate = deferred();
    const { storage } = world;
    // It ignores its signal.
    const write: typeof storage.write = async (key, data) => {
      await gate.promise;
      storage.put(key, data);
    };
    const writing = vi.fn(write);
    const removing = vi.fn(storage.delete);
    const controller = new AbortController();
    const running = processUploadWithRetry(
      "a",
      { ...world, storage: { ...storage, write: writing, delete: removing } },
      { signal: controller.signal },
    );
    while (writing.mock.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await world.repository.deleteUpload("a");
    controller.abort();
    await vi.advanceTimersByTimeAsync(5100);
    expectStatus(await running, "deleted");
    removing.mockClear();
    gate.resolve();
    await vi.advanceTimersByTimeAsync(10);
    expect(removing).toHaveBeenCalledWith("thumbnails/a.jpg");
    expect(storage.get("thumbnails/a.jpg")).toBeUndefined();
  });
});

describe("failures", () => {
  test("a thumbnail that cannot be written is tried like any storage call, and then a warning", async () => {
    const world = worldOf([uploadOf("a")]);
    const write = vi.fn(async () => {
      throw new Error("disk full");
    });
    world.ai.embed.mockRejectedValueOnce(new Error("busy"));
    const result = await processUploadWithRetry("a", { ...world, storage: { ...world.storage, write } }, quick);
    expectStatus(result, "completed");
    expect(write).toHaveBeenCalledTimes(5);
    expect(result.warnings).toMatchObject([{ code: "THUMBNAIL_FAILED", stage: "thumbnail", message: "disk full" }]);
    expect((await world.repository.findUpload("a"))?.thumbnailKey ?? null).toBeNull();
  });

  test("a missing original and damaged media fail with their reason", async () => {
    const world = worldOf([uploadOf("gone"), uploadOf("html"), uploadOf("cut")]);
    await world.storage.delete("originals/gone.jpg");
    world.storage.put("originals/html.jpg", new TextEncoder().encode("<!doctype html><p>not a photo"));
    world.storage.put("originals/cut.jpg", jpeg.slice(0, jpeg.length / 2));
    world.ai.describe.mockImplementation(async (media) => {
      await media.visionImage();
      return "text";
    });
    for (const [id, code] of [
      ["gone", "MISSING_ORIGINAL"],
      ["html", "UNSUPPORTED_MEDIA"],
      ["cut", "INVALID_MEDIA"],
    ] as const) {
      const result = await processUploadWithRetry(id, world, quick);
      expectStatus(result, "failed");
      expect(result.error.code).toBe(code);
      expect(await world.repository.findUpload(id)).toMatchObject({ status: "failed", errorCode: code });
    }
  });

  test("rejects when the outcome cannot be stored, and says aborted, not completed", async () => {
    vi.useFakeTimers();
    const world = worldOf([uploadOf("a")]);
    const updateUpload = async () => {
      throw new Error("connection refused");
    };
    const events = new UploadEventEmitter();
    const settled: UploadResult[] = [];
    events.on("upload:settled", (result) => settled.push(result));
    const running = processUploadWithRetry(
      "a",
      { ...world, repository: { ...world.repository, updateUpload } },
      { events, thumbnail: false },
    );
    const rejected = expect(running).rejects.toThrow(RepositoryError);
    await vi.advanceTimersByTimeAsync(20_000);
    await rejected;
    expect(settled).toHaveLength(1);
    expect(settled[0]).toMatchObject({ status: "aborted", reason: { code: "REPOSITORY_FAILED" } });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("stored messages carry no path and no credential", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValue(
      Object.assign(
        new Error("GET https://bob:hunter2@api.test/v1?api_key=abc123def failed, see /home/bob/.cache/log.txt"),
        {
          status: 400,
        },
      ),
    );
    await processUploadWithRetry("a", world);
    const message = (await world.repository.findUpload("a"))?.errorMessage ?? "";
    expect(message).toContain("failed");
    expect(message).not.toMatch(/hunter2|abc123def|\/home\/bob/);
  });
});

describe("misuse", () => {
  test.each([
    [{ retry: { maxAttempts: 0 } }, "retry.maxAttempts: expected an integer of at least 1, got 0"],
    [{ thumbnail: { quality: 101 } }, "thumbnail.quality: expected an integer from 1 to 100, got 101"],
    [{ rerun: "again" as "retry" }, 'rerun: expected "retry", "reprocess" or "reprocess-all", got "again"'],
    [{ rerun: "reprocess" }, 'rerun "reprocess": ai.version is missing'],
    [{ timeout: { describeMs: 1 } } as object, 'options.timeout: unknown; did you mean "timeouts"?'],
    [{ timeouts: { describe: 1 } } as object, 'timeouts.describe: unknown; did you mean "describeMs"?'],
    [{ timeouts: { describeMs: Number.NaN } }, "timeouts.describeMs: expected milliseconds"],
    [{ lease: { durationMs: -1 } }, "lease.durationMs"],
  ])("%j", async (options, message) => {
    const rejected = processUploadWithRetry("a", worldOf([uploadOf("a")]), options);
    await expect(rejected).rejects.toThrow(ConfigurationError);
    await expect(rejected).rejects.toThrow(message);
  });

  test("an adapter that lacks a member, and one that breaks its contract", async () => {
    const world = worldOf([uploadOf("a")]);
    const { write: _, ...storage } = world.storage;
    await expect(processUploadWithRetry("a", { ...world, storage: storage as never })).rejects.toThrow(
      "adapters.storage.write: expected a function, got undefined",
    );
    const updateUpload = async () => undefined as never;
    await expect(
      processUploadWithRetry("a", { ...world, repository: { ...world.repository, updateUpload } }),
    ).rejects.toThrow('repository.updateUpload: expected the answer "saved", "deleted", "stale" or "cancelled"');
    await expect(processUploadWithRetry("", world)).rejects.toThrow("upload: expected an upload record or its id");
  });
});
