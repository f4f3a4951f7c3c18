import { afterEach, describe, expect, test, vi } from "vitest";
import {
  type AIAdapter,
  aiVersionOf,
  assertCompleted,
  BatchProcessor,
  createRuntime,
  type FallbackCause,
  fallbackAI,
  processUploadWithRetry,
  UploadError,
} from "../../src/index.js";
import { SharedRuntime } from "../../src/runtime/runtime.js";
import { fakeContext, fakeMedia } from "../../src/testing/index.js";
import { chained, down, isNot, model, once, plain } from "../support/chains.js";
import { settled } from "../support/fake-time.js";
import { ids, until, untilAborted, uploadOf, worldOf } from "../support/fakes.js";

afterEach(() => {
  vi.useRealTimers();
});

describe("the next model describes", () => {
  test.each([
    ["is not tried again", () => Object.assign(new Error("no"), { status: 400 }), plain, 1],
    ["is refused by its account", () => down({ status: 401 }), plain, 1],
    ["is not there", () => down({ status: 404 }), plain, 1],
    ["fails at every attempt", () => down(), plain, 2],
    ["asks for too long a wait", () => down({ status: 429, retryAfterMs: 3_600_000 }), plain, 1],
  ])("when the one before it %s", async (_, error, options, calls) => {
    const { local, cloud, adapters } = chained();
    local.describe.mockRejectedValue(error());
    const result = await processUploadWithRetry("a", adapters, options);
    assertCompleted(result);
    expect(result.upload).toMatchObject({ description: "cloud of a", metadata: { model: "cloud" } });
    expect(local.describe).toHaveBeenCalledTimes(calls);
    expect(cloud.describe).toHaveBeenCalledTimes(1);
    expect(result.usage.requests).toBe(calls + 2);
  });

  test("not for a failure that passes by the next attempt", async () => {
    const { local, cloud, adapters } = chained();
    local.describe.mockRejectedValueOnce(down());
    const result = await processUploadWithRetry("a", adapters, plain);
    assertCompleted(result);
    expect(result).toMatchObject({ attempts: 2, upload: { description: "local of a", metadata: { model: "local" } } });
    expect(cloud.describe).not.toHaveBeenCalled();
  });

  test("and what has failed for good is not asked again by the next attempt", async () => {
    const { local, cloud, adapters } = chained();
    local.describe.mockRejectedValue(Object.assign(new Error("no"), { status: 400 }));
    cloud.describe.mockRejectedValueOnce(down());
    expect(await processUploadWithRetry("a", adapters, plain)).toMatchObject({ status: "completed", attempts: 2 });
    expect(local.describe).toHaveBeenCalledTimes(1);
    expect(cloud.describe).toHaveBeenCalledTimes(2);
  });

  test("by the attempts of an engine, too", async () => {
    const { local, cloud, adapters } = chained();
    local.describe.mockRejectedValue(down());
    const first = await processUploadWithRetry("a", adapters, { ...plain, attempt: { number: 1, max: 2 } });
    expect(first.status).toBe("deferred");
    expect(cloud.describe).not.toHaveBeenCalled();
    const last = await processUploadWithRetry("a", adapters, { ...plain, attempt: { number: 2, max: 2 } });
    expect(last.status).toBe("completed");
  });

  test.each([["INVALID_MEDIA"], ["MEDIA_TOO_LARGE"]])("not for what the media fails with: %s", async (code) => {
    const { local, cloud, adapters } = chained();
    local.describe.mockRejectedValue(new UploadError("damaged", { code }));
    const result = await processUploadWithRetry("a", adapters, plain);
    expect(result).toMatchObject({ status: "failed", error: { code } });
    expect(cloud.describe).not.toHaveBeenCalled();
  });

  test("when the breaker of the one before it is open, which is not asked then", async () => {
    const { local, cloud, adapters } = chained(8);
    local.describe.mockRejectedValue(down());
    const processor = new BatchProcessor({ ...adapters, ...once, concurrency: 1, breaker: { threshold: 3 } });
    const paused = vi.fn();
    const opened = vi.fn();
    processor.on("batch:paused", paused).on("breaker:opened", opened);
    expect(await processor.process("batch")).toMatchObject({ status: "completed", completed: 8 });
    expect(local.describe).toHaveBeenCalledTimes(3);
    expect(cloud.describe).toHaveBeenCalledTimes(8);
    expect(opened).toHaveBeenCalledTimes(1);
    expect(paused).not.toHaveBeenCalled();
    expect(processor.health().breaker.state).toBe("closed"); // something can be done
  });

  test("where nobody comes back an open breaker is passed by as well", async () => {
    const { local, cloud, adapters } = chained(3);
    local.describe.mockRejectedValueOnce(down({ status: 401 }));
    for (const id of ["u0000", "u0001", "u0002"]) await processUploadWithRetry(id, adapters, once);
    expect(local.describe).toHaveBeenCalledTimes(1);
    expect(cloud.describe).toHaveBeenCalledTimes(3);
  });

  test("and the error of the last one that was asked is the upload's when none could", async () => {
    const { local, cloud, adapters } = chained();
    local.describe.mockRejectedValue(new UploadError("local says no", { code: "CONTENT_REFUSED" }));
    cloud.describe.mockRejectedValue(new UploadError("cloud says no", { code: "CONTENT_REFUSED" }));
    const result = await processUploadWithRetry("a", adapters, plain);
    expect(result).toMatchObject({ status: "failed", attempts: 1, error: { message: "cloud says no" } });
  });

  test("a model that is not there is told only where all the others have failed likewise", async () => {
    const { local, cloud, adapters } = chained();
    local.describe.mockRejectedValue(down());
    cloud.describe.mockRejectedValue(down({ status: 404 }));
    expect(await processUploadWithRetry("a", adapters, once)).toMatchObject({
      status: "failed",
      error: { message: "down" },
    });
    local.describe.mockRejectedValue(down({ status: 404 }));
    const again = processUploadWithRetry("a", adapters, { ...once, rerun: "retry" });
    await expect(again).rejects.toMatchObject({ code: "INVALID_CONFIGURATION" });
  });
});

