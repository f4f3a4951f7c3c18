import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, expectTypeOf, test, vi } from "vitest";
import { type MemoryRepository, memoryRepository, memoryStorage } from "../../src/adapters/memory.js";
import { processUploadWithRetry, type StorageAdapter, type UploadRecord } from "../../src/index.js";
import { type FaultKind, type FaultPlan, injectFaults } from "../../src/testing/index.js";
import { jpeg } from "../support/image.js";

const { signal } = new AbortController();
const content = Buffer.from("0123456789".repeat(100));
const uploads: UploadRecord[] = [{ id: "1", storageKey: "1.jpg", status: "pending" }];

const always = (kind: FaultKind, plan: FaultPlan = {}): FaultPlan => ({ ...plan, rate: 1, kinds: [kind] });

/** Calls a storage a hundred times, and answers with what went wrong. */
async function run(plan: FaultPlan): Promise<string[]> {
  const faults = injectFaults(memoryStorage([["x", content]]), plan);
  for (let call = 0; call < 50; call++) {
    await faults.adapter.open("x", { signal }).catch(() => {});
    await faults.adapter.delete("y").catch(() => {});
  }
  return faults.log.map(({ kind, method, number }) => `${method} ${number} ${kind}`);
}

test("one seed gives the same faults in every run, and another seed others", async () => {
  const plan: FaultPlan = { seed: 1, rate: 0.5, latencyMs: 0, kinds: ["error-before", "error-after", "latency"] };
  const first = await run(plan);
  expect(await run(plan)).toEqual(first);
  expect(await run({ ...plan, seed: 2 })).not.toEqual(first);
  expect(new Set(first.map((fault) => fault.split(" ")[2])).size).toBe(3);
});

test("the faults of one method do not depend on the calls of another", async () => {
  const faultsOfOpen = async (others: number) => {
    const { adapter, log } = injectFaults(memoryStorage(), { seed: 5, rate: 0.5, kinds: ["error-before"] });
    for (let call = 0; call < 20; call++) {
      await adapter.open("x", { signal }).catch(() => {});
      for (let other = 0; other < others; other++) await adapter.delete("x").catch(() => {});
    }
    return log.flatMap(({ method, number }) => (method === "open" ? [number] : []));
  };
  expect(await faultsOfOpen(3)).toEqual(await faultsOfOpen(0));
});

test("the rate is how many calls go wrong, of every method or by their names", async () => {
  const { adapter, log } = injectFaults(memoryStorage(), { seed: 1, rate: { delete: 0.2 }, kinds: ["error-before"] });
  for (let call = 0; call < 1000; call++) {
    await adapter.delete("x").catch(() => {});
    await adapter.open("x", { signal });
  }
  expect(log.length).toBeGreaterThan(150);
  expect(log.length).toBeLessThan(250);
  expect(await run({ rate: 0 })).toEqual([]);
  expect(await run(always("error-before"))).toHaveLength(100);
});

test("a seed is made up where none is given, and named by every error and by the faults as a string", async () => {
  const faults = injectFaults(memoryStorage(), always("error-before"));
  expect(Number.isSafeInteger(faults.seed)).toBe(true);
  expect(`${faults}`).toBe(`faults of seed ${faults.seed}: none`);
  await expect(faults.adapter.delete("x")).rejects.toThrow(
    `error-before in call 1 of delete (faults of seed ${faults.seed})`,
  );
  expect(`${faults}`).toBe(`faults of seed ${faults.seed}: error-before in call 1 of delete`);
});

test("the adapter keeps its type, its other members, its absent ones, and what it is an instance of", async () => {
  const { adapter } = injectFaults(memoryRepository<UploadRecord>(), always("error-before"));
  expectTypeOf(adapter).toEqualTypeOf<MemoryRepository<UploadRecord>>();
  await adapter.addUploads(uploads);
  await expect(adapter.findUpload("1")).rejects.toThrow("error-before");
  expect(adapter.findUpload).toBe(adapter.findUpload);
  expect(Object.keys({ ...adapter })).toEqual(Object.keys(memoryRepository()));

  const frozen = injectFaults(Object.freeze({ describe: async () => "a text", version: "1" }), { rate: 1 });
  expect(frozen.adapter.version).toBe("1");
  expect("embed" in frozen.adapter).toBe(false);
  await expect(injectFaults(frozen.adapter, always("error-before")).adapter.describe()).rejects.toThrow();

  class Bucket {
    readonly #deleted: string[] = [];
    async delete(key: string): Promise<void> {
      this.#deleted.push(key);
    }
    get deleted(): number {
      return this.#deleted.length;
    }
  }
  const bucket = new Bucket();
  const wrapped = injectFaults(bucket, always("error-after")).adapter;
  expect(wrapped).toBeInstanceOf(Bucket);
  await expect(wrapped.delete("x")).rejects.toThrow("error-after");
  expect(wrapped.deleted).toBe(1);
});

