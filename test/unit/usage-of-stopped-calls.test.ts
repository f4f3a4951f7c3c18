import { describe, expect, test } from "vitest";
import { BatchProcessor, describeByPolling, processUploadWithRetry, UploadEventEmitter } from "../../src/index.js";
import { ids, untilAborted, worldOf } from "../support/fakes.js";

/** A call may have paid for parts of its work when it is stopped, such as the frames of a video. */
const paid = { usage: { inputTokens: 30, requests: 3 } };

function stoppedWorld() {
  const world = worldOf(ids(1));
  world.ai.describe.mockImplementationOnce((_, { signal }) =>
    untilAborted(signal).catch((reason: unknown) => {
      throw Object.assign(new Error("stopped", { cause: reason }), paid);
    }),
  );
  return world;
}

test("what a call had used up when it took too long is booked", async () => {
  const options = { thumbnail: false as const, timeouts: { describeMs: 20 }, retry: { minTimeout: 1 } };
  const result = await processUploadWithRetry("u0000", stoppedWorld(), options);
  expect(result).toMatchObject({ status: "completed", attempts: 2, usage: { inputTokens: 30, requests: 5 } });
});

test("so is what it had used up when it was aborted", async () => {
  const world = stoppedWorld();
  const controller = new AbortController();
  const processing = processUploadWithRetry("u0000", world, { thumbnail: false, signal: controller.signal });
  while (world.ai.describe.mock.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  controller.abort();
  expect(await processing).toMatchObject({ status: "aborted", usage: { inputTokens: 30, requests: 3 } });
});

/** A price for each call: what was not asked is not paid. */
describe("a call that no model got is on no invoice", () => {
  const perCall = () => 1;

  test("the picture for it could not be made", async () => {
    const uploads = ids(20);
    const { repository, storage, ai } = worldOf(uploads);
    for (const { storageKey } of uploads) storage.put(storageKey, Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, 1, 2]));
    ai.describe.mockImplementation(async (media) => {
      await media.visionImage();
      return "never";
    });
    const adapters = { repository, storage, ai: { ...ai, price: perCall } };
    const result = await new BatchProcessor({ ...adapters, budget: { limit: 5 } }).process("batch");
    expect(result).toMatchObject({ status: "completed", failed: 20, usage: {} });
    expect(result.usage).not.toHaveProperty("requests");
    expect(result.usage).not.toHaveProperty("cost");
  });

  test("a listener has aborted the upload when it was about to begin", async () => {
    const world = worldOf(ids(1));
    const controller = new AbortController();
    const events = new UploadEventEmitter();
    events.on("upload:progress", ({ stage }) => stage === "describe" && controller.abort());
    const adapters = { ...world, ai: { ...world.ai, price: perCall } };
    const result = await processUploadWithRetry("u0000", adapters, {
      thumbnail: false,
      events,
      signal: controller.signal,
    });
    expect(result).toMatchObject({ status: "aborted", usage: {} });
    expect(result.usage).toEqual({});
    expect(world.ai.describe).not.toHaveBeenCalled();
  });

  test("a job that was started by an earlier attempt is only read on", async () => {
    const world = worldOf(ids(1));
    let reads = 0;
    const polling = describeByPolling({
      start: async () => "job",
      read: async (_, { attempt }) => {
        reads++;
        return attempt < 3 ? { done: false } : { done: true, result: "a cat" };
      },
      minIntervalMs: 1,
      maxIntervalMs: 2,
    });
    const adapters = { ...world, ai: { ...world.ai, describe: polling, price: perCall } };
    const options = {
      thumbnail: false as const,
      timeouts: { describeMs: 40 },
      retry: { maxAttempts: 3, minTimeout: 1 },
    };
    const result = await processUploadWithRetry("u0000", adapters, options);
    expect(reads).toBeGreaterThan(2);
    // One for the job, one for the vector.
    expect(result).toMatchObject({ status: "completed", attempts: 3, usage: { requests: 2, cost: 2 } });
  });
});