describe("an answer that does not pass its audit", () => {
  const picky = (text: string) => ({
    check: (given: string) => (given.startsWith(text) ? isNot : { ...isNot, ok: true, score: 0.9 }),
  });

  test("lets the next model describe, after the asks of its own", async () => {
    const { local, cloud, adapters } = chained(1, { local: { audit: picky("local") } });
    const runtime = createRuntime();
    const result = await processUploadWithRetry("a", adapters, { ...plain, runtime });
    assertCompleted(result);
    expect(result).toMatchObject({ attempts: 1, upload: { description: "cloud of a", metadata: { model: "cloud" } } });
    expect(local.describe).toHaveBeenCalledTimes(2);
    expect(cloud.describe).toHaveBeenCalledTimes(1);
    expect(runtime.health()).toMatchObject({ breaker: { state: "closed" }, usage: { requests: 4 } });
  });

  test("is kept where it is the best of all, with how often was asked", async () => {
    const audit = { check: (text: string) => ({ ...isNot, score: text.startsWith("local") ? 0.6 : 0.2 }), maxAsks: 1 };
    const { adapters } = chained();
    const result = await processUploadWithRetry("a", adapters, { ...plain, audit });
    assertCompleted(result);
    const metadata = { model: "local", audit: { score: 0.6, issues: ["poor"], asks: 2 } };
    expect(result.upload).toMatchObject({ description: "local of a", metadata });
  });

  test("is kept when the next model fails", async () => {
    for (const error of [down(), down({ status: 401 }), Object.assign(new Error("no"), { status: 400 })]) {
      const { cloud, adapters } = chained(1, { local: { audit: picky("local") } });
      cloud.describe.mockRejectedValue(error);
      const result = await processUploadWithRetry("a", adapters, plain);
      assertCompleted(result);
      expect(result).toMatchObject({
        attempts: 1,
        upload: { description: "local of a", metadata: { model: "local" } },
      });
    }
  });

  test("is kept when the work is aborted meanwhile", async () => {
    const { cloud, adapters } = chained(1, { local: { audit: picky("local") } });
    cloud.describe.mockImplementation((_, { signal }) => untilAborted(signal));
    const controller = new AbortController();
    const working = processUploadWithRetry("a", adapters, { ...plain, signal: controller.signal });
    await until(() => cloud.describe.mock.calls.length === 1);
    controller.abort();
    expect(await working).toMatchObject({ status: "aborted" });
    expect(await adapters.repository.findUpload("a")).toMatchObject({ description: "local of a", status: "pending" });
  });
});

