import { afterEach, describe, expect, test, vi } from "vitest";
import {
  BatchProcessor,
  createRuntime,
  processUploadWithRetry,
  UploadError,
  UploadEventEmitter,
} from "../../src/index.js";
import { SharedRuntime } from "../../src/runtime/runtime.js";
import { describedWorld, plain, vectorOf } from "../support/embedding.js";
import { settled } from "../support/fake-time.js";
import { deferred, until } from "../support/fakes.js";

afterEach(() => {
  vi.useRealTimers();
});

type World = ReturnType<typeof describedWorld>;
type Options = NonNullable<Parameters<typeof processUploadWithRetry>[2]>;

const all = (world: World, options: Options = {}) =>
  Promise.all(world.names.map((id) => processUploadWithRetry(id, world, { ...plain, ...options })));
const once = { ...plain, retry: { maxAttempts: 1 } } as const;
const down = (more: object = {}) => Object.assign(new Error("down"), { status: 503 }, more);
const answers = (inputs: readonly { readonly text: string }[]) => ({
  vectors: inputs.map(({ text }) => vectorOf(text)),
});

/** Fails every call that has this text in it. */
function failWith(world: World, text: string, error: () => Error): void {
  world.embedMany.mockImplementation(async (inputs) => {
    if (inputs.some((input) => input.text === text)) throw error();
    return answers(inputs);
  });
}

const ofStatus = (results: readonly { readonly status: string; readonly uploadId: string }[], status: string) =>
  results.filter((result) => result.status === status).map(({ uploadId }) => uploadId);

describe("one text that fails", () => {
  test.each([
    ["by a refusal of the text", () => Object.assign(new Error("too long"), { status: 400 })],
    ["by an error that tells nothing of itself", () => new Error("boom")],
  ])("%s fails alone: the call is repeated in halves", async (_, error) => {
    const world = describedWorld(8);
    failWith(world, "Text 0005", error);
    const results = await all(world, once);
    expect(ofStatus(results, "failed")).toEqual(["u0005"]);
    expect(ofStatus(results, "completed")).toHaveLength(7);
    expect(results[5]).toMatchObject({ error: { code: "EMBED_FAILED", fault: "upload" } });
    expect(world.sizes().toSorted((a, b) => b - a)).toEqual([8, 4, 4, 2, 2, 1, 1]);
  });

  test("by a text that makes the service fail takes no other down, though nobody comes back", async () => {
    const world = describedWorld(8);
    failWith(world, "Text 0005", () => down());
    const results = await all(world, { retry: { maxAttempts: 2, minTimeout: 1, randomize: false } });
    expect(ofStatus(results, "failed")).toEqual(["u0005"]);
    expect(ofStatus(results, "completed")).toHaveLength(7);
  });

  test("by an answer with too few vectors fails alone as well, and every call is booked", async () => {
    const world = describedWorld(4);
    world.embedMany.mockImplementation(async (inputs) => ({
      vectors: inputs.filter(({ text }) => text !== "Text 0002").map(({ text }) => vectorOf(text)),
      usage: { inputTokens: inputs.length },
    }));
    const runtime = createRuntime();
    const results = await all(world, { ...once, runtime });
    expect(ofStatus(results, "failed")).toEqual(["u0002"]);
    expect(results[2]).toMatchObject({
      error: { code: "INVALID_EMBEDDING", message: expect.stringContaining("expected 1 vectors") },
    });
    expect(world.sizes().toSorted((a, b) => b - a)).toEqual([4, 2, 2, 1, 1]);
    expect(runtime.health().usage).toMatchObject({ requests: 5, inputTokens: 10 });
    const told = results.map(({ usage }) => usage.inputTokens ?? 0);
    expect(told.reduce((a, b) => a + b)).toBe(10);
    // All its calls together, in the timing of the one stage.
    expect(results[2]?.stages).toMatchObject([{ stage: "embed", usage: { inputTokens: told[2] } }]);
  });

  test("by a vector that is none fails without another call", async () => {
    const world = describedWorld(3);
    world.embedMany.mockResolvedValueOnce({ vectors: [[1, 2], [Number.NaN, 1], new Float32Array([3, 4])] });
    const results = await all(world, once);
    expect(ofStatus(results, "failed")).toHaveLength(1);
    expect(results.find(({ status }) => status === "failed")).toMatchObject({ error: { code: "INVALID_EMBEDDING" } });
    expect(world.sizes()).toEqual([3]);
  });

  test.each([[undefined], [{}], [{ vectors: 3 }], ["vectors"]])(
    "an answer that has no list (%j) is nobody's",
    async (answer) => {
      const world = describedWorld(2);
      world.embedMany.mockResolvedValue(answer as never);
      const results = await all(world);
      expect(results).toMatchObject(Array(2).fill({ status: "failed", error: { code: "INVALID_EMBEDDING" } }));
      expect(world.sizes()).toEqual([2]);
    },
  );

  test("has another key the next time, because the answer was received and not accepted", async () => {
    const world = describedWorld(1);
    world.embedMany.mockResolvedValueOnce({ vectors: [] });
    await processUploadWithRetry("u0000", world, { ...once, retry: { shouldRetry: () => true } });
    const keys = world.embedMany.mock.calls.map(([, { idempotencyKey }]) => idempotencyKey);
    expect(new Set(keys).size).toBe(2);
  });

  test("and is aborted while its half waits for a slot leaves it", async () => {
    const world = describedWorld(2, { concurrency: { embed: 1 } });
    const held = deferred();
    world.embedMany.mockImplementation(async (inputs) => {
      if (inputs.length > 1) throw new Error("boom");
      await held.promise;
      return answers(inputs);
    });
    const controller = new AbortController();
    const working = [
      processUploadWithRetry("u0000", world, plain),
      processUploadWithRetry("u0001", world, { ...plain, signal: controller.signal }),
    ];
    await until(() => world.sizes().length === 2);
    controller.abort();
    expect(await working[1]).toMatchObject({ status: "aborted" });
    held.resolve();
    expect(await working[0]).toMatchObject({ status: "completed" });
    expect(world.sizes()).toEqual([2, 1]);
  });
});