test("a method that is not of the contracts fails when the rate names it", async () => {
  const { adapter } = injectFaults(memoryRepository(), { rate: { addUploads: 1 }, kinds: ["error-before"] });
  await expect(adapter.addUploads([])).rejects.toThrow("error-before in call 1 of addUploads");
  // @ts-expect-error `put` does not answer with a promise
  injectFaults(memoryStorage(), { rate: { put: 1 } });
});

test("shouldFail decides: a kind, one by the seed, none, or as the rate has it", async () => {
  const { adapter, log } = injectFaults(memoryStorage(), {
    rate: 1,
    kinds: ["error-before"],
    shouldFail: ({ method, number, args }) => {
      if (method === "open") return args[0] === "poison" && "error-after";
      return [undefined, true, false][number - 1];
    },
  });
  expect(await adapter.open("x", { signal })).toBeNull();
  await expect(adapter.open("poison", { signal })).rejects.toThrow("error-after in call 2 of open");
  await expect(adapter.delete("x")).rejects.toThrow("error-before");
  await expect(adapter.delete("x")).rejects.toThrow("error-before");
  await adapter.delete("x");
  expect(log).toMatchObject([{ args: ["poison", { signal }] }, { method: "delete" }, { method: "delete", number: 2 }]);
});

test.each([
  [{ rate: 1.1 }, "rate"],
  [{ rate: { open: -1 } }, "open"],
  [{ rate: Number.NaN }, "rate"],
] as const)("the plan %j is refused", (plan, named) => {
  expect(() => injectFaults(memoryStorage(), plan)).toThrow(named);
});

test("a kind that a plan decides for is refused, too, where it is unknown", async () => {
  const shouldFail = () => "hnag" as FaultKind;
  const { adapter, log } = injectFaults(memoryStorage(), { shouldFail });
  await expect(adapter.delete("x")).rejects.toThrow('got "hnag"');
  expect(log).toEqual([]);
});

test("a rate of a method that there is not is refused, and one of another adapter is not", () => {
  const misspelt = { rate: { describ: 1 } as object };
  expect(() => injectFaults(memoryStorage(), misspelt)).toThrow('rate.describ: unknown; did you mean "describe"?');
  const plan: FaultPlan<"write" | "describe"> = { rate: { write: 1, describe: 1 } };
  expect(injectFaults(memoryStorage(), plan as object).log).toEqual([]);
});

test("kinds that are no list are refused", () => {
  expect(() => injectFaults(memoryStorage(), { kinds: "hang" as never })).toThrow("kinds: expected an array");
});

test("an unknown kind is refused", () => {
  expect(() => injectFaults(memoryStorage(), { kinds: ["explosion" as FaultKind] })).toThrow('got "explosion"');
});