describe("when", () => {
  test("is asked with the reason and the upload, and may say no", async () => {
    const { local, cloud, adapters } = chained();
    const causes: [string | undefined, string][] = [];
    const when = (cause: FallbackCause, { id }: { readonly id: string }) => {
      causes.push([cause.error?.code ?? cause.audit?.issues[0], id]);
      return false;
    };
    const ai = fallbackAI([local, cloud], { when });
    local.describe.mockRejectedValueOnce(down({ status: 401 }));
    const refused = await processUploadWithRetry("a", { ...adapters, ai }, plain);
    expect(refused).toMatchObject({ status: "failed", error: { code: "ACCOUNT_REFUSED" } });
    const audit = { check: () => isNot };
    const kept = await processUploadWithRetry("a", { ...adapters, ai }, { ...plain, rerun: "retry", audit });
    expect(kept).toMatchObject({ status: "completed", upload: { description: "local of a" } });
    expect(causes).toEqual([
      ["ACCOUNT_REFUSED", "a"],
      ["CIRCUIT_OPEN", "a"],
      ["poor", "a"],
    ]);
    expect(cloud.describe).not.toHaveBeenCalled();
  });

  test("that throws is a yes, and a warning of the log", async () => {
    const { local, cloud, adapters } = chained();
    local.describe.mockRejectedValue(down({ status: 401 }));
    const when = () => {
      throw new Error("no opinion");
    };
    const warn = vi.fn();
    const logger = { debug() {}, info() {}, warn, error() {} };
    const ai = fallbackAI([local, cloud], { when });
    expect((await processUploadWithRetry("a", { ...adapters, ai }, { ...plain, logger })).status).toBe("completed");
    expect(warn).toHaveBeenCalledWith(expect.anything(), "when of fallbackAI threw");
  });

  test("that waits for a model whose breaker is open holds its uploads, and asks nobody in vain", async () => {
    vi.useFakeTimers();
    const { local, cloud, adapters } = chained(6);
    const ai = fallbackAI([local, cloud], {
      when: ({ error }) => error?.code !== "CIRCUIT_OPEN" && error?.fault !== "service",
    });
    const claims = vi.spyOn(adapters.repository, "claimUpload");
    let isDown = true;
    local.describe.mockImplementation(async ({ upload }) => {
      if (isDown) throw down();
      return `local of ${upload.id}`;
    });
    setTimeout(() => {
      isDown = false;
    }, 100_000);
    const processor = new BatchProcessor({ ...adapters, ai, ...once, concurrency: 3, breaker: { threshold: 3 } });
    expect(await settled(processor.process("batch"))).toMatchObject({ status: "completed", completed: 6 });
    expect(cloud.describe).not.toHaveBeenCalled();
    expect(local.describe.mock.calls.length).toBeLessThan(20);
    expect(claims.mock.calls.length).toBeLessThan(60);
  });
});