describe("a failure of the service", () => {
  test("is not halved, is one failure of the breaker, and is tried again together", async () => {
    const world = describedWorld(64);
    world.embedMany.mockRejectedValueOnce(down());
    const runtime = createRuntime({ breaker: { threshold: 3 } });
    const results = await all(world, { runtime });
    expect(ofStatus(results, "completed")).toHaveLength(64);
    expect(world.sizes()).toEqual([64, 64]);
    expect(results[7]).toMatchObject({ attempts: 2 });
    expect(runtime.health().breaker.state).toBe("closed");
  });

  test("that is waited for at random is waited for equally long by all in the call", async () => {
    vi.useFakeTimers();
    const world = describedWorld(20);
    world.embedMany.mockRejectedValueOnce(down());
    const delays = new Set<number>();
    const events = new UploadEventEmitter().on("upload:retry", ({ delayMs }) => void delays.add(delayMs));
    await settled(all(world, { retry: { minTimeout: 1000, maxAttempts: 3 }, events }));
    expect(delays.size).toBe(1);
    expect(world.sizes()).toEqual([20, 20]);
  });

  test.each([
    ["the account", { status: 401 }, "ACCOUNT_REFUSED"],
    ["the service", { status: 503 }, "EMBED_FAILED"],
  ])("of %s holds all in the call, uncounted", async (_, more, code) => {
    const world = describedWorld(5);
    world.embedMany.mockRejectedValue(down(more));
    const results = await all(world, { ...once, runtime: createRuntime() });
    expect(results).toMatchObject(Array(5).fill({ status: "deferred", countsAsAttempt: false, error: { code } }));
    expect(world.sizes()).toEqual([5]);
    expect(await world.repository.findUpload("u0000")).toMatchObject({ status: "pending", starts: 0 });
  });

  test("of the deployment ends the run, and nothing is failed", async () => {
    const world = describedWorld(5);
    world.embedMany.mockRejectedValue(Object.assign(new Error("no such model"), { status: 404 }));
    const result = await new BatchProcessor({ ...world.adapters, ...plain, concurrency: 5 }).process("batch");
    expect(result).toMatchObject({ status: "failed", failed: 0, error: { code: "INVALID_CONFIGURATION" } });
    expect(world.sizes()).toEqual([5]);
  });

  test("opens the breaker by the number of calls, and what waits then is not sent", async () => {
    const world = describedWorld(6, { embedBatch: { maxSize: 2 } });
    world.embedMany.mockRejectedValue(down());
    const runtime = createRuntime({ breaker: { threshold: 2 } });
    const results = await all(world, { ...once, runtime });
    expect(runtime.health().breaker.state).toBe("open");
    expect(world.sizes()).toEqual([2, 2]);
    const codes = results.map((result) => "error" in result && result.error.code);
    expect(codes.filter((code) => code === "CIRCUIT_OPEN")).toHaveLength(2);
  });

  test("where nobody comes back ends as for one call each, of which the last is made alone", async () => {
    const world = describedWorld(3);
    world.embedMany.mockRejectedValue(down());
    const results = await all(world);
    expect(results).toMatchObject(Array(3).fill({ status: "failed", attempts: 2, error: { message: "down" } }));
    expect(world.sizes()).toEqual([3, 1, 1, 1]);
  });
});

