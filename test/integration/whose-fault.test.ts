import { beforeAll, describe, expect, test, vi } from "vitest";
import { memoryRepository } from "../../src/adapters/memory.js";
import { BatchProcessor, ConfigurationError, createRuntime, processUploadWithRetry } from "../../src/index.js";
import { settled, useFakeTime } from "../support/fake-time.js";
import { ids, jpeg, worldOf } from "../support/fakes.js";
import { ACCOUNT_ERRORS, refused, unavailable } from "../support/model-service.js";

/** What one upload comes to by whose fault it is, with somebody who comes back and without. */
useFakeTime();

beforeAll(async () => {
  vi.useRealTimers();
  const { repository, storage, ai } = worldOf(ids(1));
  await new BatchProcessor({ repository, storage, ai }).process("batch");
});

const ID = "u0000";

/** One upload whose model throws, or one of many. */
function world(error: () => Error, uploads = 1) {
  const repository = memoryRepository({ uploads: ids(uploads), batches: [{ id: "batch", status: "pending" }] });
  const storage = { open: async () => ({ bytes: jpeg }), write: async () => {}, delete: async () => {} };
  const describe = vi.fn(async () => Promise.reject<string>(error()));
  const ai = { describe };
  const stored = async () => {
    const { status, starts = 0, errorCode = null } = (await repository.findUpload(ID)) ?? {};
    return { status, starts: starts ?? 0, errorCode: errorCode ?? null };
  };
  return { adapters: { repository, storage, ai }, describe, repository, stored };
}

const OPEN = { status: "pending", starts: 0, errorCode: null };
const none = { thumbnail: false, retry: { maxAttempts: 2 } } as const;
const boom = () => new Error("boom");
const services = { "connection refused": refused, "503": unavailable };

describe.each(Object.entries(services))("the service's fault (%s)", (_, error) => {
  test("a single call has nobody who comes back: after its attempts the upload is failed", async () => {
    const { adapters, describe, stored } = world(error);
    const result = await settled(processUploadWithRetry(ID, adapters, none));
    expect(result).toMatchObject({
      status: "failed",
      attempts: 2,
      error: { code: "DESCRIBE_FAILED", fault: "service" },
    });
    expect(describe).toHaveBeenCalledTimes(2);
    expect(await stored()).toMatchObject({ status: "failed", errorCode: "DESCRIBE_FAILED" });
  });

  test("with a runtime it is handed back, uncounted", async () => {
    const { adapters, stored } = world(error);
    const result = await settled(processUploadWithRetry(ID, adapters, { ...none, runtime: createRuntime() }));
    expect(result).toMatchObject({ status: "deferred", countsAsAttempt: false, error: { fault: "service" } });
    expect(await stored()).toEqual(OPEN);
  });

  test.each([1, 3])("at attempt %i of an engine's 3 it is handed back, and no attempt is used up", async (number) => {
    const { adapters, describe, stored } = world(error);
    const attempt = { number, max: 3 };
    const result = await settled(processUploadWithRetry(ID, adapters, { thumbnail: false, attempt }));
    expect(result).toMatchObject({ status: "deferred", countsAsAttempt: false });
    expect(describe).toHaveBeenCalledTimes(1);
    expect(await stored()).toEqual(OPEN);
  });

  test("while the breaker is open no call is made, and the engine is told when to come", async () => {
    const { adapters, describe, stored } = world(error);
    const runtime = createRuntime({ breaker: { threshold: 2 } });
    await settled(processUploadWithRetry(ID, adapters, { ...none, runtime }));
    const result = await processUploadWithRetry(ID, adapters, { ...none, runtime, attempt: { number: 1, max: 1 } });
    expect(result).toMatchObject({ status: "deferred", countsAsAttempt: false, error: { code: "CIRCUIT_OPEN" } });
    const { retryAfterMs = 0 } = result as { retryAfterMs?: number };
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(30_000);
    expect(describe).toHaveBeenCalledTimes(2);
    expect(await stored()).toEqual(OPEN);
  });
});

