import { describe, expect, test, vi } from "vitest";
import { NEVER } from "../../src/async/time.js";
import {
  type AIAdapter,
  BatchProcessor,
  ConfigurationError,
  createRuntime,
  processUploadWithRetry,
  type Runtime,
  type RuntimeOptions,
} from "../../src/index.js";
import { runtimeOf, SharedRuntime } from "../../src/runtime/runtime.js";
import { deferred, ids, until, untilAborted, uploadOf, worldOf } from "../support/fakes.js";

const plain = { thumbnail: false, retry: { maxAttempts: 1 } } as const;

describe("whose runtime it is", () => {
  const describeIt: AIAdapter["describe"] = async () => "text";

  test("one per adapter, and one for all copies and wrappers that hand its concurrency object on", () => {
    const plainOne: AIAdapter = { describe: describeIt };
    expect(runtimeOf(plainOne)).toBe(runtimeOf(plainOne));
    expect(runtimeOf({ ...plainOne })).not.toBe(runtimeOf(plainOne));
    const ai = { describe: describeIt, concurrency: { describe: 1 } };
    const wrapper = { describe: vi.fn(describeIt), concurrency: ai.concurrency };
    expect(runtimeOf({ ...ai })).toBe(runtimeOf(ai));
    expect(runtimeOf(wrapper)).toBe(runtimeOf(ai));
    expect(runtimeOf({ ...ai, concurrency: { describe: 1 } })).not.toBe(runtimeOf(ai));
  });

  test("processors of one adapter share slots, and one with limits of its own does not", async () => {
    const world = worldOf(ids(3));
    const ai = { ...world.ai, concurrency: { describe: 1 } };
    const held = deferred<string>();
    world.ai.describe.mockImplementationOnce(() => held.promise);
    const first = new BatchProcessor({ ...world, ai, ...plain });
    const second = new BatchProcessor({ ...world, ai: { ...ai }, ...plain });
    const apart = new BatchProcessor({ ...world, ai, ...plain, limits: {} });
    expect(second.runtime).toBe(first.runtime);
    expect(apart.runtime).not.toBe(first.runtime);
    const one = first.processUpload("u0000");
    await until(() => world.ai.describe.mock.calls.length === 1);
    const two = processUploadWithRetry("u0001", { ...world, ai }, plain);
    await until(() => second.health().waiting === 1);
    expect(second.health().active).toBe(2);
    expect(await apart.processUpload("u0002")).toMatchObject({ status: "completed" });
    held.resolve("text");
    expect(await Promise.all([one, two])).toMatchObject([{ status: "completed" }, { status: "completed" }]);
    expect(first.health()).toMatchObject({ active: 0, waiting: 0 });
  });

  test("a runtime that is handed in is used, and not made anew", async () => {
    const world = worldOf(ids(2));
    const runtime = createRuntime({ limits: { describe: 1 } });
    const processor = new BatchProcessor({ ...world, ...plain, runtime });
    expect(processor.runtime).toBe(runtime);
    await processor.processUpload("u0000");
    await processUploadWithRetry("u0001", world, { ...plain, runtime });
    expect(runtime.health().usage.requests).toBe(4);
    expect(runtimeOf(world.ai).health().usage.requests).toBeUndefined();
  });
});