describe("an outage", () => {
  test("of all models pauses the run, and is sat out: none is failed", async () => {
    vi.useFakeTimers();
    const { local, cloud, adapters } = chained(20);
    let isDown = true;
    const answer: AIAdapter["describe"] = async ({ upload }) => {
      if (isDown) throw down();
      return `text of ${upload.id}`;
    };
    local.describe.mockImplementation(answer);
    cloud.describe.mockImplementation(answer);
    setTimeout(() => {
      isDown = false;
    }, 100_000);
    const processor = new BatchProcessor({ ...adapters, ...plain, concurrency: 4 });
    const paused = vi.fn();
    processor.on("batch:paused", ({ reason, error }) => paused(reason, error?.message));
    const result = await settled(processor.process("batch"));
    expect(result).toMatchObject({ status: "completed", completed: 20, failed: 0 });
    expect(paused).toHaveBeenCalledWith("service", "down");
    // Five for each until its breaker opens, and then probes.
    expect(cloud.describe.mock.calls.length + local.describe.mock.calls.length).toBeLessThan(20 + 30);
  });

  test("of the one that makes the vectors pauses the run, though another describes", async () => {
    vi.useFakeTimers();
    const { world, cloud, adapters } = chained(10);
    let isDown = true;
    world.ai.embed.mockImplementation(async () => {
      if (isDown) throw down();
      return [1, 2];
    });
    setTimeout(() => {
      isDown = false;
    }, 100_000);
    const processor = new BatchProcessor({ ...adapters, ...plain, concurrency: 2 });
    const paused = vi.fn();
    processor.on("batch:paused", paused);
    expect(await settled(processor.process("batch"))).toMatchObject({ status: "completed", completed: 10, failed: 0 });
    expect(paused).toHaveBeenCalled();
    expect(cloud.describe).not.toHaveBeenCalled();
    expect(world.ai.embed.mock.calls.length).toBeLessThan(30);
  });

  test("of the one that makes the vectors fails nobody, however well another one is", async () => {
    vi.useFakeTimers();
    let isDown = false;
    const answering = async () => {
      if (isDown) throw down();
    };
    const { world, adapters } = chained(1, {
      local: { checkHealth: answering },
      cloud: { checkHealth: async () => {} },
    });
    world.ai.embed.mockImplementation(async () => {
      await answering();
      return [1, 2];
    });
    world.ai.embed.mockImplementationOnce(async () => {
      isDown = true;
      setTimeout(() => {
        isDown = false;
      }, 100_000);
      throw down();
    });
    const processor = new BatchProcessor({ ...adapters, ...plain });
    expect(await settled(processor.process("batch"))).toMatchObject({ status: "completed", completed: 1, failed: 0 });
  });

  test("of one model is no evidence against what the other one does: each has its own", async () => {
    vi.useFakeTimers();
    const { local, cloud, adapters } = chained(6);
    // The first is well, and fails one upload alone; the second is down for a while.
    local.describe.mockImplementation(async ({ upload }) => {
      if (upload.id === "u0003") throw down();
      return `local of ${upload.id}`;
    });
    let isDown = true;
    cloud.describe.mockImplementation(async ({ upload }) => {
      if (isDown) throw down({ message: "cloud down" });
      return `cloud of ${upload.id}`;
    });
    setTimeout(() => {
      isDown = false;
    }, 30_000);
    const processor = new BatchProcessor({ ...adapters, ...plain, concurrency: 2 });
    expect(await settled(processor.process("batch"))).toMatchObject({ status: "completed", completed: 6, failed: 0 });
    expect(await adapters.repository.findUpload("u0003")).toMatchObject({ description: "cloud of u0003" });
    // Found to be the upload's own at the first: not asked again at each visit.
    expect(local.describe.mock.calls.filter(([{ upload }]) => upload.id === "u0003").length).toBeLessThan(5);
  });

  test("that never ends for one upload alone, at every model, fails it in the end", async () => {
    vi.useFakeTimers();
    const { local, cloud, adapters } = chained(6);
    const answer: AIAdapter["describe"] = async ({ upload }) => {
      if (upload.id === "u0003") throw down();
      return `text of ${upload.id}`;
    };
    local.describe.mockImplementation(answer);
    cloud.describe.mockImplementation(answer);
    const processor = new BatchProcessor({ ...adapters, ...plain, concurrency: 2 });
    expect(await settled(processor.process("batch"))).toMatchObject({ status: "completed", completed: 5, failed: 1 });
    expect(local.describe.mock.calls.length + cloud.describe.mock.calls.length).toBeLessThan(5 + 20);
  });
});

