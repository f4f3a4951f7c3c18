import { describe, expect, test, vi } from "vitest";
import {
  type AIAdapter,
  BatchProcessor,
  type BatchProcessorOptions,
  createRuntime,
  defineStage,
  derivedKeys,
  failUpload,
  hasResult,
  processUploadWithRetry,
  settleBatch,
  stageResult,
  UploadError,
  type UploadRecord,
} from "../../src/index.js";
import { deferred, ids, until, type World, worldOf } from "../support/fakes.js";

/** What the README says in so many words, and no other test asks for. */

const everything = { all: true } as const;
const [first, second, third] = ["u0000", "u0001", "u0002"] as const;

/** Three uploads that are done, by models of version 1. */
async function done(options: Partial<BatchProcessorOptions<UploadRecord>> = {}) {
  const world = worldOf(ids(3));
  await processorOf(world, { ai: { ...world.ai, version: { describe: "1", embed: "1" } }, ...options }).process(
    "batch",
  );
  vi.clearAllMocks();
  return world;
}

function processorOf(world: World, options: Partial<BatchProcessorOptions<UploadRecord>> = {}) {
  const retry = { maxAttempts: 2, minTimeout: 1, randomize: false };
  return new BatchProcessor<UploadRecord>({ ...world, retry, ...options });
}

async function stored({ repository }: World, id: string): Promise<UploadRecord> {
  const upload = await repository.findUpload(id);
  if (upload === null) throw new Error(`${id} is not there`);
  return upload;
}

const bad = Object.assign(new Error("cannot be described"), { status: 422 });

describe("doing it again", () => {
  test("the old result stays in the row, visible and searchable, until the new one is complete", async () => {
    const world = await done();
    const answer = deferred<string>();
    const ai: AIAdapter = { ...world.ai, version: "2", describe: vi.fn(() => answer.promise) };
    const running = processorOf(world, { ai }).rerun({ ids: [first] }, "reprocess");
    await until(() => vi.mocked(ai.describe).mock.calls.length > 0);
    const meanwhile = await stored(world, first);
    expect(meanwhile).toMatchObject({ status: "analyzing", description: "A photo of u0000" });
    expect(hasResult(meanwhile)).toBe(true);
    const found = await world.repository.findSimilar([16, 1, 0], { limit: 5 });
    expect(found.map(({ upload }) => upload.id)).toContain(first);
    answer.resolve("Something new");
    expect(await running).toMatchObject({ status: "completed", completed: 1 });
    expect(await stored(world, first)).toMatchObject({
      status: "completed",
      description: "Something new",
      draft: null,
    });
  });

  test("a redo that fails leaves what there was, and retry continues it", async () => {
    const world = await done();
    world.ai.describe.mockRejectedValueOnce(bad);
    const processor = processorOf(world);
    expect(await processor.rerun({ ids: [first] }, "reprocess-all")).toMatchObject({ failed: 1, kept: 1 });
    const kept = await stored(world, first);
    expect(kept).toMatchObject({ status: "completed", errorCode: "DESCRIBE_FAILED", description: "A photo of u0000" });
    expect(await processor.rerun(everything, "retry")).toMatchObject({ completed: 1, total: 1 });
    expect(await stored(world, first)).toMatchObject({ status: "completed", errorCode: null, draft: null });
  });

  test("a new embedding model keeps the descriptions; the plan says so before, and writes nothing", async () => {
    const world = await done();
    const before = await Promise.all([first, second, third].map((id) => stored(world, id)));
    const processor = processorOf(world, { ai: { ...world.ai, version: { describe: "1", embed: "2" } } });
    expect(await processor.plan(everything, "reprocess")).toMatchObject({ uploads: 3, calls: { embed: 3 } });
    expect(await Promise.all([first, second, third].map((id) => stored(world, id)))).toEqual(before);
    await processor.rerun(everything, "reprocess");
    expect(world.ai.describe).not.toHaveBeenCalled();
    expect(world.ai.embed).toHaveBeenCalledTimes(3);
    expect(await processor.rerun(everything, "reprocess")).toMatchObject({ completed: 0 });
  });

  test("out of budget it goes on by the same name, or by recover; each upload is done once", async () => {
    for (const goOn of ["rerun", "recover"] as const) {
      const world = await done();
      const processor = processorOf(world, { ai: { ...world.ai, price: () => 1 }, concurrency: 1 });
      const part = await processor.rerun(everything, "reprocess-all", { name: "new", budget: 2 });
      expect(part).toMatchObject({ status: "processing", completed: 1, error: { code: "BUDGET_EXHAUSTED" } });
      if (goOn === "recover") await processor.recover();
      else await processor.rerun(everything, "reprocess-all", { name: "new" });
      await processor.rerun(everything, "reprocess-all", { name: "new" });
      expect(world.ai.describe).toHaveBeenCalledTimes(3);
    }
  });

  test("undo makes a cancelled redo undone", async () => {
    const world = await done();
    const before = await stored(world, first);
    await world.repository.resetUploads(everything, "reprocess-all", "new");
    expect(await stored(world, first)).toMatchObject({ status: "pending", draft: { was: "completed" } });
    expect(await processorOf(world).undo({ batchId: "batch" })).toBe(3);
    expect(await stored(world, first)).toMatchObject({
      status: "completed",
      description: before.description,
      draft: null,
    });
  });

  test("retry makes the thumbnails that are missing, and derivedKeys names them", async () => {
    const world = await done({ thumbnail: false });
    expect(derivedKeys(await stored(world, first))).toEqual([]);
    await processorOf(world).rerun({ statuses: ["completed"], missing: ["thumbnailKey"] }, "retry");
    expect(world.ai.describe).not.toHaveBeenCalled();
    expect(derivedKeys(await stored(world, first))).toEqual(["thumbnails/u0000.jpg"]);
    expect(world.storage.keys()).toContain("thumbnails/u0000.jpg");
  });
});

