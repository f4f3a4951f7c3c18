import { expect, test } from "vitest";
import { BatchProcessor, type BatchResult, createRuntime } from "../../src/index.js";
import { deferred, ids, jpeg, until, untilAborted, uploadOf, type World, worldOf } from "../support/fakes.js";

const plain = { thumbnail: false, retry: { maxAttempts: 1 }, concurrency: 1 } as const;

/** A processor, and a call for its batch with an upload that was added right before. */
function withLate(world: World, options: Partial<World> = {}) {
  const processor = new BatchProcessor({ ...world, ...options, ...plain });
  const late = deferred<BatchResult>();
  let called = false;
  const addAndCall = async () => {
    if (called) return;
    called = true;
    world.storage.put("originals/late.jpg", jpeg);
    await world.repository.addUploads([uploadOf("late")]);
    processor.process("batch").then(late.resolve, late.reject);
  };
  return { processor, late: late.promise, addAndCall };
}

async function expectDone({ repository }: World) {
  expect(await repository.findUpload("late")).toMatchObject({ status: "completed" });
  expect(await repository.findBatch("batch")).toMatchObject({ status: "completed" });
}

test("a call from a listener of the end of a run is not answered with that run", async () => {
  const world = worldOf(ids(1));
  const { processor, late, addAndCall } = withLate(world);
  processor.once("batch:settled", () => void addAndCall());
  expect(await processor.process("batch")).toMatchObject({ completed: 1, total: 1 });
  expect(await late).toMatchObject({ status: "completed", completed: 1, total: 2 });
  await expectDone(world);
});

test("nor one that comes while the batch is being completed: it begins behind that", async () => {
  const world = worldOf(ids(1));
  const { repository } = world;
  const { processor, late, addAndCall } = withLate(world, {
    repository: {
      ...repository,
      async updateBatch(id, changes, expected) {
        const outcome = await repository.updateBatch(id, changes, expected);
        if (changes.status === "completed") await addAndCall();
        return outcome;
      },
    },
  });
  expect(await processor.process("batch")).toMatchObject({ status: "completed", completed: 1 });
  expect(await late).toMatchObject({ status: "completed", completed: 1 });
  await expectDone(world);
});

test("a call whose upload the last question missed joins the run, which asks again", async () => {
  const world = worldOf(ids(1));
  const { repository } = world;
  const { processor, late, addAndCall } = withLate(world, {
    repository: {
      ...repository,
      async listUploads(selection, page) {
        const answer = await repository.listUploads(selection, page);
        if (page.limit === 1) await addAndCall();
        return answer;
      },
    },
  });
  const first = await processor.process("batch");
  expect(await late).toBe(first);
  expect(first).toMatchObject({ status: "completed", completed: 2 });
  await expectDone(world);
});

test("a call whose upload the last page missed joins a run that had but aborted uploads left", async () => {
  const world = worldOf(ids(1));
  const { repository } = world;
  const describing = deferred();
  world.ai.describe.mockImplementationOnce((_, { signal }) => {
    describing.resolve();
    return untilAborted(signal);
  });
  let passes = 0;
  const { processor, late, addAndCall } = withLate(world, {
    repository: {
      ...repository,
      async listUploads(selection, page) {
        const answer = await repository.listUploads(selection, page);
        if (page.limit > 1 && answer.length === 0 && ++passes === 2) await addAndCall();
        return answer;
      },
    },
  });
  const running = processor.process("batch");
  await describing.promise;
  processor.abortUpload("u0000");
  expect(await running).toMatchObject({ completed: 1, aborted: 1 });
  expect(await late).toBe(await running);
  expect(await repository.findUpload("late")).toMatchObject({ status: "completed" });
});

test("a call that joins while a completed batch is counted has its upload done", async () => {
  const world = worldOf([uploadOf("a", { status: "completed" })]);
  const { repository } = world;
  await repository.updateBatch("batch", { status: "completed" });
  const { processor, late, addAndCall } = withLate(world, {
    repository: {
      ...repository,
      async countUploads(selection) {
        const counts = await repository.countUploads(selection);
        await addAndCall();
        return counts;
      },
    },
  });
  expect(await processor.process("batch")).toMatchObject({ status: "completed", completed: 1 });
  await late;
  await expectDone(world);
});

test("a call from a listener of the start of a run that finds nothing to do has its upload done", async () => {
  const world = worldOf([uploadOf("a", { status: "completed" })]);
  await world.repository.updateBatch("batch", { status: "completed" });
  const { processor, late, addAndCall } = withLate(world);
  processor.once("batch:started", () => void addAndCall());
  expect(await processor.process("batch")).toMatchObject({ status: "completed", completed: 0 });
  expect(await late).toMatchObject({ status: "completed", completed: 1 });
  await expectDone(world);
});

