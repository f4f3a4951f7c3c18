import { afterEach, expect, test, vi } from "vitest";
import { createRuntime, defineStage, processUploadWithRetry, type Stage, UploadError } from "../../src/index.js";
import { settled } from "../support/fake-time.js";
import { deferred, ids, until, untilAborted, uploadOf, worldOf } from "../support/fakes.js";

const quick = { retry: { minTimeout: 1, randomize: false } } as const;
const boom = (status?: number) => Object.assign(new Error("boom"), status === undefined ? {} : { status });

afterEach(() => {
  vi.useRealTimers();
});

test("what a stage answered is a checkpoint: over attempts, and over restarts", async () => {
  const world = worldOf([uploadOf("a")]);
  const run = vi.fn<Stage["run"]>(async () => ({ safe: true }));
  const stages = [defineStage({ name: "scan", before: "thumbnail", run })];
  world.ai.describe.mockRejectedValueOnce(boom()).mockRejectedValueOnce(boom());
  const first = await processUploadWithRetry("a", world, { stages, attempt: { number: 1, max: 9 } });
  expect(first.status).toBe("deferred");
  expect(await world.repository.findUpload("a")).toMatchObject({
    status: "pending",
    metadata: { scan: { safe: true } },
  });
  const second = await processUploadWithRetry("a", world, { ...quick, stages });
  expect(second).toMatchObject({ status: "completed", attempts: 2 });
  expect(run).toHaveBeenCalledTimes(1);
});

test("a redo runs it again, unless a reprocess finds what it went by up to date", async () => {
  const world = worldOf([uploadOf("a")]);
  const run = vi.fn<(name: string) => Promise<object>>(async (name) => ({ name }));
  const stages = (["describe", "save"] as const).map((before) =>
    defineStage({ name: `at-${before}`, before, run: () => run(before) }),
  );
  const ai = (version: string) => ({ ...world.ai, version });
  await processUploadWithRetry("a", { ...world, ai: ai("v1") }, { stages });
  run.mockClear();
  await processUploadWithRetry("a", { ...world, ai: ai("v2") }, { stages, rerun: "reprocess" });
  expect(run.mock.calls).toEqual([["save"]]);
  run.mockClear();
  await processUploadWithRetry("a", { ...world, ai: ai("v2") }, { stages, rerun: "reprocess-all" });
  expect(run.mock.calls).toEqual([["describe"], ["save"]]);
});

test("each has a breaker of its own: the model is called while the scanner is down", async () => {
  const world = worldOf(ids(4));
  const runtime = createRuntime({ breaker: { threshold: 2 } });
  const run = vi.fn<Stage["run"]>(async () => Promise.reject(boom(503)));
  const options = { ...quick, runtime, stages: [defineStage({ name: "scan", before: "embed" as const, run })] };
  const outcomes = [];
  for (const { id } of ids(3)) outcomes.push(await processUploadWithRetry(id, world, options));
  expect(outcomes.map(({ status }) => status)).toEqual(["deferred", "deferred", "deferred"]);
  expect(outcomes[2]).toMatchObject({
    countsAsAttempt: false,
    error: { code: "CIRCUIT_OPEN", cause: { stage: "scan" } },
  });
  expect(run).toHaveBeenCalledTimes(2);
  expect(world.ai.describe).toHaveBeenCalledTimes(3);
  expect((await processUploadWithRetry("u0003", world, { ...quick, runtime })).status).toBe("completed");
});

test("a REJECTED says nothing of the scanner", async () => {
  const uploads = ids(6);
  const world = worldOf(uploads);
  const runtime = createRuntime({ breaker: { threshold: 2 } });
  const run = async () => Promise.reject(new UploadError("no", { code: "REJECTED" }));
  const options = { ...quick, runtime, stages: [defineStage({ name: "scan", run })] };
  for (const { id } of uploads) expect((await processUploadWithRetry(id, world, options)).status).toBe("failed");
  expect(runtime.health().breaker).toEqual({ state: "closed" });
});

test("so many run at once as its concurrency says, over all uploads of a runtime", async () => {
  const uploads = ids(6);
  const world = worldOf(uploads);
  const gate = deferred();
  let running = 0;
  let most = 0;
  const stage = defineStage({
    name: "scan",
    concurrency: 2,
    run: async () => {
      most = Math.max(most, ++running);
      await gate.promise;
      running--;
    },
  });
  const runtime = createRuntime();
  const all = uploads.map(({ id }) =>
    processUploadWithRetry(id, world, { runtime, stages: [stage], thumbnail: false }),
  );
  await until(() => runtime.health().waiting === 4);
  expect(running).toBe(2);
  gate.resolve();
  for (const result of await Promise.all(all)) expect(result.status).toBe("completed");
  expect(most).toBe(2);
});

test("one that takes longer than its timeout is aborted and tried again; STAGE_TIMEOUT in the end", async () => {
  vi.useFakeTimers();
  const world = worldOf([uploadOf("a")]);
  const run = vi.fn<Stage["run"]>((_, { signal }) => untilAborted(signal));
  const stages = [defineStage({ name: "scan", timeoutMs: 1000, run })];
  const beganAt = Date.now();
  const result = await settled(processUploadWithRetry("a", world, { ...quick, stages, thumbnail: false }));
  expect(result).toMatchObject({ status: "failed", error: { code: "STAGE_TIMEOUT", stage: "scan", fault: "service" } });
  expect(run).toHaveBeenCalledTimes(2);
  expect(Date.now() - beganAt).toBeLessThan(3000);
  expect(result.stages.filter(({ stage }) => stage === "scan")).toMatchObject([
    { attempt: 1, outcome: "failed" },
    { attempt: 2, outcome: "failed" },
  ]);
});
