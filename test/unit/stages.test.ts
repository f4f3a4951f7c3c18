import { afterEach, describe, expect, expectTypeOf, test, vi } from "vitest";
import {
  BatchProcessor,
  ConfigurationError,
  defineStage,
  mediaFacts,
  processUploadWithRetry,
  type Stage,
  stageResult,
  UploadError,
} from "../../src/index.js";
import { uploadOf, worldOf } from "../support/fakes.js";

const quick = { retry: { minTimeout: 1, randomize: false } } as const;
const boom = (status?: number) => Object.assign(new Error("boom"), status === undefined ? {} : { status });

afterEach(() => {
  vi.useRealTimers();
});

/** A stage whose runs are recorded. */
function stageOf(name: string, options: Partial<Omit<Stage, "name" | "run">> = {}) {
  const run = vi.fn<Stage["run"]>(async () => ({ by: name }));
  return { run, stage: defineStage({ name, run, ...options }) };
}

test("null in the place of a result is no result, as for a selection of what is missing", async () => {
  const { stage, run } = stageOf("palette");
  const metadata = { palette: null, media: { kind: "image", mimeType: "image/jpeg", placeholder: null } };
  const world = worldOf([uploadOf("a", { metadata })]);
  await processUploadWithRetry("a", world, { stages: [stage], placeholder: "thumbhash" });
  expect(run).toHaveBeenCalledTimes(1);
  const stored = (await world.repository.findUpload("a")) ?? uploadOf("a");
  expect(stageResult(stored, stage)).toEqual({ by: "palette" });
  expect(mediaFacts(stored)?.placeholder).toBeTruthy();
});

describe("defineStage", () => {
  test("stageResult reads what it answered, with its type; undefined before", async () => {
    const palette = defineStage({
      name: "palette",
      run: async (media) => ({ colours: ["blue"], of: media.upload.id }),
    });
    const silent = defineStage({ name: "silent", run: async () => {} });
    const world = worldOf([uploadOf("a", { metadata: { camera: "X100" } })]);
    expect(stageResult(uploadOf("a"), palette)).toBeUndefined();
    await processUploadWithRetry("a", world, { stages: [palette, silent] });
    const stored = (await world.repository.findUpload("a")) ?? uploadOf("a");
    const result = stageResult(stored, palette);
    expectTypeOf(result).toEqualTypeOf<{ colours: string[]; of: string } | undefined>();
    expect(result).toEqual({ colours: ["blue"], of: "a" });
    expect(stageResult(stored, silent)).toEqual({});
    expect(stored.metadata).toMatchObject({ camera: "X100", media: { kind: "image" } });
  });

  test.each(["", "a b", "a.b", "ü", "x".repeat(61), undefined])("refuses %j for a name", (name) => {
    expect(() => defineStage({ name: name as string, run: async () => {} })).toThrow(ConfigurationError);
  });

  test.each([{ before: "claim" }, { timeoutMs: 0 }, { concurrency: 0 }, { timeout: 5 }, { run: undefined }])(
    "refuses %j",
    (wrong) => {
      expect(() => defineStage({ name: "one", run: async () => {}, ...wrong } as Stage)).toThrow(ConfigurationError);
    },
  );

  test.each(["describe", "thumbnail", "storage", "media", "usage", "redo", "__proto__", "constructor", "toString"])(
    "the name %s is taken",
    async (name) => {
      const { stage, run } = stageOf(name);
      const running = processUploadWithRetry("a", worldOf([uploadOf("a")]), { stages: [stage] });
      await expect(running).rejects.toThrow("taken");
      expect(run).not.toHaveBeenCalled();
    },
  );

  test("so is that of another stage", () => {
    const stages = [stageOf("one").stage, stageOf("one").stage];
    expect(() => new BatchProcessor({ ...worldOf([]), stages })).toThrow("taken");
  });
});

