import { afterEach, describe, expect, test, vi } from "vitest";
import { memoryRepository } from "../../src/adapters/memory.js";
import {
  BatchProcessor,
  processUploadWithRetry,
  RepositoryError,
  UploadEventEmitter,
  type UploadRecord,
} from "../../src/index.js";
import { fakeAI, fakeStorage } from "../../src/testing/index.js";
import { settled } from "../support/fake-time.js";
import { deferred, jpeg, untilAborted, uploadOf } from "../support/fakes.js";
import { callsOf } from "../support/stores.js";

const lost = () => new Error("connection lost");

function worldOf(ids: readonly string[]) {
  const uploads = ids.map((id) => uploadOf(id));
  const inner = memoryRepository<UploadRecord>({ uploads, batches: [{ id: "batch", status: "pending" }] });
  const claimUpload = vi.fn<typeof inner.claimUpload>(inner.claimUpload);
  const updateUpload = vi.fn<typeof inner.updateUpload>(inner.updateUpload);
  /** The repository does what it is asked to, and its answer is lost. */
  const loseAnswers = (times: number) => {
    for (let left = times; left > 0; left--)
      claimUpload.mockImplementationOnce(async (id, request) => {
        await inner.claimUpload(id, request);
        throw lost();
      });
  };
  const tokens = () => claimUpload.mock.calls.map(([, { token }]) => token);
  const repository = { ...inner, claimUpload, updateUpload };
  const world = { repository, ai: fakeAI(), storage: fakeStorage({ original: jpeg }) };
  return { repository: inner, claimUpload, updateUpload, world, loseAnswers, tokens };
}

const startsOf = async ({ repository }: ReturnType<typeof worldOf>, id = "a") =>
  (await repository.findUpload(id))?.starts;

afterEach(() => {
  vi.useRealTimers();
});

test("a claim that is not answered holds nobody up who is aborted, and is asked for again under its token", async () => {
  const one = worldOf(["a"]);
  const asked = deferred();
  one.claimUpload.mockImplementationOnce(async (id, request) => {
    await one.repository.claimUpload(id, request);
    asked.resolve();
    return new Promise(() => {});
  });
  const stop = new AbortController();
  const working = processUploadWithRetry("a", one.world, { signal: stop.signal });
  await asked.promise;
  stop.abort("enough");
  expect(await working).toMatchObject({ status: "aborted", reason: "enough" });
  expect(await processUploadWithRetry("a", one.world)).toMatchObject({ status: "completed" });
  expect(new Set(one.tokens()).size).toBe(1);
});

describe("an abort while a claim is under way", () => {
  test("hands back what was granted all the same: no start is counted, also by many shutdowns", async () => {
    const one = worldOf(["a"]);
    for (let times = 1; times <= 5; times++) {
      const stop = new AbortController();
      one.claimUpload.mockImplementationOnce(async (id, request) => {
        stop.abort("deployed anew");
        return one.repository.claimUpload(id, request);
      });
      const result = await processUploadWithRetry("a", one.world, { signal: stop.signal });
      expect(result).toMatchObject({ status: "aborted", reason: "deployed anew" });
      expect(await one.repository.findUpload("a")).toMatchObject({ status: "pending", starts: 0 });
    }
    expect(await processUploadWithRetry("a", one.world)).toMatchObject({ status: "completed" });
  });
});

describe("a lost answer", () => {
  test("is asked for again under the same token, and is one start", async () => {
    vi.useFakeTimers();
    const one = worldOf(["a"]);
    one.loseAnswers(3);
    const starts: number[] = [];
    const events = new UploadEventEmitter().on("upload:started", (event) => void starts.push(event.starts));
    const result = await settled(processUploadWithRetry("a", one.world, { events }));
    expect(result.status).toBe("completed");
    expect(one.tokens()).toHaveLength(4);
    expect(new Set(one.tokens()).size).toBe(1);
    expect(starts).toEqual([1]);
  });

  test("that is given up on is one start all the same: the next visit is the same claim, and nothing is quarantined", async () => {
    vi.useFakeTimers();
    const one = worldOf(["a", "b"]);
    for (let visits = 1; visits <= 5; visits++) {
      one.loseAnswers(5);
      await expect(settled(processUploadWithRetry("a", one.world))).rejects.toThrow(RepositoryError);
      expect(await startsOf(one)).toBe(1);
    }
    const [token] = one.tokens();
    const result = await settled(processUploadWithRetry("a", one.world));
    expect(result.status).toBe("completed");
    expect(new Set(one.tokens())).toEqual(new Set([token]));
    expect(callsOf(one.world.ai)).toEqual({ describe: 1, embed: 1 });
    await settled(processUploadWithRetry("b", one.world));
    expect(new Set(one.tokens()).size).toBe(2);
  });

  test("because the call was aborted is none, too", async () => {
    const one = worldOf(["a"]);
    const controller = new AbortController();
    one.claimUpload.mockImplementationOnce(async (id, request) => {
      await one.repository.claimUpload(id, request);
      controller.abort();
      throw lost();
    });
    const aborted = await processUploadWithRetry("a", one.world, { signal: controller.signal });
    expect(aborted.status).toBe("aborted");
    expect((await processUploadWithRetry("a", one.world)).status).toBe("completed");
    expect(new Set(one.tokens()).size).toBe(1);
  });

  test("makes its token that of one visitor: of two that come for the upload, one works on it", async () => {
    vi.useFakeTimers();
    const one = worldOf(["a"]);
    one.loseAnswers(5);
    await expect(settled(processUploadWithRetry("a", one.world))).rejects.toThrow(RepositoryError);
    const described = deferred<string>();
    one.world.ai.script.describe.does(() => described.promise, { times: 2 });
    const both = [processUploadWithRetry("a", one.world), processUploadWithRetry("a", one.world)];
    const first = await settled(Promise.race(both), 60_000);
    expect(first).toMatchObject({ status: "skipped", reason: "claimed-elsewhere" });
    described.resolve("words");
    const statuses = (await settled(Promise.all(both))).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual(["completed", "skipped"]);
    expect(callsOf(one.world.ai)).toEqual({ describe: 1, embed: 1 });
  });
});