describe("limits", () => {
  const unlimited = Number.POSITIVE_INFINITY;

  test("are those of the options, else the adapter's wish, else none", () => {
    const runtime = new SharedRuntime({ limits: { describe: 3, embed: { perMinute: 600 } } });
    expect(runtime.limiter("describe", 1).concurrency).toBe(3);
    expect(runtime.limiter("embed", 2).concurrency).toBe(2);
    expect(runtime.limiter("moderation").concurrency).toBe(unlimited);
    expect(runtime.limiter("describe")).toBe(runtime.limiter("describe", 9));
    const absent = { describe: null, embed: { concurrency: null, perMinute: null } } as never;
    expect(new SharedRuntime({ limits: absent }).limiter("describe", 1).concurrency).toBe(1);
    expect(new SharedRuntime({ limits: absent }).limiter("embed").concurrency).toBe(unlimited);
    expect(new SharedRuntime({ limits: { describe: unlimited } }).limiter("describe", 1).concurrency).toBe(unlimited);
  });

  test("of decoders leave the thread pool a thread, and are at least one", () => {
    const sizeOf = (threads: string) => {
      vi.stubEnv("UV_THREADPOOL_SIZE", threads);
      return new SharedRuntime({}).limiter("decode").concurrency;
    };
    try {
      expect(sizeOf("1")).toBe(1);
      expect(sizeOf("2")).toBe(1);
      expect(sizeOf("")).toBeLessThanOrEqual(3);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  test("of decoders hold for thumbnails and vision images alike", async () => {
    const world = worldOf(ids(4));
    const runtime = new SharedRuntime({ limits: { decode: 1 } });
    world.ai.describe.mockImplementation(async (media) => `${(await media.visionImage()).width} pixels wide`);
    const held = deferred();
    const holding = runtime.limiter("decode").run(NEVER, () => held.promise);
    const made = processUploadWithRetry("u0000", world, { runtime });
    await until(() => runtime.health().waiting === 1);
    const seen = processUploadWithRetry("u0001", world, { runtime, thumbnail: false });
    await until(() => runtime.health().waiting === 2);
    held.resolve();
    await holding;
    expect(await Promise.all([made, seen])).toMatchObject([{ status: "completed" }, { status: "completed" }]);
  });
});

describe("health", () => {
  test("tells of the breaker what it is open for, and when somebody probes", async () => {
    const world = worldOf(ids(2));
    const runtime = createRuntime({ breaker: { threshold: 1, cooldownMs: 1 } });
    expect(runtime.health()).toEqual({
      active: 0,
      waiting: 0,
      waitingByStage: {},
      breaker: { state: "closed" },
      usage: {},
      budgetLeft: null,
    });
    world.ai.describe.mockRejectedValueOnce(Object.assign(new Error("down"), { status: 503 }));
    await processUploadWithRetry("u0000", world, { ...plain, runtime });
    const { breaker } = runtime.health();
    if (breaker.state === "closed") throw new Error("closed");
    expect(breaker).toMatchObject({ state: "open", error: { message: "down", fault: "service" } });
    expect(breaker.until).toBeGreaterThan(breaker.since);
    await until(() => Date.now() > breaker.until); // it goes by another clock, which ticks between the milliseconds of this
    world.ai.describe.mockImplementationOnce((_, { signal }) => untilAborted(signal));
    const controller = new AbortController();
    const probing = processUploadWithRetry("u0001", world, { ...plain, runtime, signal: controller.signal });
    await until(() => world.ai.describe.mock.calls.length === 2);
    expect(runtime.health()).toMatchObject({ active: 1, breaker: { state: "probing", since: breaker.since } });
    controller.abort();
    await probing;
    expect(runtime.health()).toMatchObject({ active: 0, breaker: { state: "open" } });
    expect(await processUploadWithRetry("u0001", world, { ...plain, runtime })).toMatchObject({ status: "completed" });
    expect(runtime.health().breaker).toEqual({ state: "closed" });
  });
});

describe("options that are refused", () => {
  const refused: [RuntimeOptions | Record<string, unknown>, string][] = [
    [{ limits: { describe: 0 } }, "limits.describe: expected an integer of at least 1, got 0"],
    [{ limits: { embed: 1.5 } }, "limits.embed: expected an integer of at least 1, got 1.5"],
    [{ limits: { describe: { concurrency: 0 } } }, "limits.describe.concurrency"],
    [{ limits: { describe: { perMinute: 0 } } }, "limits.describe.perMinute: expected an integer of at least 1, got 0"],
    [{ limits: { describe: { perMinutes: 5 } } }, 'limits.describe.perMinutes: unknown; did you mean "perMinute"?'],
    [{ limits: { description: 5 } }, "limits.description: unknown;"],
    [{ limits: 4 }, "limits: expected an object, got 4"],
    [{ breaker: true }, "breaker: expected an object, got true"],
    [{ breaker: { threshold: 0 } }, "breaker.threshold: expected an integer of at least 1, got 0"],
    [{ breaker: { cooldownMs: 2 ** 31 } }, "breaker.cooldownMs"],
    [{ breaker: { giveUpAfterMs: -1 } }, "breaker.giveUpAfterMs: expected a number of at least 0, got -1"],
    [{ breaker: { cooldown: 5 } }, 'breaker.cooldown: unknown; did you mean "cooldownMs"?'],
    [{ budget: 25 }, "budget: expected an object, got 25"],
    [{ budget: {} }, "budget.limit: expected a number of at least 0, got undefined"],
    [{ budget: { limit: 5, spent: -1 } }, "budget.spent: expected a number of at least 0, got -1"],
    [{ budget: { limit: 5, spend: 1 } }, 'budget.spend: unknown; did you mean "spent"?'],
    [{ limit: {} }, 'runtime.limit: unknown; did you mean "limits"?'],
  ];
  test.each(refused)("%j", (options, message) => {
    expect(() => createRuntime(options as RuntimeOptions)).toThrow(ConfigurationError);
    expect(() => createRuntime(options as RuntimeOptions)).toThrow(message);
  });

  test("no object at all", () => {
    expect(() => createRuntime(null as never)).toThrow("runtime: expected an object, got null");
  });

  test("a runtime together with what makes one, and a runtime that is none", async () => {
    const world = worldOf([uploadOf("a")]);
    const runtime = createRuntime();
    for (const own of [{ limits: {} }, { breaker: false }, { budget: { limit: 1 } }] as const) {
      const make = () => new BatchProcessor({ ...world, runtime, ...own });
      expect(make).toThrow(ConfigurationError);
      const [name] = Object.keys(own);
      expect(make).toThrow(`runtime and ${name} are both given: put ${name} into createRuntime({ … })`);
    }
    const none = { health: () => runtime.health(), addBudget() {} } satisfies Runtime;
    const message = "runtime: expected what createRuntime makes (of this copy of the package), got an object";
    expect(() => new BatchProcessor({ ...world, runtime: none })).toThrow(message);
    await expect(processUploadWithRetry("a", world, { runtime: none })).rejects.toThrow(message);
  });

  test.each([
    [4, "adapters.ai.concurrency: expected an object, got 4"],
    [null, "adapters.ai.concurrency: expected an object, got null"],
    [{ describe: 0 }, "adapters.ai.concurrency.describe: expected an integer of at least 1, got 0"],
    [{ embed: "2" }, "adapters.ai.concurrency.embed: expected an integer of at least 1"],
    [{ descibe: 1 }, 'adapters.ai.concurrency.descibe: unknown; did you mean "describe"?'],
  ])("of an adapter, a concurrency of %j", async (concurrency, message) => {
    const world = worldOf([uploadOf("a")]);
    const adapters = { ...world, ai: { ...world.ai, concurrency } };
    const refusal = processUploadWithRetry("a", adapters as never);
    await expect(refusal).rejects.toThrow(ConfigurationError);
    await expect(refusal).rejects.toThrow(message);
  });
});