test("the service's fault, and it says that it is well: the engine's attempts are used up, and then it is failed", async () => {
  const { adapters, stored } = world(unavailable);
  const well = { ...adapters, ai: { ...adapters.ai, checkHealth: async () => {} } };
  const attempt = (number: number) =>
    settled(processUploadWithRetry(ID, well, { thumbnail: false, attempt: { number, max: 2 } }));
  expect(await attempt(1)).toMatchObject({ status: "deferred", countsAsAttempt: true });
  expect(await attempt(2)).toMatchObject({ status: "failed" });
  expect(await stored()).toMatchObject({ status: "failed", errorCode: "DESCRIBE_FAILED" });
});

test("a 429 with a hint never uses up an attempt", async () => {
  const { adapters, stored } = world(() =>
    Object.assign(new Error("slow down"), { status: 429, headers: { "retry-after": "7" } }),
  );
  const well = { ...adapters, ai: { ...adapters.ai, checkHealth: async () => {} } };
  const attempt = { number: 3, max: 3 };
  const result = await settled(processUploadWithRetry(ID, well, { thumbnail: false, attempt }));
  expect(result).toMatchObject({ status: "deferred", countsAsAttempt: false, retryAfterMs: 7000 });
  expect(await stored()).toEqual(OPEN);
});

describe.each(Object.entries(ACCOUNT_ERRORS))("the account's fault (%s)", (_, error) => {
  test("a single call fails at once", async () => {
    const { adapters, describe, stored } = world(error);
    const result = await settled(processUploadWithRetry(ID, adapters, { ...none, retry: { maxAttempts: 5 } }));
    expect(result).toMatchObject({ status: "failed", error: { code: "ACCOUNT_REFUSED" } });
    expect(describe).toHaveBeenCalledTimes(1);
    expect(await stored()).toMatchObject({ status: "failed", errorCode: "ACCOUNT_REFUSED" });
  });

  test.each([{ runtime: createRuntime() }, { attempt: { number: 3, max: 3 } }])(
    "with %o it waits",
    async (somebody) => {
      const { adapters, describe, stored } = world(error);
      const result = await settled(processUploadWithRetry(ID, adapters, { thumbnail: false, ...somebody }));
      expect(result).toMatchObject({ status: "deferred", countsAsAttempt: false, error: { code: "ACCOUNT_REFUSED" } });
      expect(describe).toHaveBeenCalledTimes(1);
      expect(await stored()).toEqual(OPEN);
    },
  );
});

describe("the upload's fault", () => {
  test.each([{}, { runtime: createRuntime() }])("it is failed, whoever comes back: %o", async (somebody) => {
    const { adapters, stored } = world(boom);
    const result = await settled(processUploadWithRetry(ID, adapters, { ...none, ...somebody }));
    expect(result).toMatchObject({ status: "failed", attempts: 2 });
    expect(await stored()).toMatchObject({ status: "failed", errorCode: "DESCRIBE_FAILED" });
  });

  test("an engine's attempts are used up first, and count", async () => {
    const { adapters, stored } = world(boom);
    const first = await settled(processUploadWithRetry(ID, adapters, { attempt: { number: 1, max: 2 } }));
    expect(first).toMatchObject({ status: "deferred", countsAsAttempt: true });
    expect(await stored()).toMatchObject({ status: "pending" });
    const last = await settled(processUploadWithRetry(ID, adapters, { attempt: { number: 2, max: 2 } }));
    expect(last).toMatchObject({ status: "failed" });
  });
});

const deployment = {
  "a model that is not there": () => Object.assign(new Error('model "llava" not found'), { status: 404 }),
  "a package that is not there": () =>
    Object.assign(new Error("Cannot find package 'sharp'"), { code: "ERR_MODULE_NOT_FOUND" }),
  "an adapter that says so": () => new ConfigurationError("sharp could not be loaded. Install it"),
};