describe("each model", () => {
  test("has slots of its own", async () => {
    const { local, cloud, adapters } = chained(12, {
      local: { concurrency: { describe: 1 } },
      cloud: { concurrency: { describe: 3 } },
    });
    const most = { local: 0, cloud: 0 };
    const running = { local: 0, cloud: 0 };
    const slowly =
      (name: "local" | "cloud"): AIAdapter["describe"] =>
      async ({ upload }) => {
        most[name] = Math.max(most[name], ++running[name]);
        await new Promise((resolve) => setTimeout(resolve, 1));
        running[name]--;
        if (name === "local") throw Object.assign(new Error("no"), { status: 400 });
        return upload.id;
      };
    local.describe.mockImplementation(slowly("local"));
    cloud.describe.mockImplementation(slowly("cloud"));
    await new BatchProcessor({ ...adapters, ...plain, concurrency: 12 }).process("batch");
    expect(most.local).toBe(1);
    expect(most.cloud).toBeLessThanOrEqual(3);
    expect(most.cloud).toBeGreaterThan(1);
  });

  test("has a price of its own, in one ledger and one budget", async () => {
    const { local, adapters } = chained(1, { local: { price: () => 1 }, cloud: { price: () => 10 } });
    const refused = Object.assign(new Error("no"), { status: 400 });
    local.describe.mockRejectedValue(refused);
    const runtime = createRuntime({ budget: { limit: 100 } });
    const result = await processUploadWithRetry("a", adapters, { ...plain, runtime });
    assertCompleted(result);
    expect(result.usage.cost).toBe(1 + 10 + 1);
    expect(runtime.health().budgetLeft).toBe(88);
    const { adapters: free } = chained(1, { local: { price: () => 1 } });
    await expect(
      processUploadWithRetry("a", free, { runtime: createRuntime({ budget: { limit: 1 } }) }),
    ).rejects.toThrow("a budget needs prices");
  });

  test("is not paid any more after an answer without a price, though there is a budget", async () => {
    const { local, cloud, adapters } = chained(1, { local: { price: () => null }, cloud: { price: () => 10 } });
    local.describe.mockResolvedValue(""); // not accepted, and the next model would be asked
    const runtime = createRuntime({ budget: { limit: 100 } });
    const working = processUploadWithRetry("a", adapters, { ...once, runtime });
    await expect(working).rejects.toThrow("ai.price: expected the price of a describe call");
    expect(local.describe).toHaveBeenCalledTimes(1);
    expect(cloud.describe).not.toHaveBeenCalled();
  });

  test("has a key of its own for the same upload", async () => {
    const { local, cloud, adapters } = chained();
    local.describe.mockRejectedValue(down({ status: 401 }));
    await processUploadWithRetry("a", adapters, plain);
    const [[, a] = [], [, b] = []] = [local.describe.mock.calls[0], cloud.describe.mock.calls[0]];
    expect(a?.idempotencyKey).not.toBe(b?.idempotencyKey);
  });

  test("is known in a copy of the chain, but not where its describe was replaced", async () => {
    const { local, cloud, adapters } = chained(1, { local: { price: () => 1 }, cloud: { price: () => 10 } });
    local.describe.mockRejectedValue(down({ status: 401 }));
    const copied = await processUploadWithRetry("a", { ...adapters, ai: { ...adapters.ai } }, plain);
    expect(copied.usage.cost).toBe(12);
    const wrapped = { ...adapters.ai, describe: vi.fn(adapters.ai.describe) };
    const again = await processUploadWithRetry("a", { ...adapters, ai: wrapped }, { ...plain, rerun: "reprocess-all" });
    assertCompleted(again);
    expect(wrapped.describe).toHaveBeenCalledTimes(1);
    expect(again).toMatchObject({
      usage: { cost: 12 },
      upload: { description: "cloud of a", metadata: { model: "cloud" } },
    });
    expect(cloud.describe).toHaveBeenCalledTimes(2);
  });

  test("is asked whether it is well: one that is not is passed by without a call", async () => {
    const unwell = vi.fn(async () => {
      throw down();
    });
    const { local, adapters } = chained(3, {
      local: { checkHealth: unwell, embed: undefined },
      cloud: { embed: async () => [1, 2], checkHealth: async () => {} },
    });
    const result = await new BatchProcessor({ ...adapters, ...plain }).process("batch");
    expect(result).toMatchObject({ status: "completed", completed: 3 });
    expect(unwell).toHaveBeenCalledTimes(1);
    expect(local.describe).not.toHaveBeenCalled();
  });
});