test("a run that ended by the budget goes on when a listener of its end adds to that and calls again", async () => {
  const world = worldOf(ids(4));
  const runtime = createRuntime({ budget: { limit: 2 } });
  const processor = new BatchProcessor({ ...world, ai: { ...world.ai, price: () => 1 }, ...plain, runtime });
  let again: Promise<BatchResult> | undefined;
  processor.on("batch:settled", ({ error }) => {
    if (error?.code !== "BUDGET_EXHAUSTED") return;
    runtime.addBudget(100);
    again = processor.process("batch");
  });
  expect(await processor.process("batch")).toMatchObject({ status: "processing", completed: 1 });
  expect(await again).toMatchObject({ status: "completed", completed: 3 });
});

test("a call that comes while a run that has failed ends its last upload begins behind it", async () => {
  const world = worldOf(ids(100));
  const { repository } = world;
  const describing = deferred<string>();
  world.ai.describe.mockImplementationOnce(() => describing.promise);
  const failing = deferred();
  let isDown = true;
  const listUploads: typeof repository.listUploads = async (selection, page) => {
    if (!isDown || page.after === undefined) return repository.listUploads(selection, page);
    failing.resolve();
    throw Object.assign(new Error("no permission"), { retryable: false });
  };
  const failingRepository = { ...repository, listUploads };
  const processor = new BatchProcessor({ ...world, repository: failingRepository, ...plain, concurrency: 2 });
  const failed = processor.process("batch");
  await failing.promise;
  isDown = false;
  await new Promise(setImmediate);
  const second = processor.process("batch");
  describing.resolve("words");
  expect(await failed).toMatchObject({ status: "failed", completed: 100 });
  expect(await second).toMatchObject({ status: "completed", skipped: 100 });
});

/** A batch whose first description ends when it is let go, whatever its signal says. */
async function windingDown(end: (processor: BatchProcessor, controller: AbortController) => unknown) {
  const world = worldOf(ids(3));
  const describing = deferred<string>();
  world.ai.describe.mockImplementationOnce(() => describing.promise);
  const processor = new BatchProcessor({ ...world, ...plain });
  const controller = new AbortController();
  const running = processor.process("batch", { signal: controller.signal });
  await until(() => world.ai.describe.mock.calls.length === 1);
  await end(processor, controller);
  return { world, processor, running, letGo: () => describing.resolve("words") };
}

test("a call that comes while a run winds down by the signal of another begins behind it", async () => {
  const { running, processor, letGo } = await windingDown((_, controller) => controller.abort(new Error("gone")));
  const second = processor.process("batch");
  const third = processor.process("batch");
  letGo();
  expect(await running).toMatchObject({ status: "processing", error: { code: "NOT_COMPLETED" } });
  expect(await second).toMatchObject({ status: "completed", total: 3 });
  expect(await third).toBe(await second);
});

test("a call that waits for a cancelled run goes on with the batch if any that joins it asks for that", async () => {
  const { running, processor, letGo } = await windingDown((each) => each.cancel("batch"));
  const second = processor.process("batch");
  const third = processor.process("batch", { resumeCancelled: true });
  letGo();
  expect(await running).toMatchObject({ status: "cancelled" });
  expect(await third).toMatchObject({ status: "completed", total: 3 });
  expect(await second).toBe(await third);
});

test("a call that waits for the end of a run is ended by its own signal, and by a cancel, at once", async () => {
  const { running, processor, letGo } = await windingDown((_, controller) => controller.abort());
  const controller = new AbortController();
  const aborted = processor.process("batch", { signal: controller.signal });
  controller.abort(new Error("enough"));
  expect(await aborted).toMatchObject({ status: "processing", error: { cause: { message: "enough" } } });
  const cancelled = processor.process("batch");
  expect(await processor.cancel("batch")).toBe(true);
  expect(await cancelled).toMatchObject({ status: "cancelled", aborted: 0 });
  letGo();
  await running;
});

test("close waits for a call that waits for a cancelled run, and nothing is begun for it", async () => {
  const world = worldOf(ids(3));
  world.ai.describe.mockImplementationOnce((_, { signal }) => untilAborted(signal));
  const processor = new BatchProcessor({ ...world, ...plain });
  const running = processor.process("batch");
  await until(() => world.ai.describe.mock.calls.length === 1);
  expect(await processor.cancel("batch")).toBe(true);
  let answer: BatchResult | undefined;
  void processor.process("batch", { resumeCancelled: true }).then((result) => {
    answer = result;
  });
  await processor.close();
  expect(answer).toMatchObject({ status: "processing", error: { code: "NOT_COMPLETED" } });
  expect(await running).toMatchObject({ status: "cancelled" });
  expect(world.ai.describe).toHaveBeenCalledTimes(1);
  expect(await world.repository.findBatch("batch")).toMatchObject({ status: "cancelled" });
});
