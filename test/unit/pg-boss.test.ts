import type { JobResult, PgBoss } from "pg-boss";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ConfigurationError, type UploadRecord } from "../../src/index.js";
import { UploadWork } from "../../src/integrations/engine/upload-work.js";
import { handlerOf } from "../../src/integrations/pg-boss/handler.js";
import type { UploadJob } from "../../src/integrations/pg-boss/job-types.js";
import { requireVersions } from "../../src/integrations/pg-boss/versions.js";
import { closeUploads, enqueueUploads, uploadJobHandler, workUploads } from "../../src/integrations/pg-boss.js";
import { untilAborted, uploadOf, type World, worldOf } from "../support/fakes.js";
import { isNodeTooOld } from "../support/pg-boss.js";

const method = () => {};
const current = { findJobs: method, update: method, getWipData: method, notifyWorker: method } as unknown as PgBoss;

test.each([{ ...current, findJobs: undefined }, {}, null])("a pg-boss that is too old is refused: %o", (boss) => {
  const check = () => requireVersions(boss as PgBoss, "22.12.0");
  expect(check).toThrow(ConfigurationError);
  expect(check).toThrow(/expected pg-boss 12\.38 or newer.*without findJobs: npm install pg-boss@12/);
});

describe("the version of Node", () => {
  test.each(["22.12.0", "22.23.3", "24.0.0"])("%s is taken", (version) => {
    expect(() => requireVersions(current, version)).not.toThrow();
  });

  test.each(["20.9.0", "22.11.9", "21.99.0"])("%s is refused, with the remedy", (version) => {
    expect(() => requireVersions(current, version)).toThrow(ConfigurationError);
    expect(() => requireVersions(current, version)).toThrow(
      new RegExp(`expected Node 22.12 or newer.*got ${version}; run this`),
    );
  });

  test.runIf(isNodeTooOld)("every function says it before it does anything", async () => {
    const boss = {} as PgBoss;
    const world = worldOf([]);
    await expect(workUploads(boss, "uploads", world)).rejects.toThrow(/expected Node 22\.12/);
    await expect(enqueueUploads(boss, "uploads", [])).rejects.toThrow(/expected Node 22\.12/);
    await expect(closeUploads(boss, "uploads")).rejects.toThrow(/expected Node 22\.12/);
    expect(() => uploadJobHandler(boss, world)).toThrow(/expected Node 22\.12/);
  });
});

/** What the handler uses of pg-boss. `affected` tells how many jobs a fenced call still finds. */
function fakeBoss({ affected = 1, transactions = true } = {}) {
  const calls: string[] = [];
  const call = (name: string) => vi.fn(async () => void calls.push(name));
  const transaction = { db: { executeSql: vi.fn() }, commit: call("commit"), rollback: call("rollback") };
  const counted = (name: string) =>
    vi.fn(async (..._: unknown[]) => {
      calls.push(name);
      return { affected };
    });
  const boss = {
    getDb: () => (transactions ? { beginTransaction: async () => transaction } : {}),
    cancel: counted("cancel"),
    fail: counted("fail"),
    resume: counted("resume"),
    update: counted("update"),
    getWipData: () => [
      { id: "busy", name: "uploads", count: 1 },
      { id: "idle", name: "uploads", count: 0 },
      { id: "other", name: "others", count: 1 },
    ],
    notifyWorker: vi.fn(),
    listenerCount: () => 0,
  };
  return { boss, calls, transaction };
}

function jobOf(uploadId: string, changes: object = {}): UploadJob {
  const { signal } = new AbortController();
  const counts = { retryCount: 0, retryLimit: 0 };
  return { id: "job", name: "uploads", data: { uploadId }, signal, ...counts, ...changes } as UploadJob;
}

async function handle(boss: object, world: World, job: UploadJob): Promise<JobResult | undefined> {
  const work = new UploadWork(world, { thumbnail: false }, () => {});
  const results = await handlerOf(boss as PgBoss, work)([job]);
  await work.close();
  return results[0];
}

describe.skipIf(isNodeTooOld)("closing", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** Closing `boss`, while `job` is in work or nothing is; answers what was told when it has ended. */
  async function close({ job, world = worldOf([]) }: { job?: UploadJob; world?: World } = {}): Promise<string[]> {
    const told: string[] = [];
    const emit = (_: string, { message }: Error) => told.push(message);
    const { boss } = fakeBoss();
    const fake = { ...boss, ...current, listenerCount: () => 1, emit, offWork: () => new Promise(() => {}) };
    if (job !== undefined) {
      void uploadJobHandler(fake as unknown as PgBoss, world, { thumbnail: false })([job as never]);
      await vi.waitUntil(() => world.ai.describe.mock.calls.length === 1);
    }
    const closed = closeUploads(fake as unknown as PgBoss, "uploads", { graceMs: 1000 });
    await vi.advanceTimersByTimeAsync(10_999);
    expect(told).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    await closed;
    return told;
  }

  test("ends when the database of pg-boss does not answer, and says so", async () => {
    expect(await close()).toEqual(["Not all could be closed in time: the database of pg-boss does not answer"]);
  });

  test("ends when the repository does not answer, and says how many uploads are in work", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockImplementation((_, { signal }) => untilAborted(signal));
    const repository = { ...world.repository, updateUpload: () => new Promise<never>(() => {}) };
    expect(await close({ job: jobOf("a"), world: { ...world, repository } })).toEqual([
      expect.stringMatching(/1 upload is still in work, .*repository/),
    ]);
  });
});

