import { describe, expect, test, vi } from "vitest";
import { memoryRepository } from "../../src/adapters/memory.js";
import { BatchProcessor, type BreakerOptions, processUploadWithRetry } from "../../src/index.js";
import { settled, useFakeTime } from "../support/fake-time.js";
import { deferred, ids, jpeg, worldOf } from "../support/fakes.js";
import { ModelService, unavailable } from "../support/model-service.js";

/** What is waited for, and what is held, while somebody sets the clock of the machine, or the machine sleeps. */
useFakeTime();

const HOUR = 3_600_000;
const MINUTE = 60_000;

/** Ten uploads, and a clock that is set as soon as the batch has paused. */
function batchAt(stepMs: number, breaker: BreakerOptions) {
  const service = new ModelService();
  const stored = memoryRepository({
    uploads: ids(10),
    batches: [{ id: "batch", status: "pending" }],
    now: () => performance.now(),
  });
  const storage = { open: async () => ({ bytes: jpeg }), write: async () => {}, delete: async () => {} };
  let isStoreDown = false;
  const repository = {
    ...stored,
    claimUpload: async (...given: Parameters<typeof stored.claimUpload>) => {
      if (isStoreDown) throw new Error("connection refused");
      return stored.claimUpload(...given);
    },
  };
  const options = { thumbnail: false, retry: { maxAttempts: 1 }, concurrency: 2, breaker } as const;
  const processor = new BatchProcessor({ storage, ai: service.ai, repository, ...options });
  processor.on("batch:paused", () => vi.setSystemTime(Date.now() + stepMs));
  const begunAt = performance.now();
  return {
    service,
    takeStoreDown: () => {
      isStoreDown = true;
    },
    /** With how long it took, by a clock that nobody sets. */
    run: async () => {
      const result = await settled(processor.process("batch"));
      return { result, tookMs: performance.now() - begunAt };
    },
  };
}

describe.each([-HOUR, HOUR])("the clock is set by %d ms while a batch waits", (stepMs) => {
  test("the service is asked again after each cooldown", async () => {
    const { service, run } = batchAt(stepMs, { threshold: 1, cooldownMs: 1000 });
    service.downAt(1, MINUTE, { error: unavailable });
    const { result, tookMs } = await run();
    expect(result).toMatchObject({ status: "completed", completed: 10 });
    expect(service.callsWhileDown).toBeLessThan(10);
    expect(tookMs).toBeLessThan(3 * MINUTE);
  });

  test("a service that stays down is given up when it was to be", async () => {
    const { service, run } = batchAt(stepMs, { threshold: 1, cooldownMs: 1000, giveUpAfterMs: 10 * MINUTE });
    service.downAt(1, HOUR, { error: unavailable });
    const { result, tookMs } = await run();
    expect(result).toMatchObject({ status: "processing", error: { code: "CIRCUIT_OPEN" } });
    expect(tookMs).toBeGreaterThanOrEqual(10 * MINUTE);
    expect(tookMs).toBeLessThan(11 * MINUTE);
  });

  test("so is a repository", async () => {
    const { takeStoreDown, run } = batchAt(stepMs, { giveUpAfterMs: 10 * MINUTE });
    takeStoreDown();
    const { result, tookMs } = await run();
    expect(result).toMatchObject({ status: "processing", error: { code: "REPOSITORY_FAILED" } });
    expect(tookMs).toBeGreaterThanOrEqual(10 * MINUTE);
    expect(tookMs).toBeLessThan(12 * MINUTE);
  });
});

/** `performance.now()` and the timers stand still meanwhile; the clock of the database does not. */
describe("the machine sleeps for ten minutes", () => {
  const fallAsleep = () => vi.setSystemTime(Date.now() + 10 * MINUTE);

  test("and somebody else takes an upload that waits for the model: no call is made for it here", async () => {
    const world = worldOf(ids(2));
    const answer = deferred<string>();
    world.ai.describe.mockImplementationOnce(() => answer.promise);
    const ai = { ...world.ai, concurrency: { describe: 1 } };
    const processor = new BatchProcessor({ ...world, ai, thumbnail: false, concurrency: 2 });
    const running = processor.process("batch");
    while (processor.health().waitingByStage.describe !== 1) await vi.advanceTimersByTimeAsync(1);
    fallAsleep();
    const elsewhere = { ...world.ai, describe: vi.fn(async () => "of another worker") };
    const taken = await settled(processUploadWithRetry("u0001", { ...world, ai: elsewhere }, { thumbnail: false }));
    expect(taken).toMatchObject({ status: "completed" });
    answer.resolve("text");
    expect(await settled(running)).toMatchObject({ skipped: 1 });
    expect(world.ai.describe.mock.calls.map(([media]) => media.upload.id)).toEqual(["u0000"]);
  });

  test("while the answer to its claim is under way: nothing is paid for before the claim is renewed", async () => {
    const world = worldOf(ids(1));
    const { repository } = world;
    const claimUpload: typeof repository.claimUpload = async (id, options) => {
      const answer = await repository.claimUpload(id, options);
      fallAsleep();
      await repository.claimUpload(id, { leaseMs: HOUR, token: "other" });
      return answer;
    };
    const adapters = { ...world, repository: { ...repository, claimUpload } };
    const result = await settled(processUploadWithRetry("u0000", adapters, { thumbnail: false }));
    expect(result).toMatchObject({ status: "skipped", reason: "claimed-elsewhere" });
    expect(world.ai.describe).not.toHaveBeenCalled();
  });
});
