import { afterEach, describe, expect, test, vi } from "vitest";
import {
  type Around,
  BatchProcessor,
  ConfigurationError,
  createRuntime,
  defineStage,
  type Plugin,
  processUploadWithRetry,
  type WorkOutcome,
  type WorkScope,
} from "../../src/index.js";
import { settled } from "../support/fake-time.js";
import { ids, untilAborted, uploadOf, worldOf } from "../support/fakes.js";

const quick = { retry: { minTimeout: 1, randomize: false } } as const;
const never = () => new Promise<never>(() => {});

afterEach(() => {
  vi.useRealTimers();
});

/** A plugin that tells when each scope begins and how it ends. */
function tracing(name = "") {
  const told: string[] = [];
  const outcomes: [WorkScope, WorkOutcome][] = [];
  const around: Around = async (scope, run) => {
    const of = `${name}${scope.kind === "stage" ? `${scope.stage}/${scope.attempt}` : scope.uploadId}`;
    told.push(`> ${of}`);
    const outcome = await run();
    told.push(`< ${of} ${outcome.outcome}`);
    outcomes.push([scope, outcome]);
  };
  return { told, outcomes, around };
}

describe("around", () => {
  test("wraps the upload and each call of a stage, and is told what came of them", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockResolvedValue({ text: "words", usage: { inputTokens: 7 } });
    world.ai.embed.mockRejectedValueOnce(Object.assign(new Error("overloaded"), { status: 503 }));
    const { told, outcomes, around } = tracing();
    const stages = [defineStage({ name: "scan", run: async () => {} })];
    const result = await processUploadWithRetry("a", world, {
      ...quick,
      stages,
      plugins: [{ around }],
      thumbnail: false,
    });
    expect(told).toEqual([
      "> a",
      ...["> open/1", "< open/1 ok", "> scan/1", "< scan/1 ok", "> describe/1", "< describe/1 ok"],
      ...["> embed/1", "< embed/1 failed", "> embed/2", "< embed/2 ok"],
      "< a completed",
    ]);
    const [scope, failed] = outcomes.find(([, { outcome }]) => outcome === "failed") ?? [];
    expect(scope).toEqual({ kind: "stage", stage: "embed", attempt: 1, uploadId: "a", batchId: "batch" });
    expect(failed?.error).toMatchObject({ code: "EMBED_FAILED", fault: "service", message: "overloaded" });
    expect(outcomes[2]?.[1].usage).toMatchObject({ inputTokens: 7, requests: 1 });
    expect(outcomes.at(-1)?.[1]).toEqual({ outcome: "completed", usage: result.usage });
  });

  test("does not wrap a call that is not made: the breaker is open, or the budget used up", async () => {
    const runtime = createRuntime({ breaker: { threshold: 1 }, budget: { limit: 0 } });
    const world = worldOf([uploadOf("a"), uploadOf("b")]);
    const { told, around } = tracing();
    const options = { ...quick, runtime, plugins: [{ around }], thumbnail: false } as const;
    const adapters = { ...world, ai: { ...world.ai, price: () => 1 } };
    const exhausted = await processUploadWithRetry("a", adapters, options);
    expect(exhausted).toMatchObject({ status: "deferred", error: { code: "BUDGET_EXHAUSTED" } });
    runtime.addBudget(10);
    world.ai.describe.mockRejectedValueOnce(Object.assign(new Error("down"), { status: 503 }));
    await processUploadWithRetry("a", adapters, options);
    told.length = 0;
    const refused = await processUploadWithRetry("b", adapters, options);
    expect(refused).toMatchObject({ status: "deferred", error: { code: "CIRCUIT_OPEN" } });
    expect(told).toEqual(["> b", "> open/1", "< open/1 ok", "< b deferred"]);
  });

  test("tells of an upload that failed, and of one that was aborted", async () => {
    const world = worldOf([uploadOf("a"), uploadOf("b")]);
    const { outcomes, around } = tracing();
    world.ai.describe.mockRejectedValueOnce(Object.assign(new Error("refused"), { status: 400 }));
    await processUploadWithRetry("a", world, { plugins: [{ around }] });
    expect(outcomes.at(-1)?.[1]).toMatchObject({ outcome: "failed", error: { code: "DESCRIBE_FAILED" } });
    const controller = new AbortController();
    world.ai.describe.mockImplementationOnce(async (_, { signal }) => {
      controller.abort();
      return untilAborted(signal);
    });
    await processUploadWithRetry("b", world, { plugins: [{ around }], signal: controller.signal });
    expect(outcomes.at(-1)?.[1]).toMatchObject({ outcome: "aborted" });
  });

  test("tells of an answer that is not accepted that the call failed, and of one that was stopped that it was aborted", async () => {
    const world = worldOf([uploadOf("a"), uploadOf("b")]);
    const { outcomes, around } = tracing();
    const describing = () => {
      const told = outcomes.splice(0).find(([scope]) => scope.kind === "stage" && scope.stage === "describe");
      return told?.[1];
    };
    world.ai.describe.mockResolvedValueOnce({ text: " ", usage: { inputTokens: 7 } });
    await processUploadWithRetry("a", world, { ...quick, plugins: [{ around }] });
    expect(describing()).toMatchObject({
      outcome: "failed",
      error: { code: "EMPTY_DESCRIPTION" },
      usage: { inputTokens: 7 },
    });
    const controller = new AbortController();
    world.ai.describe.mockImplementationOnce(async (_, { signal }) => {
      controller.abort();
      return untilAborted(signal);
    });
    await processUploadWithRetry("b", world, { plugins: [{ around }], signal: controller.signal });
    const stopped = describing();
    expect(stopped).toMatchObject({ outcome: "aborted" });
    expect(stopped).not.toHaveProperty("error");
  });

  test("tells of a redo that failed that the old result was kept", async () => {
    const world = worldOf([uploadOf("a")]);
    const { outcomes, around } = tracing();
    await processUploadWithRetry("a", world);
    world.ai.describe.mockRejectedValueOnce(Object.assign(new Error("refused"), { status: 400 }));
    await processUploadWithRetry("a", world, { rerun: "reprocess-all", plugins: [{ around }] });
    expect(outcomes.at(-1)?.[1]).toMatchObject({ outcome: "failed", kept: true });
  });

  test("nests, the first plugin outermost", async () => {
    const told: string[] = [];
    const named = (name: string): Plugin => ({
      around: async (scope, run) => {
        if (scope.kind === "upload") told.push(`> ${name}`);
        await run();
        if (scope.kind === "upload") told.push(`< ${name}`);
      },
    });
    await processUploadWithRetry("a", worldOf([uploadOf("a")]), { plugins: [named("one"), named("two")] });
    expect(told).toEqual(["> one", "> two", "< two", "< one"]);
  });

  const boom = () => {
    throw new Error("my plugin broke");
  };
  const MISBEHAVING: Readonly<Record<string, { around: Around; warns: boolean }>> = {
    "never starts it": { around: async () => {}, warns: false },
    "starts it twice": { around: async (_, run) => [await run(), await run()], warns: false },
    "starts it and does not wait": { around: async (_, run) => void run(), warns: false },
    "throws before": { around: boom, warns: true },
    "rejects before": { around: async () => boom(), warns: true },
    "throws after": { around: async (_, run) => run().then(boom), warns: true },
    "answers something else": { around: async (_, run) => ({ ...(await run()), outcome: "failed" }), warns: false },
    "hangs before": { around: never, warns: false },
    "hangs after": { around: async (_, run) => run().then(never), warns: false },
  };

  for (const [what, { around, warns }] of Object.entries(MISBEHAVING)) {
    test(`one that ${what}: the work is done once, and its outcome stands`, async () => {
      vi.useFakeTimers();
      const world = worldOf([uploadOf("a"), uploadOf("b")]);
      const inner = tracing();
      const plugins = [{ around }, { around: inner.around }];
      const options = { plugins, thumbnail: false as const };
      const result = await settled(processUploadWithRetry("a", world, options), 60_000);
      expect(result.status).toBe("completed");
      expect(world.ai.describe).toHaveBeenCalledTimes(1);
      expect(world.ai.embed).toHaveBeenCalledTimes(1);
      expect(inner.told.filter((line) => line.startsWith(">"))).toEqual([
        "> a",
        "> open/1",
        "> describe/1",
        "> embed/1",
      ]);
      const codes = new Set(result.warnings.map(({ code }) => code));
      expect(codes).toEqual(new Set(warns ? ["LISTENER_FAILED"] : []));
      if (warns) expect(result.warnings[0]?.message).toContain("my plugin broke");

      world.ai.describe.mockRejectedValue(Object.assign(new Error("refused"), { status: 400 }));
      expect((await settled(processUploadWithRetry("b", world, options), 60_000)).status).toBe("failed");
      expect(world.ai.describe).toHaveBeenCalledTimes(2);
      expect(vi.getTimerCount()).toBe(0);
    });
  }
});

