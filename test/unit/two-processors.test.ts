import { describe, expect, test, vi } from "vitest";
import { BatchProcessor, createRuntime } from "../../src/index.js";
import { deferred, ids, until, uploadOf, type World, worldOf } from "../support/fakes.js";

/** Two processors that share a runtime: what one of them waits for keeps nothing from the other. */
const plain = { thumbnail: false, retry: { maxAttempts: 1 } } as const;
const suspects = () => [uploadOf("a", { starts: 1 }), uploadOf("b", { starts: 1 })];

const turns = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

/** Claims of this upload are answered once it is resolved. */
function claimOf(id: string, { repository }: World) {
  const claiming = deferred();
  const { claimUpload } = repository;
  vi.spyOn(repository, "claimUpload").mockImplementation(async (...args) => {
    if (args[0] === id) await claiming.promise;
    return claimUpload(...args);
  });
  return claiming;
}

describe.each(["processUpload", "processUploads"] as const)("a suspect of %s", (how) => {
  const begin = (processor: BatchProcessor, id: string): Promise<{ status: string }> =>
    how === "processUpload" ? processor.processUpload(id) : processor.processUploads([id]);

  test("of a processor that is paused keeps that of another one from nothing", async () => {
    const world = worldOf(suspects());
    const runtime = createRuntime();
    const [paused, other] = [0, 1].map(() => new BatchProcessor({ ...world, ...plain, runtime })) as [
      BatchProcessor,
      BatchProcessor,
    ];
    // It is found to be one while the processor is paused.
    const claiming = claimOf("a", world);
    const first = begin(paused, "a");
    await turns();
    paused.pause();
    claiming.resolve();
    await turns();
    expect(await begin(other, "b")).toMatchObject({ status: "completed" });
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "pending" });
    paused.resume();
    expect(await first).toMatchObject({ status: "completed" });
  });
});

test("a suspect that waits for a slot of its processor keeps that of another one from nothing", async () => {
  const world = worldOf([...suspects(), ...ids(1)]);
  const options = { ...world, ...plain, runtime: createRuntime(), concurrency: 1 };
  const [busy, other] = [new BatchProcessor(options), new BatchProcessor(options)];
  const held = deferred<string>();
  world.ai.describe.mockImplementationOnce(() => held.promise);
  // What waits for the slot has it when the first one is found to be a suspect.
  const claiming = claimOf("a", world);
  const waiting = busy.processUploads(["a"]);
  await turns();
  const holder = busy.processUpload("u0000");
  await turns();
  claiming.resolve();
  await until(() => world.ai.describe.mock.calls.length === 1);
  await turns();
  expect(await other.processUpload("b")).toMatchObject({ status: "completed" });
  held.resolve("text");
  expect([await holder, await waiting]).toMatchObject([{ status: "completed" }, { status: "completed" }]);
});

test("whoever has a slot finds out whether the service is back, not who waits for one", async () => {
  const world = worldOf(ids(4));
  const runtime = createRuntime({ breaker: { threshold: 1, cooldownMs: 100 } });
  const options = { ...world, ...plain, runtime, concurrency: 1 };
  const [busy, other] = [new BatchProcessor(options), new BatchProcessor(options)];
  await other.processUpload("u0003"); // before the service has answered well, it gets one call at a time
  const held = deferred<string>();
  world.ai.describe.mockImplementationOnce(() => held.promise);
  const holder = busy.processUpload("u0000");
  await until(() => world.ai.describe.mock.calls.length === 2);
  world.ai.describe.mockRejectedValueOnce(Object.assign(new Error("overloaded"), { status: 503 }));
  expect(await other.processUpload("u0002")).toMatchObject({ status: "deferred" });
  const waiting = busy.processUploads(["u0001"]);
  expect(await other.processUploads(["u0002"])).toMatchObject({ status: "completed", completed: 1 });
  held.resolve("text");
  expect([await holder, await waiting]).toMatchObject([{ status: "completed" }, { status: "completed" }]);
});
