import { afterEach, describe, expect, test, vi } from "vitest";
import {
  type AIAdapter,
  type Audit,
  type AuditVerdict,
  assertCompleted,
  BatchProcessor,
  createRuntime,
  processUploadWithRetry,
} from "../../src/index.js";
import { settled } from "../support/fake-time.js";
import { ids, until, untilAborted, uploadOf, worldOf } from "../support/fakes.js";

afterEach(() => {
  vi.useRealTimers();
});

const plain = { thumbnail: false, retry: { minTimeout: 1, maxTimeout: 1, randomize: false } } as const;
const verdict = (score: number, ok = false): AuditVerdict => ({ ok, score, issues: ok ? [] : [`score ${score}`] });
const down = (more: object = {}) => Object.assign(new Error("down"), { status: 503 }, more);

/** Judges descriptions by a list: what is not in it passes. */
function auditBy(scores: Readonly<Record<string, number>>, maxAsks?: number) {
  const check = vi.fn<Audit["check"]>((text) => {
    const score = scores[text];
    return score === undefined ? verdict(1, true) : verdict(score);
  });
  return maxAsks === undefined ? { check } : { check, maxAsks };
}

/** A world whose model answers these, one after the other. */
function answering(...texts: readonly string[]) {
  const world = worldOf([uploadOf("a")]);
  for (const text of texts) world.ai.describe.mockResolvedValueOnce(text);
  return world;
}

const once = async (world: ReturnType<typeof worldOf>, options: Parameters<typeof processUploadWithRetry>[2]) => {
  const result = await processUploadWithRetry("a", world, { ...plain, ...options });
  assertCompleted(result);
  return result;
};

