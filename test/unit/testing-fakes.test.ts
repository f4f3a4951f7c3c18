import { afterEach, beforeEach, describe, expect, expectTypeOf, test, vi } from "vitest";
import { BatchProcessor, processUploadWithRetry, type UploadRecord } from "../../src/index.js";
import {
  fakeAI,
  fakeClock,
  fakeRepository,
  fakeStorage,
  sampleJpeg,
  testRepositoryContract,
  testStorageContract,
} from "../../src/testing/index.js";

interface Photo extends UploadRecord {
  readonly album: string;
}

const { signal } = new AbortController();
const uploads: Photo[] = [
  { id: "1", storageKey: "1.jpg", status: "pending", fileName: "cat.jpg", batchId: "b", album: "Summer" },
  { id: "2", storageKey: "2.jpg", status: "pending", batchId: "b", album: "Winter" },
];
const adaptersOf = () => ({
  storage: fakeStorage(),
  ai: fakeAI<Photo>(),
  repository: fakeRepository({ uploads, batches: [{ id: "b", status: "pending" }] }),
});
const soon = { retry: { minTimeout: 1 } };
const methodsOf = ({ calls }: { calls: readonly { method: string }[] }) => calls.map(({ method }) => method);

describe("by themselves", () => {
  test("they complete an upload, and have recorded how", async () => {
    const { storage, ai, repository } = adaptersOf();
    const result = await processUploadWithRetry("1", { storage, ai, repository });
    expect(result).toMatchObject({
      status: "completed",
      warnings: [],
      upload: { description: "A photo called cat.jpg" },
    });
    expect(methodsOf(storage)).toEqual(["open", "write"]);
    expect(methodsOf(ai)).toEqual(["describe", "embed"]);
    expect(methodsOf(repository)[0]).toBe("claimUpload");
    expect(storage.keys()).toEqual(["thumbnails/1.jpg"]);
    for (const { at } of storage.calls) expect(Math.abs(Date.now() - at)).toBeLessThan(10_000);
  });

  test("they complete a batch", async () => {
    const adapters = adaptersOf();
    await using processor = new BatchProcessor({ ...adapters, ...soon });
    expect(await processor.process("b")).toMatchObject({ status: "completed", completed: 2 });
    expect(adapters.ai.calls.filter(({ method }) => method === "describe")).toHaveLength(2);
  });

  test("calls are typed by their method", async () => {
    const { ai, repository } = adaptersOf();
    await repository.updateUpload("1", { description: "A cat" });
    for (const call of repository.calls)
      if (call.method === "updateUpload") {
        expectTypeOf(call.args[0]).toEqualTypeOf<string>();
        expect(call.args).toEqual(["1", { description: "A cat" }]);
      }
    for (const call of ai.calls)
      if (call.method === "describe") expectTypeOf(call.args[0].upload).toEqualTypeOf<Photo>();
    expectTypeOf(await repository.findUpload("1")).toEqualTypeOf<Photo | null>();
  });

  test("what prepares and looks is not a call", async () => {
    const { storage, repository } = adaptersOf();
    storage.put("x", sampleJpeg());
    await repository.deleteUpload("2");
    expect([...storage.calls, ...repository.calls]).toEqual([]);
  });
});

describe("fakeStorage", () => {
  testStorageContract({ test, create: () => ({ storage: fakeStorage({ original: null }) }) });

  test("has every original until it is deleted", async () => {
    const storage = fakeStorage({ objects: [["mine", Buffer.from("x")]], original: Buffer.from("any") });
    expect(await storage.open("mine", { signal })).toEqual({ bytes: new Uint8Array([120]) });
    expect(await storage.open("other", { signal })).toEqual({ bytes: new Uint8Array([97, 110, 121]) });
    await storage.delete("mine");
    expect(await storage.open("mine", { signal })).toBeNull();
    await storage.write("mine", Buffer.from("x"), { contentType: "text/plain", signal });
    expect(await storage.open("mine", { signal })).not.toBeNull();
  });
});

describe("fakeRepository", () => {
  testRepositoryContract({
    test,
    create: () => {
      const clock = fakeClock();
      const repository = fakeRepository({ now: clock.now });
      return { ...repository, repository, advance: clock.advance };
    },
  });

  test("records resets, and plays what a script says of them", async () => {
    const repository = fakeRepository({ uploads: [{ id: "1", storageKey: "a", status: "failed" }] });
    repository.script.resetUploads.throws(new Error("connection lost")).passes();
    const reset = () => repository.resetUploads({ ids: ["1"] }, "retry", "redo");
    await expect(reset()).rejects.toThrow("connection lost");
    expect(await reset()).toBe(1);
    expect(await reset()).toBe(0);
    expect(repository.calls.map(({ method }) => method)).toEqual(["resetUploads", "resetUploads", "resetUploads"]);
  });

  test("has leases and calls by its clock", async () => {
    const clock = fakeClock(1000);
    const repository = fakeRepository({ uploads, now: clock.now });
    let claims = 0;
    const claim = () => repository.claimUpload("1", { leaseMs: 60_000, token: `claim-${claims++}` });
    expect(await claim()).toMatchObject({ outcome: "claimed" });
    expect(await claim()).toMatchObject({ outcome: "busy" });
    clock.advance(60_000);
    expect(await claim()).toMatchObject({ outcome: "claimed" });
    expect(repository.calls.map(({ at }) => at)).toEqual([1000, 1000, 61_000]);
  });
});