describe("a text that makes the service fail", () => {
  test("is failed alone in the end, and its batch is done", async () => {
    vi.useFakeTimers();
    const world = describedWorld(64);
    failWith(world, "Text 0033", () => down());
    const processor = new BatchProcessor({ ...world.adapters, ...plain, concurrency: 64 });
    const result = await settled(processor.process("batch"));
    expect(result).toMatchObject({ status: "completed", completed: 63, failed: 1 });
    expect(result.failures).toMatchObject([{ uploadId: "u0033", error: { message: "down" } }]);
    // 64, 64, 16 …: not once for each of its neighbours.
    expect(world.sizes().length).toBeLessThan(40);
  });

  test("takes no neighbour down where an engine comes back", async () => {
    const world = describedWorld(5);
    const runtime = new SharedRuntime({});
    failWith(world, "Text 0001", () => down());
    const go = (...ids: string[]) => {
      const options = { ...once, attempt: { number: 3, max: 3 }, runtime };
      return Promise.all(ids.map((id) => processUploadWithRetry(id, world, options)));
    };
    const four = world.names.slice(0, 4);
    for (let round = 0; round < 2; round++)
      expect(await go(...four)).toMatchObject(Array(4).fill({ status: "deferred", countsAsAttempt: false }));
    const memory = runtime.memoryOf(world.repository);
    expect(memory.failedTogether.get("u0000")).toEqual({ failures: 2, most: 1 });
    expect(four.some((id) => memory.isTried(id))).toBe(false); // nobody's failure yet
    const third = await go(...four);
    expect(ofStatus(third, "completed")).toEqual(["u0000", "u0002", "u0003"]);
    expect(third[1]).toMatchObject({ status: "deferred", countsAsAttempt: false }); // alone now, but nothing tells yet that it is its own
    await go("u0004");
    expect(await go("u0001")).toMatchObject([{ status: "failed", error: { message: "down" } }]);
    expect(runtime.memoryOf(world.repository).failedTogether.size).toBe(0);
  });
});

test("an upload that has failed alone before is held all the same when a call of several fails", async () => {
  const world = describedWorld(3);
  const runtime = createRuntime();
  const options = { ...once, attempt: { number: 1, max: 1 }, runtime };
  world.embedMany.mockRejectedValueOnce(down());
  expect(await processUploadWithRetry("u0000", world, options)).toMatchObject({ status: "deferred" });
  expect(await processUploadWithRetry("u0002", world, options)).toMatchObject({ status: "completed" });
  world.embedMany.mockRejectedValueOnce(down());
  const both = await Promise.all(["u0000", "u0001"].map((id) => processUploadWithRetry(id, world, options)));
  expect(both).toMatchObject(Array(2).fill({ status: "deferred", countsAsAttempt: false }));
  expect(world.sizes()).toEqual([1, 1, 2]);
});

describe("a doubtful claim", () => {
  test("is renewed before its text goes into a call; an upload that was deleted meanwhile does not", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const world = describedWorld(3);
    const held = deferred();
    // The first call holds the only slot, and so long that the claims of those who wait become doubtful.
    world.embedMany.mockImplementationOnce(async (inputs) => {
      await held.promise;
      return answers(inputs);
    });
    const limited = { ...world.ai, concurrency: { embed: 1 }, embedBatch: { maxWaitMs: 0 } };
    const adapters = { ...world.adapters, ai: limited };
    const runtime = createRuntime();
    const renewals: string[] = [];
    const repository = {
      ...world.repository,
      updateUpload: (async (id, changes, claim) => {
        if (Object.keys(changes).length === 0) renewals.push(id);
        return world.repository.updateUpload(id, changes, claim);
      }) satisfies typeof world.repository.updateUpload,
    };
    const go = (id: string) => processUploadWithRetry(id, { ...adapters, repository }, { ...plain, runtime });
    const first = go("u0000");
    await until(() => world.sizes().length === 1);
    const others = [go("u0001"), go("u0002")];
    await until(() => runtime.health().waiting > 0);
    await world.repository.deleteUpload("u0001");
    vi.advanceTimersByTime(15_000);
    held.resolve();
    expect(await Promise.all([first, ...others])).toMatchObject([
      { status: "completed" },
      { status: "deleted", usage: {} },
      { status: "completed" },
    ]);
    expect(renewals.toSorted()).toEqual(["u0001", "u0002"]);
    expect(world.embedMany.mock.calls[1]?.[0].map(({ upload }) => upload.id)).toEqual(["u0002"]);
  });

  test("frees its place at the breaker and in the budget when nobody is left", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const world = describedWorld(2, { price: () => 1 });
    const runtime = createRuntime({ breaker: { threshold: 1 }, budget: { limit: 5 } });
    let claimed = 0;
    const repository = {
      ...world.repository,
      claimUpload: (async (id, request) => {
        const answer = await world.repository.claimUpload(id, request);
        if (++claimed === 1) {
          await world.repository.deleteUpload(id);
          queueMicrotask(() => vi.advanceTimersByTime(15_000));
        }
        return answer;
      }) satisfies typeof world.repository.claimUpload,
    };
    const lost = await processUploadWithRetry("u0000", { ...world.adapters, repository }, { ...plain, runtime });
    expect(lost).toMatchObject({ status: "deleted", usage: {} });
    expect(world.embedMany).not.toHaveBeenCalled();
    const next = await processUploadWithRetry("u0001", { ...world.adapters, repository }, { ...plain, runtime });
    expect(next).toMatchObject({ status: "completed" });
    expect(runtime.health().budgetLeft).toBe(4);
  });
});

test("what fails says of which stage it is, like a call for one", async () => {
  const world = describedWorld(1);
  world.embedMany.mockRejectedValue(new UploadError("no", { code: "CONTENT_REFUSED" }));
  const [result] = await all(world);
  expect(result).toMatchObject({ status: "failed", attempts: 1, error: { stage: "embed", code: "CONTENT_REFUSED" } });
});