test("one that makes the vectors and is found down is waited for before anything else is tried", async () => {
  vi.useFakeTimers();
  const checkHealth = vi.fn(async () => {
    throw down();
  });
  const { world, local, cloud, adapters } = chained(3, { local: { checkHealth } });
  const began = Date.now();
  world.ai.embed.mockImplementation(async () => [Date.now() - began]);
  const processor = new BatchProcessor({ ...adapters, ...plain, concurrency: 3, breaker: { cooldownMs: 20_000 } });
  expect(await settled(processor.process("batch"))).toMatchObject({ status: "completed", completed: 3 });
  expect(local.describe.mock.calls.length + cloud.describe.mock.calls.length).toBe(3);
  for (const id of ["u0000", "u0001", "u0002"])
    expect((await adapters.repository.findUpload(id))?.embedding?.[0]).toBeGreaterThanOrEqual(20_000);
});

test("what one service made of an upload is remembered apart from what another one did", () => {
  const runtime = new SharedRuntime({});
  const [first, second] = [runtime.breakerOfModel(0), runtime.breakerOfModel(1)];
  const trial = { failures: 1, held: 0, firstBegan: 1, firstFailed: 2 };
  const memory = runtime.memoryOf({});
  expect(memory.isTried("a")).toBe(false);
  memory.tried("a", second, trial);
  expect([memory.trialOf("a", first), memory.trialOf("a", second)]).toEqual([undefined, trial]);
  expect(memory.isTried("a")).toBe(true);
  memory.forget("a");
  expect(memory.isTried("a")).toBe(false);
});

test("who shares a runtime with a chain is stopped by nothing but its own model", async () => {
  const world = worldOf(ids(2));
  const runtime = createRuntime({ breaker: { threshold: 1 } });
  const cloud = model("cloud");
  const broken = model("broken", { embed: async () => Promise.reject(down()) });
  const { storage, repository } = world;
  const chain = fallbackAI([broken, cloud]);
  const result = await processUploadWithRetry("u0000", { storage, repository, ai: chain }, { ...once, runtime });
  expect(result).toMatchObject({ status: "deferred", error: { stage: "embed" } });
  const alone = new BatchProcessor({ storage, repository, ai: model("alone"), ...once, runtime });
  expect(await alone.processUploads(["u0001"])).toMatchObject({ completed: 1 });
});