describe("money", () => {
  test("every call is on the ledger, failed ones too", async () => {
    const world = worldOf(ids(3));
    world.ai.describe
      .mockRejectedValueOnce(Object.assign(new Error("again"), { usage: { inputTokens: 7 } }))
      .mockResolvedValue({ text: "A photo", usage: { inputTokens: 10, outputTokens: 5 } });
    const price = (usage: { inputTokens?: number | undefined }) => usage.inputTokens ?? 0;
    const processor = processorOf(world, { ai: { ...world.ai, price } });
    const { usage, usageByStage } = await processor.process("batch");
    expect(usage).toMatchObject({ requests: 7, inputTokens: 37, cost: 37 });
    expect(usageByStage).toMatchObject({ describe: { requests: 4, cost: 37 }, embed: { requests: 3, cost: 0 } });
    expect(processor.health().usage).toEqual(usage);
  });

  test("a budget of a runtime ends the run; with more of it the next one goes on", async () => {
    const world = worldOf(ids(3));
    const runtime = createRuntime({ budget: { limit: 2.5 } });
    const processor = processorOf(world, { ai: { ...world.ai, price: () => 1 }, runtime });
    const part = await processor.process("batch");
    expect(part).toMatchObject({ status: "processing", failed: 0, error: { code: "BUDGET_EXHAUSTED" } });
    expect(processor.health().budgetLeft).toBe(0.5);
    runtime.addBudget(10);
    expect(await processor.process("batch")).toMatchObject({ status: "completed", failed: 0 });
    expect(processor.health()).toMatchObject({ budgetLeft: 6.5, usage: { cost: 6 } });
  });

  test("users of one AI adapter share its concurrency", async () => {
    let most = 0;
    let running = 0;
    const world = worldOf(ids(6));
    const slow = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      return "A photo";
    };
    const ai: AIAdapter = { concurrency: { describe: 1 }, describe: slow };
    const all = await Promise.all(
      ids(6).map(({ id }, at) => {
        const adapters = { ...world, ai: at % 2 === 0 ? ai : { ...ai } };
        return processUploadWithRetry<UploadRecord>(id, adapters, { thumbnail: false });
      }),
    );
    expect(all.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => "completed"));
    expect(most).toBe(1);
  });
});

