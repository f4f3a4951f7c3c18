import { beforeAll, describe, expect, test, vi } from "vitest";
import { memoryRepository } from "../../src/adapters/memory.js";
import { type AIAdapter, BatchProcessor, type BatchProcessorOptions } from "../../src/index.js";
import { settled, useFakeTime } from "../support/fake-time.js";
import { ids, jpeg, worldOf } from "../support/fakes.js";
import { ModelService } from "../support/model-service.js";

/** Uploads that always get a 500 fail alone, as soon as there is evidence that the service is up: and not before. */
useFakeTime();

beforeAll(async () => {
  vi.useRealTimers();
  const { repository, storage, ai } = worldOf(ids(1));
  await new BatchProcessor({ repository, storage, ai }).process("batch");
});

type Options = Pick<BatchProcessorOptions, "concurrency" | "retry" | "breaker"> & { readonly ai?: Partial<AIAdapter> };

/** 20 uploads, of which six are poisoned. */
async function processed(first: number, { ai, ...options }: Options) {
  const service = new ModelService();
  const uploads = ids(20);
  const poisoned = uploads.slice(first, first + 6).map(({ id }) => id);
  for (const id of poisoned) service.poison.add(id);
  const repository = memoryRepository({ uploads, batches: [{ id: "batch", status: "pending" }] });
  const storage = { open: async () => ({ bytes: jpeg }), write: async () => {}, delete: async () => {} };
  const model = { ...service.ai, ...ai };
  const processor = new BatchProcessor({ storage, ai: model, repository, thumbnail: false, ...options });
  const result = await settled(processor.process("batch"));
  const failed = await repository.listUploads({ statuses: ["failed"] }, { limit: 20 });
  return { service, poisoned, repository, result, failed: failed.map(({ id, errorCode }) => `${id} ${errorCode}`) };
}

const ATTEMPTS = [1, 2, 5];

describe.each([1, 4, 20])("six of 20, %i at once", (concurrency) => {
  const cases = ATTEMPTS.flatMap((maxAttempts) => [
    { maxAttempts, where: "in the middle", first: 7 },
    { maxAttempts, where: "the first", first: 0 },
  ]);
  test.each(cases)("$where, $maxAttempts attempts: they fail alone", async ({ maxAttempts, first }) => {
    const { service, poisoned, result, failed } = await processed(first, { concurrency, retry: { maxAttempts } });
    expect(result).toMatchObject({ status: "completed", completed: 14, failed: 6 });
    expect(result.error).toBeUndefined();
    expect(failed).toEqual(poisoned.map((id) => `${id} DESCRIBE_FAILED`));
    expect([...service.described.values()]).toEqual(Array(14).fill(1));
  });

  test.each(ATTEMPTS)(
    "the last, %i attempts: they fail alone where the service says that it is well",
    async (attempts) => {
      const ai = { checkHealth: async () => {} };
      const { poisoned, result, failed } = await processed(14, { concurrency, retry: { maxAttempts: attempts }, ai });
      expect(result).toMatchObject({ status: "completed", completed: 14, failed: 6 });
      expect(failed).toEqual(poisoned.map((id) => `${id} DESCRIBE_FAILED`));
    },
  );

  test.each(ATTEMPTS)(
    "the last, %i attempts: where nothing tells whether the service is up, they wait",
    async (maxAttempts) => {
      const breaker = { giveUpAfterMs: 7_200_000 };
      const { poisoned, repository, result, failed } = await processed(14, {
        concurrency,
        retry: { maxAttempts },
        breaker,
      });
      expect(result.completed).toBe(14);
      // Only those that failed while others still succeeded are known to be at fault.
      expect(poisoned.map((id) => `${id} DESCRIBE_FAILED`)).toEqual(expect.arrayContaining(failed));
      const { pending = 0 } = await repository.countUploads({ batchId: "batch" });
      expect(pending).toBe(6 - failed.length);
      if (concurrency === 1) expect(failed).toEqual([]);
      if (pending > 0) expect(result).toMatchObject({ status: "processing", error: { code: "CIRCUIT_OPEN" } });
    },
  );
});