describe("a description that does not pass", () => {
  test("is asked for again in the same attempt, and the better one is stored", async () => {
    const world = answering("bad", "good");
    const audit = auditBy({ bad: 0.1 });
    const runtime = createRuntime();
    const result = await once(world, { audit, runtime });
    expect(result).toMatchObject({ attempts: 1, usage: { requests: 3 }, warnings: [] });
    expect(result.upload.description).toBe("good");
    const stored = await world.repository.findUpload("a");
    expect(stored?.metadata?.audit).toEqual({ score: 1, issues: [], asks: 2 });
    const contexts = world.ai.describe.mock.calls.map(([, context]) => context);
    expect(contexts.map(({ ask, attempt }) => [ask, attempt])).toEqual([
      [1, 1],
      [2, 1],
    ]);
    expect(new Set(contexts.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(2);
    expect(result.stages.map(({ stage, outcome }) => [stage, outcome])).toEqual([
      ["open", "ok"],
      ["describe", "ok"],
      ["describe", "ok"],
      ["embed", "ok"],
    ]);
    expect(runtime.health()).toMatchObject({ breaker: { state: "closed" }, usage: { requests: 3 } });
  });

  test.each([
    [["b", "c"], undefined, "b", 2],
    [["c", "b"], undefined, "b", 2],
    [["c", "a", "b"], 3, "a", 3],
    [["b", "b2"], undefined, "b", 2],
    [["c"], 1, "c", 1],
  ])("%j with %s asks: %s is kept", async (texts, maxAsks, kept, asks) => {
    const world = answering(...texts, "never asked for");
    const audit = auditBy({ a: 0.8, b: 0.5, b2: 0.5, c: 0.2 }, maxAsks);
    const { upload } = await once(world, { audit });
    expect(upload.description).toBe(kept);
    expect(upload.metadata?.audit).toMatchObject({ asks });
    expect(world.ai.describe).toHaveBeenCalledTimes(texts.length);
  });

  test("is told to the audit with the upload, its kind and the prompt", async () => {
    const world = worldOf([uploadOf("a", { userId: "somebody" })]);
    world.ai.describe.mockResolvedValueOnce({ text: "A cat", prompt: "What is it?" });
    const audit = auditBy({});
    const { upload } = await once(world, { audit });
    expect(audit.check.mock.calls).toEqual([
      [
        "A cat",
        { upload: expect.objectContaining({ id: "a", userId: "somebody" }), kind: "image", prompt: "What is it?" },
      ],
    ]);
    expect(upload.metadata).not.toHaveProperty("prompt");
  });

  test("is in one slot with those that are asked for after it", async () => {
    const world = worldOf(ids(2));
    const asked: string[] = [];
    world.ai.describe.mockImplementation(async ({ upload }, { ask }) => {
      asked.push(`${upload.id} ${ask}`);
      await new Promise((resolve) => setImmediate(resolve));
      return "bad";
    });
    const processor = new BatchProcessor({ ...world, ...plain, audit: auditBy({ bad: 0 }), limits: { describe: 1 } });
    await processor.process("batch");
    expect(asked.map((each) => each.slice(-1))).toEqual(["1", "2", "1", "2"]);
    expect(new Set(asked.slice(0, 2).map((each) => each.slice(0, 5))).size).toBe(1);
  });

  test("has a claim that is certain, and room in the budget, each time", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const world = answering("bad", "good");
    const renewed = vi.spyOn(world.repository, "updateUpload");
    const audit: Audit = {
      check: (text) => {
        vi.advanceTimersByTime(15_000); // the claim has become doubtful by now
        return verdict(0.5, text === "good");
      },
    };
    const ai: AIAdapter = { ...world.ai, price: (_, stage) => (stage === "describe" ? 3 : 0) };
    await processUploadWithRetry("a", { ...world, ai }, { ...plain, audit });
    expect(renewed.mock.calls.some(([, changes]) => Object.keys(changes).length === 0)).toBe(true);

    const poor = answering("bad", "good");
    const runtime = createRuntime({ budget: { limit: 5 } });
    const priced = { ...poor.ai, price: (_: unknown, stage: string) => (stage === "describe" ? 3 : 0) };
    const result = await processUploadWithRetry(
      "a",
      { ...poor, ai: priced },
      { ...plain, audit: auditBy({ bad: 0.4 }), runtime },
    );
    expect(poor.ai.describe).toHaveBeenCalledTimes(1);
    // The description is kept; embedding it has no room either.
    expect(result).toMatchObject({ status: "deferred", error: { code: "BUDGET_EXHAUSTED" } });
    expect(await poor.repository.findUpload("a")).toMatchObject({
      description: "bad",
      metadata: { audit: { score: 0.4, issues: ["score 0.4"], asks: 1 } },
    });
  });
});

describe("asking again that fails", () => {
  test.each([
    ["by the service", () => down()],
    ["by the account", () => down({ status: 401 })],
    ["by the deployment", () => down({ status: 404 })],
    ["by a refusal", () => down({ status: 400 })],
  ])("%s loses nothing: the best so far is stored", async (_, error) => {
    const world = answering("bad");
    world.ai.describe.mockRejectedValueOnce(error());
    const { upload, attempts, usage } = await once(world, { audit: auditBy({ bad: 0.3 }) });
    expect(upload).toMatchObject({ description: "bad", metadata: { audit: { score: 0.3, asks: 1 } } });
    expect(attempts).toBe(1);
    expect(usage.requests).toBe(3);
  });

  test.each([[""], [{ text: "half", finish: "length" as const }], [{ text: "no", finish: "refused" as const }]])(
    "by an answer that is not accepted (%j) likewise",
    async (answer) => {
      const world = answering("bad");
      world.ai.describe.mockResolvedValueOnce(answer);
      expect((await once(world, { audit: auditBy({ bad: 0.3 }) })).upload.description).toBe("bad");
    },
  );

  test("by its timeout likewise", async () => {
    vi.useFakeTimers();
    const world = answering("bad");
    world.ai.describe.mockImplementationOnce((_, { signal }) => untilAborted(signal));
    const result = await settled(once(world, { audit: auditBy({ bad: 0.3 }), timeouts: { describeMs: 500 } }));
    expect(result.upload.description).toBe("bad");
  });

  test("by an abort keeps the best so far as a checkpoint", async () => {
    const world = answering("bad");
    world.ai.describe.mockImplementationOnce((_, { signal }) => untilAborted(signal));
    const controller = new AbortController();
    const options = { ...plain, audit: auditBy({ bad: 0.3 }), signal: controller.signal };
    const working = processUploadWithRetry("a", world, options);
    await until(() => world.ai.describe.mock.calls.length === 2);
    controller.abort();
    expect(await working).toMatchObject({ status: "aborted" });
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "pending", starts: 0, description: "bad" });
  });

  test("counts for the breaker, which the audit does not", async () => {
    const world = answering("bad");
    world.ai.describe.mockRejectedValueOnce(down());
    const runtime = createRuntime({ breaker: { threshold: 1 } });
    await processUploadWithRetry("a", world, { ...plain, audit: auditBy({ bad: 0.3 }), runtime });
    expect(runtime.health().breaker.state).toBe("open");
  });
});