describe("a chain as an adapter", () => {
  test("takes vectors only from the first that makes any", async () => {
    const first = model("first");
    const second = model("second", { embed: async () => [2, 2], dimensions: 2, concurrency: { embed: 7 } });
    const third = model("third", { embed: async () => [3], embedMany: async () => ({ vectors: [] }), dimensions: 1 });
    const ai = fallbackAI([first, second, third]);
    expect(ai.dimensions).toBe(2);
    expect(ai.embedMany).toBeUndefined();
    expect(ai.concurrency?.embed).toBe(7);
    const world = worldOf([uploadOf("a")]);
    const result = await processUploadWithRetry("a", { ...world, ai }, plain);
    assertCompleted(result);
    expect(result.upload.embedding).toEqual([2, 2]);
    expect(fallbackAI([first]).embed).toBeUndefined();
  });

  test("has one stamp, made of all versions in their order", () => {
    const a = model("a");
    const b = model("b", { version: { describe: "b1", embed: "b2" }, embed: async () => [1] });
    expect(aiVersionOf(fallbackAI([a, b]))).toBe("describe=a | b1 embed=b2");
    expect(aiVersionOf(fallbackAI([b, a]))).toBe("describe=b1 | a embed=b2");
    expect(aiVersionOf(fallbackAI([a]))).toBe("a");
    expect(aiVersionOf(fallbackAI([a, model("c", { version: undefined })]))).toBeNull();
  });

  test("adds up what its models take at once; without a limit of one there is none", () => {
    const a = model("a", { concurrency: { describe: 1 } });
    const b = model("b", { concurrency: { describe: 4 } });
    expect(fallbackAI([a, b]).concurrency?.describe).toBe(5);
    expect(fallbackAI([a, model("c")]).concurrency?.describe).toBeUndefined();
  });

  test("is well when any of them is", async () => {
    const well = model("well", { checkHealth: async () => {} });
    const ill = (error: Error) => model("ill", { checkHealth: () => Promise.reject(error) });
    const signal = AbortSignal.timeout(60_000);
    await fallbackAI([ill(down()), well]).checkHealth?.({ signal });
    const missing = new UploadError("no model", { code: "INVALID_CONFIGURATION" });
    await expect(fallbackAI([ill(missing), ill(down())]).checkHealth?.({ signal })).rejects.toThrow("down");
    await expect(fallbackAI([ill(missing), ill(missing)]).checkHealth?.({ signal })).rejects.toBe(missing);
    expect(fallbackAI([well, model("silent")]).checkHealth).toBeUndefined();
  });

  test("keeps a description whose price throws", async () => {
    const price = () => {
      throw new Error("no such model in the list");
    };
    const [a, b] = [model("a", { price }), model("b", { price })];
    a.describe.mockRejectedValue(new Error("busy"));
    const answer = await fallbackAI([a, b]).describe(fakeMedia(), fakeContext());
    expect(answer).toMatchObject({ metadata: { model: "b" }, usage: { requests: 2 } });
    expect(b.describe).toHaveBeenCalledTimes(1);
  });

  test("prices a description of which it does not know the model by the dearest", () => {
    const a = model("a", { price: () => 1, embed: async () => [1] });
    const b = model("b", { price: () => 5 });
    const { price } = fallbackAI([a, b]);
    expect([price?.({}, "describe"), price?.({}, "embed")]).toEqual([5, 1]);
    expect(fallbackAI([a, model("c", { price: () => null })]).price?.({}, "describe")).toBeNull();
  });

  test("describes by hand: in order, the first that answers, with the usage of all", async () => {
    const failing = model("failing", { price: () => 1 });
    failing.describe.mockRejectedValue(down({ usage: { inputTokens: 5 } }));
    const answering = model("answering", { price: () => 2 });
    answering.describe.mockResolvedValue({ text: "words", metadata: { tags: ["x"] }, usage: { inputTokens: 7 } });
    const never = model("never");
    const media = fakeMedia();
    const answer = await fallbackAI([failing, answering, never]).describe(media, fakeContext());
    expect(answer).toEqual({
      text: "words",
      metadata: { tags: ["x"], model: "answering" },
      usage: { inputTokens: 12, requests: 2, cost: 3 },
    });
    expect(never.describe).not.toHaveBeenCalled();
    await expect(fallbackAI([answering, failing]).describe(media, fakeContext())).resolves.toBeDefined();
    await expect(fallbackAI([failing, failing]).describe(media, fakeContext())).rejects.toThrow("down");
    const damaged = model("damaged");
    damaged.describe.mockRejectedValue(new UploadError("damaged", { code: "INVALID_MEDIA", stage: "open" }));
    await expect(fallbackAI([damaged, answering]).describe(media, fakeContext())).rejects.toThrow("damaged");
    const when = () => false;
    await expect(fallbackAI([failing, answering], { when }).describe(media, fakeContext())).rejects.toThrow("down");
    await media.release();
  });

  test("may be part of another chain", async () => {
    const [a, b, c] = [model("a"), model("b"), model("c")];
    for (const one of [a, b]) one.describe.mockRejectedValue(down({ status: 401 }));
    const world = worldOf([uploadOf("a")]);
    const result = await processUploadWithRetry("a", { ...world, ai: fallbackAI([fallbackAI([a, b]), c]) }, plain);
    assertCompleted(result);
    expect(result).toMatchObject({ upload: { metadata: { model: "c" } }, usage: { requests: 3 } });
  });

  test("fails by hand with the usage of all that were asked", async () => {
    const first = model("first", { price: () => 1 });
    first.describe.mockRejectedValue(down({ usage: { inputTokens: 5 } }));
    const second = model("second", { price: () => 2 });
    const tired = new UploadError("tired", { code: "DESCRIBE_FAILED", stage: "describe" });
    second.describe.mockRejectedValue(Object.assign(tired, { usage: { inputTokens: 7 } }));
    const media = fakeMedia();
    const failing = fallbackAI([first, second]);
    for (const _ of [1, 2]) {
      const usage = { inputTokens: 12, requests: 2, cost: 3 };
      await expect(failing.describe(media, fakeContext())).rejects.toMatchObject({
        message: "tired",
        cause: tired,
        usage,
      });
    }
    const stopped = fallbackAI([first, second], { when: () => false }).describe(media, fakeContext());
    await expect(stopped).rejects.toMatchObject({ message: "down", usage: { inputTokens: 5, requests: 1, cost: 1 } });
    // Wrapped, it is one model of the library's, and its error is all that tells what was paid.
    const { world } = chained();
    const wrapped = { ...failing, describe: (...args: Parameters<AIAdapter["describe"]>) => failing.describe(...args) };
    expect(await processUploadWithRetry("a", { ...world, ai: wrapped }, once)).toMatchObject({
      status: "failed",
      usage: { inputTokens: 12, requests: 2, cost: 3 },
    });
    await media.release();
  });

  test("with a when of its own is no part of another chain", () => {
    const inner = fallbackAI([model("a"), model("b")], { when: () => true });
    expect(() => fallbackAI([model("c"), inner])).toThrow(
      expect.objectContaining({
        code: "INVALID_CONFIGURATION",
        message: expect.stringContaining("fallbackAI: ais[1]: expected a model, or a chain without when"),
      }),
    );
  });

  test.each([
    ["price", 3, ".price: expected a function, got 3"],
    ["audit", {}, ".audit.check: expected a function"],
    ["embedMany", "no", ".embedMany: expected a function"],
    ["embedBatch", { maxSize: 0 }, ".embedBatch.maxSize: expected an integer of at least 1"],
    ["checkHealth", true, ".checkHealth: expected a function"],
    ["version", 2, ".version: expected a text"],
    ["concurrency", { describe: 0 }, ".concurrency.describe: expected an integer of at least 1"],
    ["dimensions", 1.5, ".dimensions: expected an integer of at least 1"],
  ])("names the model whose %s is misuse", async (member, value, message) => {
    const { adapters } = chained();
    const ai = fallbackAI([model("a"), model("b", { [member]: value })]);
    await expect(processUploadWithRetry("a", { ...adapters, ai }, plain)).rejects.toThrow(
      `adapters.ai (model 2 of the chain)${message}`,
    );
  });

  test.each([
    [[], {}, "fallbackAI: expected a list of at least one AI adapter"],
    ["x", {}, "fallbackAI: expected a list of at least one AI adapter"],
    [[{ embed: () => {} }], {}, "fallbackAI: ais[0].describe: expected a function"],
    [[null], {}, "fallbackAI: ais[0]: expected an object"],
    [[model("a")], { wenn: () => true }, "fallbackAI: options.wenn: unknown; known are when"],
    [[model("a")], { when: true }, "fallbackAI: options.when: expected a function"],
  ])("of %j with %j is misuse", (ais, options, message) => {
    expect(() => fallbackAI(ais as never, options as never)).toThrow(
      expect.objectContaining({ code: "INVALID_CONFIGURATION" }),
    );
    expect(() => fallbackAI(ais as never, options as never)).toThrow(message);
  });
});