describe("the handler", () => {
  test("completes a job, and wakes the workers of its queue that are at work", async () => {
    const { boss, calls } = fakeBoss();
    const result = await handle(boss, worldOf([uploadOf("a")]), jobOf("a"));
    const output = { status: "completed", durationMs: expect.any(Number) };
    expect(result).toEqual({ id: "job", status: "completed", output });
    expect(calls).toEqual([]);
    expect(boss.notifyWorker.mock.calls).toEqual([["busy"]]);
  });

  test.each([
    [true, ["cancel", "resume", "update", "commit"]],
    [false, ["cancel", "resume", "update"]],
  ])("puts a job back, in one transaction where the database knows any (%s)", async (transactions, expected) => {
    const { boss, calls } = fakeBoss({ transactions });
    const world = worldOf([uploadOf("a")]);
    await world.repository.claimUpload("a", { leaseMs: 60_000, token: "another" });
    const job = jobOf("a", { data: { uploadId: "a", waits: 2 }, retryCount: 3, retryLimit: 4 });
    expect(await handle(boss, world, job)).toMatchObject({ status: "failed" });
    expect(calls).toEqual(expected);
    expect(boss.cancel.mock.calls[0]?.slice(0, 2)).toEqual(["uploads", { id: "job", retryCount: 3 }]);
    const changes = { id: "job", retryLimit: 5, startAfter: expect.any(Number) };
    expect(boss.update.mock.calls[0]).toEqual([
      "uploads",
      { uploadId: "a", waits: 3 },
      expect.objectContaining(changes),
    ]);
  });

  test("leaves a job alone that is no longer its own", async () => {
    const { boss, calls } = fakeBoss({ affected: 0 });
    const world = worldOf([uploadOf("a")]);
    await world.repository.claimUpload("a", { leaseMs: 60_000, token: "another" });
    await handle(boss, world, jobOf("a"));
    expect(calls).toEqual(["cancel", "commit"]);
  });

  test("says nothing of a job whose signal was aborted", async () => {
    const { boss, calls } = fakeBoss();
    const world = worldOf([uploadOf("a")]);
    const claim = new AbortController();
    world.ai.describe.mockImplementation((_, { signal }) => {
      claim.abort(new Error("no longer active"));
      return untilAborted(signal);
    });
    expect(await handle(boss, world, jobOf("a", { signal: claim.signal }))).toMatchObject({ status: "failed" });
    expect(calls).toEqual([]);
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "pending", starts: 0 });
  });

  test("fails a job that cannot be put back, and rolls back", async () => {
    const { boss, calls } = fakeBoss();
    boss.update.mockRejectedValue(new Error("the database is away"));
    const world = worldOf([uploadOf("a")]);
    await world.repository.claimUpload("a", { leaseMs: 60_000, token: "another" });
    const output = { message: "the database is away" };
    expect(await handle(boss, world, jobOf("a"))).toEqual({ id: "job", status: "failed", output });
    expect(calls).toEqual(["cancel", "resume", "rollback"]);
  });

  test("counts the attempts without the waits", async () => {
    const { boss } = fakeBoss();
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValue(new Error("boom"));
    const first = jobOf("a", { data: { uploadId: "a", waits: 3 }, retryCount: 3, retryLimit: 4 });
    expect(await handle(boss, world, first)).toMatchObject({ status: "failed" });
    const last = { ...first, retryCount: 4 };
    expect(await handle(boss, world, last)).toMatchObject({ status: "deadletter", output: { message: "boom" } });
  });

  test("settles the upload when the last attempt ends in what nobody expects", async () => {
    const { boss, calls } = fakeBoss();
    const world = worldOf([uploadOf("a")]);
    const work = new UploadWork<UploadRecord>(world, {}, () => {});
    work.run = () => Promise.reject(new Error("odd"));
    const all = handlerOf(boss as unknown as PgBoss, work);
    expect(await all([jobOf("a", { retryLimit: 1 })])).toMatchObject([
      { status: "failed", output: { message: "odd" } },
    ]);
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "pending" });
    expect(await all([jobOf("a", { retryCount: 1, retryLimit: 1 })])).toMatchObject([{ status: "deadletter" }]);
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "failed", errorCode: "ENGINE_GAVE_UP" });
    expect(calls).toEqual([]);
  });

  test("says when it gets no metadata", async () => {
    const job = jobOf("a", { retryLimit: undefined });
    await expect(handle(fakeBoss().boss, worldOf([]), job)).rejects.toThrow(/includeMetadata: true/);
  });
});