describe("stages and plugins", () => {
  test("a stage of one's own says no before anything is paid; its answers are checkpoints, with a type", async () => {
    const world = worldOf(ids(2));
    const run = vi.fn(async ({ upload }: { upload: UploadRecord }) => {
      if (upload.id === first) throw new UploadError("Shows violence", { code: "REJECTED" });
      return { score: 3 };
    });
    const moderation = defineStage({ name: "moderation", run });
    const odd = defineStage({ name: "odd", required: false, run: () => Promise.reject(bad) });
    world.ai.describe.mockRejectedValueOnce(new Error("again"));
    const processor = processorOf(world, { stages: [moderation, odd] });
    const warned: string[] = [];
    processor.on("upload:warning", ({ error }) => warned.push(error.code));
    const { failures } = await processor.process("batch");
    expect(failures).toMatchObject([{ uploadId: first, error: { code: "REJECTED", message: "Shows violence" } }]);
    expect(world.ai.describe.mock.calls.map(([{ upload }]) => upload.id)).toEqual([second, second]);
    expect(run).toHaveBeenCalledTimes(2);
    expect(stageResult(await stored(world, second), moderation)?.score).toBe(3);
    expect(warned).toEqual(["STAGE_FAILED"]);
  });

  test("a plugin wraps the work, which runs once whatever it does", async () => {
    const world = worldOf(ids(1));
    const seen: string[] = [];
    const twice = {
      around: async (scope: { kind: string; stage?: string }, run: () => Promise<unknown>) => {
        seen.push(scope.stage ?? scope.kind);
        await Promise.all([run(), run()]);
        throw new Error("of the plugin");
      },
    };
    const never = { around: async () => {} };
    const { warnings, status } = await processorOf(world, { plugins: [twice, never] }).processUpload(first);
    expect(status).toBe("completed");
    expect(seen).toEqual(expect.arrayContaining(["upload", "describe", "embed"]));
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
    expect(new Set(warnings.map(({ code }) => code))).toEqual(new Set(["LISTENER_FAILED"]));
  });

  test("a listener cannot plant a description, nor redirect the original", async () => {
    const world = worldOf(ids(1));
    const processor = processorOf(world);
    processor.on("upload:started", ({ upload }) => {
      Object.assign(upload, { description: "Planted", storageKey: "originals/other.jpg" });
    });
    expect(await processor.processUpload(first)).toMatchObject({ status: "completed" });
    expect(await stored(world, first)).toMatchObject({
      description: "A photo of u0000",
      storageKey: "originals/u0000.jpg",
    });
  });
});

describe("engines", () => {
  test("of all who ask whether the batch is complete one is told the counts", async () => {
    const world = worldOf(ids(3));
    const processor = processorOf(world);
    await Promise.all(ids(3).map(({ id }) => processor.processUpload(id)));
    const told = await Promise.all(ids(3).map(() => settleBatch(world.repository, "batch")));
    expect(told.filter((counts) => counts !== null)).toMatchObject([{ completed: 3, failed: 0, pending: 0 }]);
    expect(await world.repository.findBatch("batch")).toMatchObject({ status: "completed" });
  });

  test("an upload whose job was given up is failed, unless somebody works on it", async () => {
    const world = worldOf(ids(2));
    const gaveUp = new UploadError("The job stalled", { code: "ENGINE_GAVE_UP" });
    expect(await failUpload(world.repository, first, gaveUp)).toBe(true);
    expect(await stored(world, first)).toMatchObject({ status: "failed", errorCode: "ENGINE_GAVE_UP" });
    await world.repository.claimUpload(second, { leaseMs: 60_000, token: "another worker" });
    expect(await failUpload(world.repository, second, gaveUp)).toBe(false);
    expect(await stored(world, second)).toMatchObject({ status: "analyzing" });
  });
});
