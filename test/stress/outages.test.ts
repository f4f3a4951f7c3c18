import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as later } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { memoryRepository, memoryStorage } from "../../src/adapters/memory.js";
import { postgresRepository } from "../../src/adapters/postgres.js";
import { type Media, processUploadWithRetry } from "../../src/index.js";
import { randomFrom } from "../../src/testing/random.js";
import { resultOf, siteWith, UPLOADS, verdictOn } from "../support/crash-site.js";
import { CuttingProxy } from "../support/cutting-proxy.js";
import { photo } from "../support/images.js";
import { findPostgres, PostgresServer } from "../support/postgres-server.js";
import { SmallDisk } from "../support/small-disk.js";
import { readLedger } from "./crash/ledger.js";
import { BATCH } from "./crash/plan.js";
import { pgliteIn } from "./crash/site.js";
import { connect, TABLES } from "./crash/store.js";
import { isWholeJpeg } from "./crash/verdict.js";
import { WorkerProcess } from "./crash/worker-process.js";

/** Nobody died, so nothing was to be paid for twice. */
const NOTHING_LOST = { problems: [], extraDescribes: 0, temporaryFiles: 0 };

describe.skipIf(findPostgres() === undefined)("PostgreSQL (where it is installed)", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await PostgresServer.start();
  });
  afterAll(() => server.stop());

  test.each(["crash", "restart"] as const)(
    "a %s of the server in mid-batch is waited out",
    async (how) => {
      const { plan } = await siteWith(() => ({ kind: "postgres", url: server.url }));
      const workers = [1, 2, 3].map(() => new WorkerProcess(plan));
      await Promise.all(workers.map(({ working }) => working));
      await later(200);
      await server.again(how, 500);
      for (const ended of await Promise.all(workers.map(({ ended }) => ended)))
        expect(resultOf(ended)).toMatchObject({ status: "completed" });
      expect(await verdictOn(plan)).toMatchObject(NOTHING_LOST);
    },
    90_000,
  );

  test("connections that are cut at random, before answers too, cost no upload and no description", async () => {
    const random = randomFrom("cuts");
    const proxy = await CuttingProxy.start(server.port, () => random() < 0.05);
    onTestFinished(() => proxy.stop());
    const { plan } = await siteWith(() => ({ kind: "postgres", url: server.url }));
    const url = server.url.replace(String(server.port), String(proxy.port));
    const cutOff = { ...plan, leaseMs: 4000, store: { kind: "postgres", url } } as const;
    const workers = [1, 2].map(() => new WorkerProcess(cutOff));
    for (const ended of await Promise.all(workers.map(({ ended }) => ended)))
      expect(resultOf(ended)).toMatchObject({ status: "completed" });
    expect(proxy.cuts).toBeGreaterThan(3);
    expect(await verdictOn(plan)).toMatchObject(NOTHING_LOST);
  });
});

const mountable = SmallDisk.make(1);
mountable?.remove();

describe.skipIf(mountable === undefined)("a full disk (where one can be mounted)", () => {
  function smallDisk(megabytes: number): SmallDisk {
    const disk = SmallDisk.make(megabytes);
    if (disk === undefined) throw new Error("Nothing can be mounted any more");
    onTestFinished(() => disk.remove());
    return disk;
  }

  test("under the database: for a moment, and nobody notices", async () => {
    const disk = smallDisk(80);
    const { plan } = await siteWith(() => pgliteIn(disk.folder));
    const worker = new WorkerProcess(plan);
    await worker.working;
    disk.fill(0);
    await later(1500);
    disk.makeRoom();
    expect(resultOf(await worker.ended)).toMatchObject({ status: "completed" });
    expect(await verdictOn(plan)).toMatchObject(NOTHING_LOST);
  });

  test("under the database: for long, and the batch waits for room, pays for nothing in vain, and loses nothing", async () => {
    const disk = smallDisk(80);
    const { plan } = await siteWith(() => pgliteIn(disk.folder));
    const worker = new WorkerProcess({ ...plan, leaseMs: 1000, concurrency: 5 });
    await worker.working;
    disk.fill(0);
    await worker.paused;
    const paidBefore = readLedger(plan.ledger).describes;
    await later(5000); // five leases
    // What was in work is described, and its result kept; nothing else is begun.
    expect(readLedger(plan.ledger).describes).toBeLessThanOrEqual(Math.min(UPLOADS - 1, paidBefore + 5));
    disk.makeRoom();
    expect(resultOf(await worker.ended)).toMatchObject({ status: "completed" });
    const { problems, extraDescribes } = await verdictOn(plan);
    expect(problems).toEqual([]);
    // A full disk takes one write or another: an upload whose own fail beside those is given up, and done again.
    expect(extraDescribes).toBeLessThanOrEqual(5);
  }, 180_000);

  test("under the thumbnails: uploads are completed without one, and nothing half-written stays behind", async () => {
    const disk = smallDisk(4);
    const { plan } = await siteWith((site) => pgliteIn(site.folder));
    cpSync(plan.objects, disk.folder, { recursive: true });
    disk.fill(20_000);
    const worker = new WorkerProcess({ ...plan, objects: disk.folder, concurrency: 8 });
    expect(resultOf(await worker.ended)).toMatchObject({ status: "completed" });
    const { client, close } = await connect(plan.store);
    const uploads = await postgresRepository(client, { tables: TABLES }).listUploads(
      { batchId: BATCH },
      { limit: UPLOADS },
    );
    await close();
    const recorded = uploads.flatMap(({ thumbnailKey }) => thumbnailKey ?? []);
    expect(uploads.map(({ status }) => status)).toEqual(Array(UPLOADS).fill("completed"));
    expect(recorded.length).toBeLessThan(UPLOADS);
    expect(
      readdirSync(join(disk.folder, "thumbnails"))
        .map((name) => `thumbnails/${name}`)
        .sort(),
    ).toEqual(recorded.sort());
    for (const key of recorded) expect(isWholeJpeg(join(disk.folder, key))).toBe(true);
  }, 180_000); // each of them is tried five times

  test("under the temporary files: what arrives as a stream fails, and is done when there is room", async () => {
    const disk = smallDisk(2);
    vi.stubEnv("TMPDIR", disk.folder);
    onTestFinished(() => void vi.unstubAllEnvs());
    disk.fill(10_000);
    const repository = memoryRepository({ uploads: [{ id: "1", storageKey: "hubble.jpg", status: "pending" }] });
    const hubble = photo("hubble.jpg");
    const storage = { ...memoryStorage(), open: async () => ({ stream: Readable.from([hubble]) }) };
    const adapters = { storage, ai: { describe: async (media: Media) => `at ${await media.path()}` }, repository };
    const result = await processUploadWithRetry("1", adapters, { retry: { maxAttempts: 1 } });
    expect(result).toMatchObject({ status: "failed", error: { code: "STORAGE_FAILED", retryable: true } });
    expect(readdirSync(disk.folder)).toEqual(["filler"]);
    disk.makeRoom();
    expect(await processUploadWithRetry("1", adapters, { rerun: "retry" })).toMatchObject({
      status: "completed",
    });
    expect(readdirSync(disk.folder)).toEqual([]);
  });
});
