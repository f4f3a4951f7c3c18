/**
 * A storage of your own, held to what the library relies on, and a batch over it while everything goes wrong now and then.
 *
 *     npx tsx --test examples/testing-with-node-test.ts
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { BatchProcessor, type StorageAdapter } from "upload-processor";
import {
  fakeAI,
  fakeClock,
  fakeRepository,
  injectFaults,
  sampleJpeg,
  testStorageContract,
} from "upload-processor/testing";

/** As much of your object store's client as the storage uses. */
interface Bucket {
  get(key: string): Promise<Uint8Array | undefined>;
  put(key: string, data: Uint8Array, contentType: string): Promise<void>;
  remove(key: string): Promise<void>;
}

function bucketStorage(bucket: Bucket): StorageAdapter {
  return {
    async open(key, { signal }) {
      signal.throwIfAborted();
      const bytes = await bucket.get(key);
      return bytes === undefined ? null : { bytes };
    },
    async write(key, data, { contentType, signal }) {
      signal.throwIfAborted();
      await bucket.put(key, data, contentType);
    },
    delete: (key) => bucket.remove(key),
  };
}

/** Yours is a real one, or a local server that speaks its protocol. */
function fakeBucket(): Bucket {
  const objects = new Map<string, Uint8Array>();
  const copyOf = (data: Uint8Array) => new Uint8Array(data); // not `slice`: of a Buffer that is the same memory
  return {
    get: async (key) => (objects.has(key) ? copyOf(objects.get(key) as Uint8Array) : undefined),
    put: async (key, data) => void objects.set(key, copyOf(data)),
    remove: async (key) => void objects.delete(key),
  };
}

suite("your storage, held to what the library relies on", () => {
  testStorageContract({ test, create: () => ({ storage: bucketStorage(fakeBucket()) }) });
});

suite("a batch, whatever goes wrong", () => {
  const ids = Array.from({ length: 20 }, (_, n) => `photo-${n}`);
  const uploads = ids.map((id) => ({ id, storageKey: id, batchId: "holiday", status: "pending" as const }));
  const batches = [{ id: "holiday", status: "pending" as const }];

  test("every photo is completed, though one call in ten fails", async () => {
    const bucket = fakeBucket();
    for (const id of ids) await bucket.put(id, sampleJpeg(), "image/jpeg");
    // Fails before it has done anything, or after, so that the answer is lost. Give it the seed of a failure to see that again.
    const faults = injectFaults(bucketStorage(bucket), { rate: 0.1 });
    const model = injectFaults(fakeAI(), { rate: 0.1, kinds: ["error-before", "latency"] });
    const repository = fakeRepository({ uploads, batches });
    const retry = { maxAttempts: 10, minTimeout: 1, maxTimeout: 10 };
    const processor = new BatchProcessor({ storage: faults.adapter, ai: model.adapter, repository, retry });
    const { completed } = await processor.process("holiday");
    assert.equal(completed, ids.length, `${faults}; ${model}`);
  });

  test("what a dead worker held is done when its lease has run out", async () => {
    const clock = fakeClock();
    const repository = fakeRepository({ uploads, batches, now: clock.now });
    await repository.claimUpload("photo-7", { leaseMs: 60_000, token: "worker-1" }); // and is never heard of again
    clock.advance(60_001);
    const processor = new BatchProcessor({ storage: bucketStorage(fakeBucket()), ai: fakeAI(), repository });
    const { failures } = await processor.process("holiday");
    // The bucket is empty: each of them says so itself, photo-7 as well.
    assert.deepEqual(new Set(failures.map(({ error }) => error.code)), new Set(["MISSING_ORIGINAL"]));
    assert.equal(failures.length, ids.length);
  });
});
