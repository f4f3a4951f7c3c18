import { beforeAll, describe, expect, test, vi } from "vitest";
import { memoryRepository } from "../../src/adapters/memory.js";
import { BatchProcessor, type BatchProcessorOptions, type UploadRecord } from "../../src/index.js";
import { settled, useFakeTime } from "../support/fake-time.js";
import { ids, jpeg, worldOf } from "../support/fakes.js";
import { ACCOUNT_ERRORS, ModelService, refused, unavailable } from "../support/model-service.js";

/**
 * An outage fails no upload: not of a service, nor of an account. By a fake clock, so the pictures are not decoded: that takes
 * place in threads which no fake clock can stop.
 */
useFakeTime();

/** Loads what is imported on first use: the fake clock does not wait for the disk. */
beforeAll(async () => {
  vi.useRealTimers();
  const { repository, storage, ai } = worldOf(ids(1));
  await new BatchProcessor({ repository, storage, ai }).process("batch");
});

const HOUR = 3_600_000;
const LONGEST_COOLDOWN_MS = 300_000;

type Options = Pick<BatchProcessorOptions, "concurrency" | "retry" | "breaker">;

function batchOf(uploads: readonly UploadRecord[], service: ModelService, options: Options) {
  const repository = memoryRepository({ uploads, batches: [{ id: "batch", status: "pending" }] });
  const storage = { open: async () => ({ bytes: jpeg }), write: async () => {}, delete: async () => {} };
  const processor = new BatchProcessor({ storage, ai: service.ai, repository, thumbnail: false, ...options });
  return { repository, processor };
}

/** All of them with a smaller batch, and each concurrency and each number of attempts once with a large one. */
const CASES = [1, 4, 16, 64].flatMap((concurrency, index) => {
  const large = { uploads: 10_000, concurrency, maxAttempts: [1, 2, 5, 1][index] ?? 1 };
  return [large, ...[1, 2, 5].map((maxAttempts) => ({ uploads: 500, concurrency, maxAttempts }))];
});

describe("the service is down for an hour", () => {
  test.each(CASES)(
    "$uploads uploads, $concurrency at once, $maxAttempts attempts: all are completed",
    async (given) => {
      const { uploads, concurrency, maxAttempts } = given;
      const service = new ModelService();
      const { processor } = batchOf(ids(uploads), service, { concurrency, retry: { maxAttempts } });
      // Connections are refused, or a proxy answers for it.
      const outage = maxAttempts === 2 ? { error: unavailable } : { error: refused, failsAfterMs: 1 };
      const down = service.downAt(uploads * 0.4, HOUR, outage);
      const pauses: string[] = [];
      processor.on("batch:paused", ({ reason }) => pauses.push(reason));
      processor.on("batch:resumed", () => pauses.push("resumed"));
      let settledBefore = 0;
      processor.on("upload:settled", ({ status }) => {
        if (status === "completed" && down.end === Number.POSITIVE_INFINITY) settledBefore++;
      });

      const result = await settled(processor.process("batch"));
      expect(result).toMatchObject({ status: "completed", completed: uploads, failed: 0, aborted: 0, deferred: 0 });
      expect(service.callsWhileDown).toBeGreaterThan(0);
      expect(service.callsWhileDown).toBeLessThanOrEqual(40);
      expect(pauses).toEqual(["service", "resumed"]);
      // Nothing finished was paid for twice.
      expect(service.described.size).toBe(uploads);
      expect([...service.described.values()].filter((times) => times > 1)).toEqual([]);

      // At full rate within one cooldown of its return.
      const backAt = service.backAt ?? Number.POSITIVE_INFINITY;
      expect(backAt - down.end).toBeLessThanOrEqual(LONGEST_COOLDOWN_MS + service.latencyMs);
      expect(service.mostAtOnce).toBe(concurrency);
      const rounds = Math.ceil((2 * (uploads - settledBefore)) / concurrency);
      expect(Date.now() - backAt).toBeLessThanOrEqual(rounds * service.latencyMs * 1.1 + 1000);
    },
  );
});

test("down from the first call on: as many calls, whatever the concurrency", async () => {
  const service = new ModelService();
  const { processor } = batchOf(ids(300), service, { concurrency: 64 });
  service.downAt(1, HOUR, { error: unavailable });
  expect(await settled(processor.process("batch"))).toMatchObject({ status: "completed", completed: 300 });
  expect(service.callsWhileDown).toBeLessThanOrEqual(40);
});

describe.each(Object.entries(ACCOUNT_ERRORS))("an account that is refused (%s)", (_, error) => {
  test.each([1, 4, 64])("is waited for, %i at once: no upload fails", async (concurrency) => {
    const service = new ModelService();
    const { processor } = batchOf(ids(500), service, { concurrency, retry: { maxAttempts: 1 } });
    service.downAt(100, HOUR, { error });
    const reasons: (string | null)[] = [];
    processor.on("batch:paused", (event) => reasons.push(event.reason, event.error?.code ?? null));
    const result = await settled(processor.process("batch"));
    expect(result).toMatchObject({ status: "completed", completed: 500, failed: 0 });
    expect(reasons).toEqual(["account", "ACCOUNT_REFUSED"]);
    // One is enough; besides it there are those under way, and the probes of an hour.
    expect(service.callsWhileDown).toBeLessThanOrEqual(20);
  });

  test("and given up when it takes too long: the batch is as it was, and goes on", async () => {
    const service = new ModelService();
    const { repository, processor } = batchOf(ids(50), service, { breaker: { giveUpAfterMs: 120_000 } });
    service.downAt(20, HOUR, { error });
    const result = await settled(processor.process("batch"));
    expect(result).toMatchObject({
      status: "processing",
      failed: 0,
      error: { code: "CIRCUIT_OPEN", cause: { code: "ACCOUNT_REFUSED" } },
    });
    const left = await repository.listUploads({ batchId: "batch" }, { limit: 100 });
    const open = left.filter(({ status }) => status !== "completed");
    expect(open.length).toBeGreaterThan(0);
    expect(open.filter(({ status, starts = 0 }) => status !== "pending" || starts !== 0)).toEqual([]);
    service.comeBack();
    expect(await settled(processor.process("batch"))).toMatchObject({ status: "completed" });
    expect(service.described.size).toBe(50);
  });
});