describe("fakeAI", () => {
  const context = (given = signal) => {
    const log = () => {};
    const logger = { debug: log, info: log, warn: log, error: log };
    return { signal: given, attempt: 1, idempotencyKey: "1", reportProgress: log, logger };
  };

  test("makes the same unit vector of the same text, of the length that it says", async () => {
    const ai = fakeAI({ dimensions: 5, version: "mine" });
    const media = {} as Parameters<typeof ai.embed>[0]["media"];
    const vectorOf = async (text: string) => {
      const answer = await ai.embed({ text, media }, context());
      return Array.from("vector" in answer ? answer.vector : answer);
    };
    const [cat, again, dog] = [await vectorOf("cat"), await vectorOf("cat"), await vectorOf("dog")];
    expect(cat).toHaveLength(5);
    expect(again).toEqual(cat);
    expect(dog).not.toEqual(cat);
    expect(Math.hypot(...cat)).toBeCloseTo(1);
    expect(ai).toMatchObject({ dimensions: 5, version: "mine" });
    await expect(ai.embed({ text: "cat", media }, context(AbortSignal.abort(new Error("no"))))).rejects.toThrow("no");
  });
});

describe("scripts", () => {
  test("are played call by call, and then it goes on by itself", async () => {
    const { repository } = adaptersOf();
    repository.script.findUpload
      .returns(null)
      .throws(new Error("down"), { times: 2 })
      .does(async (id) => ({ id, storageKey: "x", status: "pending", album: "scripted" }))
      .passes()
      .returns(null);
    const found: unknown[] = [];
    for (let call = 0; call < 7; call++)
      found.push(await repository.findUpload("1").then((upload) => upload?.album ?? null, String));
    expect(found).toEqual([null, "Error: down", "Error: down", "scripted", "Summer", null, "Summer"]);
    expect(repository.calls).toHaveLength(7);
  });

  test("of one method leave the others alone; an infinite one never runs out", async () => {
    const { storage } = adaptersOf();
    storage.script.delete.throws(new Error("read-only"), { times: Number.POSITIVE_INFINITY });
    for (let call = 0; call < 20; call++) await expect(storage.delete("x")).rejects.toThrow("read-only");
    expect(await storage.open("x", { signal })).not.toBeNull();
  });

  test("make the library try again, at the cost that the calls show", async () => {
    const { storage, ai, repository } = adaptersOf();
    ai.script.describe.throws(Object.assign(new Error("overloaded"), { status: 503 })).returns("A cat");
    ai.script.embed.returns([1, ...Array(7).fill(0)]);
    const result = await processUploadWithRetry("1", { storage, ai, repository }, soon);
    expect(result).toMatchObject({ status: "completed", attempts: 2, upload: { description: "A cat" } });
    expect(methodsOf(ai)).toEqual(["describe", "describe", "embed"]);
  });

  test("of a write that fails once make it be written again, without a warning", async () => {
    const { storage, ai, repository } = adaptersOf();
    storage.script.write.throws(new Error("disk full"));
    const result = await processUploadWithRetry("1", { storage, ai, repository });
    expect(result).toMatchObject({ status: "completed", warnings: [] });
    expect(methodsOf(storage)).toEqual(["open", "write", "write"]);
  });

  test("make a stage run out of time", async () => {
    const { storage, ai, repository } = adaptersOf();
    ai.script.describe.hangs();
    const options = { retry: { maxAttempts: 1 }, timeouts: { describeMs: 20 } };
    const result = await processUploadWithRetry("1", { storage, ai, repository }, options);
    expect(result).toMatchObject({ status: "failed", error: { code: "STAGE_TIMEOUT" } });
  });

  test.each([-1, 1.5, Number.NaN])("do not take %s for a number of times", (times) => {
    expect(() => adaptersOf().ai.script.describe.returns("A cat", { times })).toThrow("script.times: expected");
  });

  test("are checked by the types of the adapter", () => {
    const { ai, storage } = adaptersOf();
    // @ts-expect-error a description is a text
    ai.script.describe.returns(7, { times: 0 });
    // @ts-expect-error `put` is not of the contract
    expect(storage.script.put).toBeUndefined();
    expect(Object.keys(ai.script)).toEqual(["describe", "embed"]);
  });

  describe("with delays", () => {
    beforeEach(() => void vi.useFakeTimers());
    afterEach(() => void vi.useRealTimers());

    test("answer later, and end with the signal's reason", async () => {
      const { storage } = adaptersOf();
      storage.script.open.returns(null, { delayMs: 1000 }).passes({ delayMs: 1000 }).hangs();
      const settled = vi.fn();
      const opening = storage.open("x", { signal });
      opening.then(settled, settled);
      await vi.advanceTimersByTimeAsync(999);
      expect(settled).not.toHaveBeenCalled();
      await vi.advanceTimersByTimeAsync(1);
      expect(await opening).toBeNull();

      for (const wait of ["a delay", "a hang"]) {
        const controller = new AbortController();
        const aborted = storage.open("x", { signal: controller.signal });
        controller.abort(new Error(`enough of ${wait}`));
        await expect(aborted).rejects.toThrow(`enough of ${wait}`);
      }
      expect(vi.getTimerCount()).toBe(0);
    });
  });
});
