import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BatchProcessor } from "../../src/index.js";
import { deferred, ids, worldOf } from "../support/fakes.js";

vi.mock("../../src/media/pictures.ts", () => import("../support/pictures-at-once.js"));

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A batch whose thumbnail is written long after everybody has stopped waiting for it. */
async function batchWithLateThumbnail() {
  const world = worldOf(ids(1));
  const written = deferred();
  vi.spyOn(world.storage, "write").mockImplementation(() => written.promise); // ignores its signal
  const processor = new BatchProcessor({ ...world, timeouts: { thumbnailMs: 100 } });
  const running = processor.process("batch");
  let isOver = false;
  void running.finally(() => {
    isOver = true;
  });
  while (!isOver) await vi.advanceTimersByTimeAsync(1000);
  expect(await running).toMatchObject({ status: "completed", completed: 1 });
  expect((await world.repository.findUpload("u0000"))?.thumbnailKey).toBeFalsy();
  return { world, written };
}

test("what cleans up behind a run that is over waits for no repository: it tries, and leaves no timer", async () => {
  const { world, written } = await batchWithLateThumbnail();
  const find = vi.spyOn(world.repository, "findUpload").mockRejectedValue(new Error("connect ECONNREFUSED"));
  written.resolve();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(find).toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});

test("where the row is gone meanwhile, what was written late is removed", async () => {
  const { world, written } = await batchWithLateThumbnail();
  const remove = vi.spyOn(world.storage, "delete");
  await world.repository.deleteUpload("u0000");
  written.resolve();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(remove).toHaveBeenCalledWith("thumbnails/u0000.jpg");
  expect(vi.getTimerCount()).toBe(0);
});