describe("on and attach", () => {
  test("listeners get every event of a single call, and cannot disturb it", async () => {
    const seen: string[] = [];
    const on: Plugin["on"] = {
      "upload:started": ({ type }) => seen.push(type),
      "upload:progress": () => {
        throw new Error("my listener broke");
      },
      "upload:settled": ({ type, status }) => seen.push(`${type} ${status}`),
    };
    const result = await processUploadWithRetry("a", worldOf([uploadOf("a")]), { plugins: [{ on }] });
    expect(result.status).toBe("completed");
    expect(seen).toEqual(["upload:started", "upload:settled completed"]);
    expect(new Set(result.warnings.map(({ code }) => code))).toEqual(new Set(["LISTENER_FAILED"]));
  });

  test("a processor's plugins get the events of batches and of the breaker", async () => {
    const world = worldOf(ids(3));
    const account = Object.assign(new Error("no money"), { status: 402 });
    world.ai.describe.mockRejectedValueOnce(account);
    const seen: string[] = [];
    const names = ["batch:started", "breaker:opened", "breaker:closed", "batch:settled"] as const;
    const on = Object.fromEntries(names.map((name) => [name, () => seen.push(name)])) as Plugin["on"];
    const processor = new BatchProcessor({ ...world, ...quick, plugins: [{ on }], breaker: { cooldownMs: 1 } });
    expect(await processor.process("batch")).toMatchObject({ status: "completed", completed: 3 });
    expect(seen).toEqual(["batch:started", "breaker:opened", "breaker:closed", "batch:settled"]);
  });

  test("a single call attaches its plugins for as long as it lasts, also when it rejects", async () => {
    const world = worldOf([uploadOf("a"), uploadOf("b")]);
    const told: string[] = [];
    const attach: Plugin["attach"] = (runtime) => {
      told.push(`attached at ${runtime.health().active}`);
      return () => void told.push("detached");
    };
    world.ai.describe.mockImplementationOnce(async () => {
      told.push("described");
      return "words";
    });
    await processUploadWithRetry("a", world, { plugins: [{ attach }] });
    expect(told.splice(0)).toEqual(["attached at 0", "described", "detached"]);
    world.ai.describe.mockRejectedValueOnce(new ConfigurationError("no such model"));
    await expect(processUploadWithRetry("b", world, { plugins: [{ attach }] })).rejects.toThrow("no such model");
    expect(told).toEqual(["attached at 0", "detached"]);
  });

  test("a processor attaches them when it is made, and detaches them when it is closed", async () => {
    const detach = vi.fn();
    const attach = vi.fn(() => detach);
    const failing = vi.fn(() => {
      throw new Error("cannot attach");
    });
    const plugins = [{ attach: failing }, { attach }];
    const processor = new BatchProcessor({ ...worldOf(ids(2)), ...quick, plugins });
    expect(attach).toHaveBeenCalledWith(processor.runtime);
    expect(await processor.process("batch")).toMatchObject({ completed: 2 });
    expect(detach).not.toHaveBeenCalled();
    await processor.close();
    await processor.close();
    expect(attach).toHaveBeenCalledTimes(1);
    expect(detach).toHaveBeenCalledTimes(1);
  });

  test.each([{ arround: async () => {} }, { around: "trace" }, { on: { "upload:setled": () => {} } }, 5])(
    "%j is refused",
    (plugin) => {
      const options = { ...worldOf([]), plugins: [plugin as Plugin] };
      expect(() => new BatchProcessor(options)).toThrow(ConfigurationError);
    },
  );
});
