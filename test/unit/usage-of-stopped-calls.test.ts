import { expect, test } from "vitest";
import { processUploadWithRetry } from "../../src/index.js";
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
