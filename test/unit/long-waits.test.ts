import { expect, test, vi } from "vitest";
import { Cancellation } from "../../src/async/cancellation.js";
import { Interrupted, sleep } from "../../src/async/time.js";
import { BatchProcessor, type ProcessOptions, processUploadWithRetry } from "../../src/index.js";
import { useFakeTime } from "../support/fake-time.js";
import { ids, worldOf } from "../support/fakes.js";

/** A timer that is to wait for more than 24.8 days fires at once. */
useFakeTime();

const HOUR = 3_600_000;
const MONTH = 30 * 24 * HOUR;

test.each([MONTH, 2 ** 31, Number.POSITIVE_INFINITY])("sleep(%d) waits, and ends with an abort", async (ms) => {
  const stop = new Cancellation();
  const ended = vi.fn();
  const sleeping = sleep(ms, stop).then(ended);
  await vi.advanceTimersByTimeAsync(HOUR);
  expect(ended).not.toHaveBeenCalled();
  stop.abort("reason");
  await expect(sleeping).rejects.toThrow(Interrupted);
  expect(vi.getTimerCount()).toBe(0);
});

test("an upload that is held for a month is not asked for again and again", async () => {
  const world = worldOf(ids(1));
  const claimUpload = vi.fn(async () => ({ outcome: "busy" as const, retryAfterMs: MONTH }));
  const processor = new BatchProcessor({ ...world, repository: { ...world.repository, claimUpload } });
  const controller = new AbortController();
  const running = processor.processUploads(["u0000"], { signal: controller.signal });
  await vi.advanceTimersByTimeAsync(HOUR);
  expect(claimUpload).toHaveBeenCalledTimes(1);
  controller.abort();
  expect(await running).toMatchObject({ skipped: 1 });
});

test.each([
  ["a delay of a month", { minTimeout: MONTH, maxTimeout: MONTH }, { status: 503 }],
  ["the longest hint, spread", { maxRetryAfterMs: 2 ** 31 }, { status: 429, retryAfterMs: 2 ** 31 - 1 }],
])("%s is waited for between attempts", async (_, retry, thrown) => {
  const world = worldOf(ids(1));
  world.ai.describe.mockImplementation(async () => Promise.reject(Object.assign(new Error("no"), thrown)));
  vi.spyOn(Math, "random").mockReturnValue(0.9);
  const controller = new AbortController();
  const options: ProcessOptions = { thumbnail: false, retry, signal: controller.signal };
  const running = processUploadWithRetry("u0000", world, options);
  await vi.advanceTimersByTimeAsync(HOUR);
  expect(world.ai.describe).toHaveBeenCalledTimes(1);
  controller.abort();
  expect(await running).toMatchObject({ status: "aborted" });
});
