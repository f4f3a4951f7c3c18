import { describe, expect, test } from "vitest";
import { enqueueUploads, workUploads } from "../../src/integrations/pg-boss.js";
import { uploadOf, type World, worldOf } from "../support/fakes.js";
import { cannotRun, closingAfterEach, EAGER, jobIn, jobWhere, openQueue } from "../support/pg-boss.js";

const failure = (status: number, more: object = {}) =>
  Object.assign(new Error(`status ${status}`), { status, ...more });

/** A job of one upload, which is tried again at once. */
async function open(adapters: Pick<World, "ai" | "repository" | "storage">, retryLimit: number) {
  const { boss } = await openQueue({ retryLimit, retryDelay: 0 });
  await workUploads(boss, "uploads", adapters, { thumbnail: false, work: EAGER, retry: { maxAttempts: 7 } });
  await enqueueUploads(boss, "uploads", ["a"]);
  return boss;
}

describe.skipIf(cannotRun)("one owner of retries: pg-boss", () => {
  closingAfterEach();

  test.each([0, 2])(
    "plain errors: called as often as the queue's retryLimit says, and once more: %i",
    async (limit) => {
      const world = worldOf([uploadOf("a")]);
      world.ai.describe.mockRejectedValue(new Error("boom"));
      const boss = await open(world, limit);
      const job = await jobIn(boss, "a", "failed");
      expect(world.ai.describe.mock.calls.map(([, { attempt }]) => attempt)).toEqual(
        Array.from({ length: limit + 1 }, (_, index) => index + 1),
      );
      expect(job).toMatchObject({ retryCount: limit, output: { code: "DESCRIBE_FAILED", message: "boom" } });
      expect(await world.repository.findUpload("a")).toMatchObject({ status: "failed", errorMessage: "boom" });
    },
  );

  test("a 500 of a service that is well: as often as the retryLimit says, and once more", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValue(failure(500));
    const boss = await open({ ...world, ai: { ...world.ai, checkHealth: async () => {} } }, 2);
    expect(await jobIn(boss, "a", "failed")).toMatchObject({ retryCount: 2 });
    expect(world.ai.describe).toHaveBeenCalledTimes(3);
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "failed", errorCode: "DESCRIBE_FAILED" });
  });

  test("what is permanent: once", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValue(failure(422));
    const boss = await open(world, 4);
    await jobIn(boss, "a", "failed");
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
  });

  test("a 429 waits as long as it is told, and uses up no attempt", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValueOnce(failure(429, { headers: { "retry-after": "30" } }));
    const boss = await open(world, 0);
    const { id, startAfter, startedOn } = await jobWhere(boss, "a", ({ data }) => data.waits === 1);
    const waitMs = startAfter.getTime() - startedOn.getTime();
    expect(waitMs).toBeGreaterThanOrEqual(29_900);
    expect(waitMs).toBeLessThan(60_000);
    await boss.update("uploads", undefined, { id, startAfter: 0 });
    expect(await jobIn(boss, "a", "completed", "failed")).toMatchObject({ state: "completed" });
    expect(world.ai.describe).toHaveBeenCalledTimes(2);
  });
});