describe("before the audit", () => {
  test.each([
    [" ", "EMPTY_DESCRIPTION"],
    [{ text: "half", finish: "length" as const }, "DESCRIPTION_TRUNCATED"],
    [{ text: "no", finish: "refused" as const }, "CONTENT_REFUSED"],
  ])("%j decides by itself", async (answer, code) => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockResolvedValue(answer);
    const audit = auditBy({});
    const result = await processUploadWithRetry("a", world, { ...plain, retry: { maxAttempts: 1 }, audit });
    expect(result).toMatchObject({ status: "failed", error: { code } });
    expect(audit.check).not.toHaveBeenCalled();
  });
});

describe("which audit", () => {
  const suggested = auditBy({ "from the model": 0.2 });

  test.each([
    [undefined, "second", 1],
    [false as const, "from the model", undefined],
    [auditBy({}), "from the model", 1],
  ])("the option %j wins over the adapter's", async (audit, text, asks) => {
    const world = answering("from the model", "second");
    const result = await processUploadWithRetry(
      "a",
      { ...world, ai: { ...world.ai, audit: suggested } },
      { ...plain, audit },
    );
    assertCompleted(result);
    expect(result.upload.description).toBe(text);
    const stored = result.upload.metadata?.audit as { asks?: number } | undefined;
    expect(stored === undefined).toBe(asks === undefined);
  });

  test("runs where a processor has it as an option", async () => {
    const world = answering("bad", "good");
    const processor = new BatchProcessor({ ...world, ...plain, audit: auditBy({ bad: 0 }) });
    expect(await processor.process("batch")).toMatchObject({
      completed: 1,
      usageByStage: { describe: { requests: 2 } },
    });
  });

  test("what an audit said of an earlier description is not kept for a new one", async () => {
    const world = answering("bad", "bad");
    await once(world, { audit: auditBy({ bad: 0.1 }) });
    const { upload } = await once(world, { audit: false, rerun: "reprocess-all" });
    expect(upload.metadata?.audit).toBeNull();
  });

  test.each([
    [{ audit: true }, "audit: expected an object, got true"],
    [{ audit: {} }, "audit.check: expected a function"],
    [{ audit: { check: () => verdict(1), maxAsks: 0 } }, "audit.maxAsks: expected an integer of at least 1, got 0"],
  ])("%j is misuse", async (options, message) => {
    await expect(processUploadWithRetry("a", answering(), options as never)).rejects.toThrow(message);
    const ai = { ...answering().ai, ...options };
    if (options.audit !== true)
      await expect(processUploadWithRetry("a", { ...answering(), ai: ai as never })).rejects.toThrow(
        `adapters.ai.${message}`,
      );
  });
});

describe("an audit that fails", () => {
  test.each([
    [
      "throws",
      () => {
        throw new Error("no dictionary");
      },
    ],
    ["answers nothing", () => undefined],
    ["answers a promise", () => Promise.reject(new Error("later"))],
    ["has a score that is none", () => ({ ok: true, score: Number.NaN, issues: [] })],
    ["has no list of issues", () => ({ ok: false, score: 0.2, issues: "many" })],
    ["says nothing of ok", () => ({ score: 0.2, issues: [] })],
  ])("%s: one warning, and the description is kept", async (_, check) => {
    const world = answering("words");
    const result = await once(world, { audit: { check: check as never } });
    expect(result.upload.description).toBe("words");
    expect(result.upload.metadata).not.toHaveProperty("audit");
    expect(result.warnings).toMatchObject([{ code: "LISTENER_FAILED", stage: "describe" }]);
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
  });

  test("what it stores is bounded and clean", async () => {
    const world = answering("words");
    const issues = Array.from({ length: 1000 }, () => "x\0".repeat(10_000));
    const { upload } = await once(world, { audit: { check: () => ({ ok: true, score: 7, issues }) } });
    const stored = upload.metadata?.audit as { score: number; issues: string[] };
    expect(stored.score).toBe(1);
    expect(stored.issues).toHaveLength(20);
    expect(stored.issues[0]).toMatch(/^x{250}$/);
  });
});