describe.each(Object.entries(deployment))("the deployment's fault (%s)", (_, error) => {
  test.each([{}, { runtime: createRuntime() }, { attempt: { number: 1, max: 1 } }])(
    "the call rejects, and the upload is as it was: %o",
    async (somebody) => {
      const { adapters, describe, stored } = world(error);
      const working = processUploadWithRetry(ID, adapters, { thumbnail: false, ...somebody });
      await expect(settled(working)).rejects.toMatchObject({ code: "INVALID_CONFIGURATION", fault: "deployment" });
      expect(describe).toHaveBeenCalledTimes(1);
      expect(await stored()).toEqual(OPEN);
    },
  );

  test("a batch ends at once, with what is open left open", async () => {
    const { adapters, describe, repository } = world(error, 100);
    const result = await settled(new BatchProcessor({ ...adapters, ...none, concurrency: 4 }).process("batch"));
    expect(result).toMatchObject({ status: "failed", failed: 0, error: { code: "INVALID_CONFIGURATION" } });
    expect(describe.mock.calls.length).toBeLessThanOrEqual(4);
    const uploads = await repository.listUploads({ batchId: "batch" }, { limit: 1000 });
    expect(uploads.filter(({ status, starts }) => status !== "pending" || (starts ?? 0) !== 0)).toEqual([]);
    expect(await repository.findBatch("batch")).toMatchObject({ status: "failed" });
  });
});

describe("a column that the store lacks, found out by the write of a result", () => {
  /** Takes no write that has the stamp of the models. */
  function withoutStamp(uploads: number) {
    const { repository, storage, ai } = worldOf(ids(uploads));
    const lacks = (changes: object) => "aiVersion" in changes;
    const updateUpload: typeof repository.updateUpload = async (id, changes, claim) => {
      if (lacks(changes)) throw Object.assign(new Error('column "ai_version" does not exist'), { code: "42703" });
      return repository.updateUpload(id, changes, claim);
    };
    return {
      adapters: { repository: { ...repository, updateUpload }, storage, ai: { ...ai, version: "1" } },
      repository,
    };
  }

  test("each call rejects, and the upload is handed back uncounted: it never comes into quarantine", async () => {
    const { adapters, repository } = withoutStamp(1);
    for (let call = 1; call <= 5; call++) {
      await expect(settled(processUploadWithRetry(ID, adapters, none))).rejects.toThrow(/ai_version" does not exist/);
      expect(await repository.findUpload(ID)).toMatchObject({ status: "pending", starts: 0 });
    }
  });

  test("in a batch, too", async () => {
    const { adapters, repository } = withoutStamp(6);
    for (let run = 1; run <= 5; run++) {
      const result = await settled(new BatchProcessor({ ...adapters, thumbnail: false }).process("batch"));
      expect(result).toMatchObject({ status: "failed", error: { fault: "deployment" } });
    }
    const uploads = await repository.listUploads({ batchId: "batch" }, { limit: 10 });
    for (const { status, starts } of uploads)
      expect({ status, starts: starts ?? 0 }).toEqual({ status: "pending", starts: 0 });
  });
});

test("an answer that comes with the abort and is refused by the store: handed back uncounted, with what is stored", async () => {
  const { repository, storage, ai } = worldOf(ids(1));
  const controller = new AbortController();
  const updateUpload: typeof repository.updateUpload = async (id, changes, claim) => {
    if (changes.embedding == null) return repository.updateUpload(id, changes, claim);
    throw Object.assign(new Error("expected 3 dimensions"), { code: "22000" });
  };
  ai.embed.mockImplementation(async () => {
    controller.abort();
    return [1, 2];
  });
  const adapters = { repository: { ...repository, updateUpload }, storage, ai };
  const result = await settled(processUploadWithRetry(ID, adapters, { ...none, signal: controller.signal }));
  expect(result.status).toBe("aborted");
  const stored = { status: "pending", starts: 0, description: `A photo of ${ID}` };
  expect(await repository.findUpload(ID)).toMatchObject(stored);
});