test("a token is new when the last claim of the upload was answered", async () => {
  const one = worldOf(["a"]);
  one.world.ai.script.describe.throws(new Error("boom"), { times: 2 });
  for (const number of [1, 2, 3]) await processUploadWithRetry("a", one.world, { attempt: { number, max: 3 } });
  expect(new Set(one.tokens()).size).toBe(3);
});

test("a claim that is delivered once more after it has ended grants nothing", async () => {
  const one = worldOf(["a"]);
  one.world.ai.script.describe.throws(new Error("boom"));
  await processUploadWithRetry("a", one.world, { attempt: { number: 1, max: 2 } });
  const again = { leaseMs: 60_000, token: one.tokens()[0] ?? "" };
  expect(await one.repository.claimUpload("a", again)).toMatchObject({ outcome: "busy" });
  expect(await one.repository.findUpload("a")).toMatchObject({ status: "pending", starts: 0 });
  expect((await processUploadWithRetry("a", one.world)).status).toBe("completed");
  expect(await one.repository.claimUpload("a", again)).toMatchObject({ outcome: "settled" });
});

describe("an upload of a cancelled batch", () => {
  const cancelled = { code: "BATCH_CANCELLED" };

  test("is not begun", async () => {
    const one = worldOf(["a", "b"]);
    await one.repository.updateBatch("batch", { status: "cancelled" });
    const result = await processUploadWithRetry("a", one.world);
    expect(result).toMatchObject({ status: "aborted", reason: cancelled, attempts: 0 });
    const run = await new BatchProcessor(one.world).processUploads(["a", "b"]);
    expect(run).toMatchObject({ status: "completed", aborted: 2 });
    expect(one.world.ai.calls).toEqual([]);
    expect(await one.repository.findUpload("a")).toMatchObject({ status: "pending" });
  });

  test("is let go of when a renewal says so", async () => {
    vi.useFakeTimers();
    const one = worldOf(["a"]);
    one.world.ai.script.describe.does(async (_, { signal }) => {
      await one.repository.updateBatch("batch", { status: "cancelled" });
      return untilAborted(signal);
    });
    const result = await settled(processUploadWithRetry("a", one.world, { lease: { durationMs: 30_000 } }));
    expect(result).toMatchObject({ status: "aborted", reason: cancelled });
    expect(await one.repository.findUpload("a")).toMatchObject({ status: "pending", starts: 0 });
  });

  test("keeps the checkpoint whose write said so, and pays for nothing further", async () => {
    const one = worldOf(["a"]);
    one.world.ai.script.describe.does(async () => {
      await one.repository.updateBatch("batch", { status: "cancelled" });
      return "paid for";
    });
    const result = await processUploadWithRetry("a", one.world);
    expect(result).toMatchObject({ status: "aborted", reason: cancelled });
    expect(await one.repository.findUpload("a")).toMatchObject({
      status: "pending",
      starts: 0,
      description: "paid for",
    });
    expect(callsOf(one.world.ai)).toEqual({ describe: 1, embed: 0 });
  });

  test("is told why also where the run notices the cancel by itself", async () => {
    vi.useFakeTimers();
    const one = worldOf(["a"]);
    // The store does not tell: only the run's look at the batch does.
    one.updateUpload.mockImplementation(async (...args) => {
      const outcome = await one.repository.updateUpload(...args);
      return outcome === "cancelled" ? "saved" : outcome;
    });
    one.world.ai.script.describe.does(async (_, { signal }) => {
      await one.repository.updateBatch("batch", { status: "cancelled" });
      return untilAborted(signal);
    });
    const processor = new BatchProcessor(one.world);
    const reasons: unknown[] = [];
    processor.on("upload:settled", (event) => void (event.status === "aborted" && reasons.push(event.reason)));
    expect(await settled(processor.process("batch"))).toMatchObject({ status: "cancelled" });
    expect(reasons).toMatchObject([cancelled]);
  });
});