describe("kinds", () => {
  test("error-before does nothing; error-after has done it; both may carry what a service says", async () => {
    const storage = memoryStorage();
    const error = (message: string) => Object.assign(new Error(message), { status: 503 });
    const write = (kind: FaultKind) =>
      injectFaults(storage, always(kind, { error })).adapter.write("x", content, { contentType: "text/plain", signal });
    await expect(write("error-before")).rejects.toMatchObject({ status: 503 });
    expect(storage.keys()).toEqual([]);
    await expect(write("error-after")).rejects.toMatchObject({ status: 503 });
    expect(storage.keys()).toEqual(["x"]);
  });

  test("error-after of open lets go of what was opened", async () => {
    const release = vi.fn(async () => {});
    const stream = Readable.from([content]);
    const storage: Pick<StorageAdapter, "open"> = { open: async () => ({ stream, release }) };
    await expect(injectFaults(storage, always("error-after")).adapter.open("x", { signal })).rejects.toThrow();
    expect(release).toHaveBeenCalledOnce();
    expect(stream.destroyed).toBe(true);
  });

  test("hang ends with its signal's reason", async () => {
    const { adapter } = injectFaults(memoryStorage(), always("hang"));
    const controller = new AbortController();
    const hanging = adapter.open("x", { signal: controller.signal });
    const settled = vi.fn();
    hanging.then(settled, settled);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(settled).not.toHaveBeenCalled();
    controller.abort(new Error("enough"));
    await expect(hanging).rejects.toThrow("enough");
    await expect(adapter.open("x", { signal: AbortSignal.abort(new Error("before")) })).rejects.toThrow("before");
  });

  describe("latency", () => {
    beforeEach(() => void vi.useFakeTimers());
    afterEach(() => void vi.useRealTimers());

    test("answers later, and at once with an error when it is aborted", async () => {
      const { adapter } = injectFaults(memoryStorage([["x", content]]), {
        ...always("latency"),
        seed: 1,
        latencyMs: 1000,
      });
      const started = Date.now();
      const opening = adapter.open("x", { signal });
      await vi.runAllTimersAsync();
      expect(await opening).toEqual({ bytes: new Uint8Array(content) });
      expect(Date.now() - started).toBeGreaterThan(0);
      expect(Date.now() - started).toBeLessThanOrEqual(1000);

      const controller = new AbortController();
      const aborted = adapter.open("x", { signal: controller.signal });
      controller.abort(new Error("enough"));
      await expect(aborted).rejects.toThrow("enough");
      expect(vi.getTimerCount()).toBe(0);
    });
  });

  describe("of reading", () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "faults-test-"));
      await writeFile(join(folder, "x"), content);
    });
    afterEach(() => rm(folder, { recursive: true }));

    const shapes = {
      path: () => ({ path: join(folder, "x") }),
      bytes: () => ({ bytes: content }),
      stream: () => ({ stream: Readable.from([content]) }),
    };

    for (const [shape, open] of Object.entries(shapes))
      for (const kind of ["slow-stream", "truncated-read"] as const)
        test(`${kind} of a ${shape}, with its release`, async () => {
          const release = vi.fn(async () => {});
          const storage: StorageAdapter = { ...memoryStorage(), open: async () => ({ ...open(), release }) };
          const { adapter } = injectFaults(storage, { ...always(kind), seed: 3, latencyMs: 100 });
          const started = performance.now();
          const opened = (await adapter.open("x", { signal })) as
            | { bytes: Uint8Array; release: typeof release }
            | { stream: Readable; release: typeof release };
          expect(opened.release).toBe(release);
          const read = "bytes" in opened ? Buffer.from(opened.bytes) : await buffer(opened.stream);
          if (kind === "slow-stream") {
            expect(read.equals(content)).toBe(true);
            expect(performance.now() - started).toBeGreaterThan(80);
          } else {
            expect(read.length).toBeLessThan(content.length);
            expect(content.subarray(0, read.length).equals(read)).toBe(true);
          }
        });

    test("what is not there stays away, whatever the fault", async () => {
      for (const kind of ["slow-stream", "truncated-read"] as const)
        expect(await injectFaults(memoryStorage(), always(kind)).adapter.open("x", { signal })).toBeNull();
    });
  });

  test("stale-read answers as before, when it was asked the same before", async () => {
    const memory = memoryRepository({ uploads: [...uploads, { ...uploads[0], id: "2" } as UploadRecord] });
    const { adapter, log } = injectFaults(memory, always("stale-read"));
    expect(await adapter.findUpload("1")).toMatchObject({ status: "pending" });
    expect(log).toEqual([]);
    await adapter.updateUpload("1", { status: "completed" });
    await adapter.updateUpload("2", { status: "completed" });
    expect(await adapter.findUpload("1")).toMatchObject({ status: "pending" });
    expect(await adapter.findUpload("2")).toMatchObject({ status: "completed" });
    expect(log).toMatchObject([{ method: "findUpload", number: 2, kind: "stale-read" }]);
  });

  test("a kind that does not fit a method is left out for it", async () => {
    expect(await run(always("stale-read"))).toEqual([]);
    const log = await run(always("truncated-read"));
    expect(log).toHaveLength(50);
    expect(log.every((fault) => fault.startsWith("open"))).toBe(true);
  });
});

test("an upload is completed, or its failure names the seed", async () => {
  const statuses = new Set<string>();
  for (let seed = 1; seed <= 20; seed++) {
    const ai = injectFaults({ describe: async () => "a text" }, { seed, rate: 0.6, kinds: ["error-before"] });
    const adapters = {
      storage: memoryStorage([["1.jpg", jpeg]]),
      ai: ai.adapter,
      repository: memoryRepository({ uploads }),
    };
    const result = await processUploadWithRetry("1", adapters, { retry: { minTimeout: 1 }, thumbnail: false });
    statuses.add(result.status);
    if (result.status === "failed") expect(result.error.message).toContain(`seed ${seed}`);
    else expect(result.status, `${ai}`).toBe("completed");
  }
  expect(statuses).toEqual(new Set(["completed", "failed"]));
});