describe("the order", () => {
  test("each runs before the built-in stage that it names, in the order given, and sees what earlier ones made", async () => {
    const world = worldOf([uploadOf("a")]);
    const seen: unknown[] = [];
    const looking = (name: string, before: Stage["before"]): Stage =>
      defineStage({
        name,
        ...(before !== undefined && { before }),
        run: async ({ upload }) => {
          const { thumbnailKey, description, embedding, metadata } = upload;
          const made = { thumbnailKey, description, embedding };
          seen.push([
            name,
            Object.keys(made).filter((key) => made[key as keyof typeof made]),
            Object.keys(metadata ?? {}),
          ]);
          return { name };
        },
      });
    const stages = [
      looking("last", "save"),
      looking("two", undefined),
      looking("three", "describe"),
      looking("four", "embed"),
      looking("one", "thumbnail"),
    ];
    await processUploadWithRetry("a", world, { stages });
    const all = ["thumbnailKey", "description", "embedding"];
    expect(seen).toEqual([
      ["one", [], []],
      ["two", all.slice(0, 1), ["one"]],
      ["three", all.slice(0, 1), ["one", "two"]],
      ["four", all.slice(0, 2), ["one", "two", "three", "media"]],
      ["last", all, ["one", "two", "three", "media", "four"]],
    ]);
  });

  test("progress never goes back, and ends at 100 alone", async () => {
    const world = worldOf([uploadOf("a")]);
    const reporting = defineStage({
      name: "reporting",
      run: async (_, { reportProgress }) => {
        reportProgress(0.5, "half");
        reportProgress(0.2);
        reportProgress(1);
      },
    });
    const stages = [
      stageOf("one", { before: "thumbnail" }).stage,
      reporting,
      stageOf("last", { before: "save" }).stage,
    ];
    const steps: [string, number][] = [];
    await processUploadWithRetry("a", world, {
      stages,
      onProgress: ({ stage, progress }) => steps.push([stage, progress]),
    });
    const values = steps.map(([, progress]) => progress);
    expect(values).toEqual(values.toSorted((a, b) => a - b));
    expect(values.filter((value) => value === 100)).toHaveLength(1);
    expect(values.at(-1)).toBe(100);
    const names = [...new Set(steps.map(([stage]) => stage))];
    expect(names).toEqual(["claim", "one", "thumbnail", "reporting", "describe", "embed", "last", "save"]);
  });
});

describe("failures", () => {
  test.each([true, false])(
    "REJECTED settles the upload before anything is paid, and once (required: %s)",
    async (required) => {
      const world = worldOf([uploadOf("a")]);
      const { stage, run } = stageOf("moderation", { required });
      run.mockRejectedValue(new UploadError("The picture shows violence", { code: "REJECTED" }));
      const result = await processUploadWithRetry("a", world, { ...quick, stages: [stage] });
      expect(result).toMatchObject({ status: "failed", error: { code: "REJECTED", fault: "upload" } });
      expect(run).toHaveBeenCalledTimes(1);
      expect(world.ai.describe).not.toHaveBeenCalled();
      expect(await world.repository.findUpload("a")).toMatchObject({
        status: "failed",
        errorCode: "REJECTED",
        errorStage: "moderation",
        errorMessage: "The picture shows violence",
      });
    },
  );

  test.each([
    [boom(), 2, "STAGE_FAILED"],
    [boom(503), 2, "STAGE_FAILED"],
    [boom(400), 1, "STAGE_FAILED"],
    [Object.assign(boom(429), { retryAfterMs: 1 }), 2, "RATE_LIMITED"],
  ])("%o is tried %i times, and is %s", async (error, times, code) => {
    const world = worldOf([uploadOf("a")]);
    const { stage, run } = stageOf("scan");
    run.mockRejectedValue(error);
    const result = await processUploadWithRetry("a", world, { ...quick, stages: [stage] });
    expect(result).toMatchObject({ status: "failed", error: { code, stage: "scan" } });
    expect(run).toHaveBeenCalledTimes(times);
  });

  test("an answer that cannot be stored is a failure of the stage", async () => {
    const { stage, run } = stageOf("scan");
    run.mockResolvedValue([1] as object);
    const result = await processUploadWithRetry("a", worldOf([uploadOf("a")]), { ...quick, stages: [stage] });
    expect(result).toMatchObject({ status: "failed", error: { code: "STAGE_FAILED", stage: "scan" } });
  });

  test("of a stage that is not required is a warning, once in a call", async () => {
    const world = worldOf([uploadOf("a")]);
    const { stage, run } = stageOf("palette", { required: false });
    run.mockRejectedValue(boom());
    world.ai.embed.mockRejectedValueOnce(boom());
    const result = await processUploadWithRetry("a", world, { ...quick, stages: [stage] });
    expect(result).toMatchObject({ status: "completed", attempts: 2 });
    expect(result.warnings).toMatchObject([{ code: "STAGE_FAILED", stage: "palette" }]);
    expect(run).toHaveBeenCalledTimes(1);
    expect((await world.repository.findUpload("a"))?.metadata).not.toHaveProperty("palette");
  });
});
