import { afterEach, describe, expect, test, vi } from "vitest";
import { BatchProcessor, type BreakerOptions, fallbackAI } from "../../src/index.js";
import { chained, down, model, once } from "../support/chains.js";
import { settled } from "../support/fake-time.js";
import { deferred, ids } from "../support/fakes.js";

afterEach(() => {
  vi.useRealTimers();
});

describe("an upload that may be described by none but a model whose breaker is open", () => {
  /** The first is refused for so long; the second is asked for none of `picky`. */
  function waiting(count: number, picky: (id: string) => boolean, forMs: number, breaker: BreakerOptions = {}) {
    const { local, cloud, adapters } = chained(count);
    const begunAt = Date.now();
    local.describe.mockImplementation(async ({ upload }) => {
      if (Date.now() - begunAt < forMs) throw down({ status: 401 });
      return `local of ${upload.id}`;
    });
    const ai = fallbackAI([local, cloud], { when: (_, { id }) => !picky(id) });
    const claims = vi.spyOn(adapters.repository, "claimUpload");
    const claimsOf = (id: string) => claims.mock.calls.filter(([claimed]) => claimed === id).length;
    const processor = new BatchProcessor({ ...adapters, ai, ...once, breaker, concurrency: 2 });
    return { local, cloud, adapters, processor, claims, claimsOf };
  }

  test("holds no slot, and is not visited before it is asked again", async () => {
    vi.useFakeTimers();
    const isPicky = (id: string) => id < "u0004";
    const { cloud, local, processor, claimsOf } = waiting(200, isPicky, 20_000);
    const begunAt = Date.now();
    const endedAt = new Map<string, number>();
    processor.on("upload:settled", ({ uploadId, status }) => {
      if (status === "completed") endedAt.set(uploadId, Date.now() - begunAt);
    });
    cloud.describe.mockImplementation(async ({ upload }) => {
      await new Promise((resolve) => setTimeout(resolve, 10)); // each tells everybody who waits that something has changed
      return upload.id;
    });
    expect(await settled(processor.process("batch"))).toMatchObject({ status: "completed", completed: 200 });
    for (const [id, ms] of endedAt) expect(ms >= 30_000).toBe(isPicky(id));
    expect(endedAt.size).toBe(200);
    // When it is first visited, perhaps beside the one that finds out, and then.
    for (const id of ["u0000", "u0001", "u0002", "u0003"]) expect(claimsOf(id)).toBeLessThanOrEqual(3);
    expect(local.describe.mock.calls.length).toBeLessThan(10);
  });

  test("is given up with the run when that takes longer than it waits, and is done by the next one", async () => {
    vi.useFakeTimers();
    const isPicky = (id: string) => id < "u0004";
    const { adapters, processor } = waiting(20, isPicky, 200_000, { giveUpAfterMs: 120_000 });
    expect(await settled(processor.process("batch"))).toMatchObject({
      status: "processing",
      completed: 16,
      failed: 0,
      error: { code: "CIRCUIT_OPEN", cause: { code: "ACCOUNT_REFUSED" } },
    });
    expect(await adapters.repository.countUploads({ batchId: "batch" })).toMatchObject({ pending: 4, completed: 16 });
    expect(await settled(processor.process("batch"))).toMatchObject({ status: "completed", completed: 4 });
  });

  test("is not visited while another one finds out", async () => {
    vi.useFakeTimers();
    const { local, processor, claims } = waiting(6, () => true, 0);
    local.describe.mockRejectedValueOnce(down({ status: 401 }));
    let during = Number.NaN;
    local.describe.mockImplementationOnce(async ({ upload }) => {
      const before = claims.mock.calls.length;
      await new Promise((resolve) => setTimeout(resolve, 60_000));
      during = claims.mock.calls.length - before;
      return upload.id;
    });
    expect(await settled(processor.process("batch"))).toMatchObject({ status: "completed", completed: 6 });
    expect(during).toBeLessThanOrEqual(1); // by the other worker, at the same moment
  });

  test("is waited for no longer when the run is cancelled, aborted or closed, or its input fails", async () => {
    for (const end of ["cancel", "abort", "close", "fail"] as const) {
      const { processor, adapters } = waiting(1, () => true, Number.POSITIVE_INFINITY);
      const controller = new AbortController();
      const failing = deferred<never>();
      async function* source() {
        yield "a";
        if (end === "fail") await failing.promise;
      }
      const held = deferred();
      processor.on("upload:settled", ({ status }) => status === "deferred" && held.resolve());
      const running = processor.processUploads(source(), { label: "run", signal: controller.signal });
      await held.promise;
      if (end === "cancel") await processor.cancel("run");
      if (end === "abort") controller.abort();
      if (end === "close") await processor.close();
      if (end === "fail") failing.reject(new Error("no input"));
      expect(await running, end).toMatchObject({ completed: 0, failed: 0, deferred: 1 });
      expect(await adapters.repository.findUpload("a"), end).toMatchObject({ status: "pending", starts: 0 });
    }
  });

  test("is one of so many at most: then nothing further is begun", async () => {
    vi.useFakeTimers();
    const { local, adapters } = chained(1500);
    let pulled = 0;
    let pulledBefore = Number.NaN;
    local.describe.mockRejectedValueOnce(down({ status: 401 }));
    local.describe.mockImplementation(async ({ upload }) => {
      if (Number.isNaN(pulledBefore)) pulledBefore = pulled;
      return upload.id;
    });
    function* source() {
      for (const { id } of ids(1500)) {
        pulled++;
        yield id;
      }
    }
    const ai = fallbackAI([local, model("never")], { when: () => false });
    const processor = new BatchProcessor({ ...adapters, ai, ...once, concurrency: 1 });
    expect(await settled(processor.processUploads(source()))).toMatchObject({ completed: 1500 });
    expect(pulledBefore).toBe(1000);
  });
});

test("a limit of calls is no upload's fault: the model that is left is asked again after what it tells", async () => {
  vi.useFakeTimers();
  const { local, cloud, adapters } = chained(8);
  local.describe.mockRejectedValue(down({ status: 401 }));
  let calls = 0;
  cloud.describe.mockImplementation(async ({ upload }) => {
    if (calls++ % 2 === 0) throw down({ status: 429, retryAfterMs: 50 });
    return `cloud of ${upload.id}`;
  });
  const processor = new BatchProcessor({ ...adapters, ai: fallbackAI([local, cloud]), ...once, concurrency: 2 });
  const begunAt = Date.now();
  expect(await settled(processor.process("batch"))).toMatchObject({ status: "completed", completed: 8, failed: 0 });
  expect(Date.now() - begunAt).toBeLessThan(10_000); // the breaker of the first is open for 30 s at least
});
