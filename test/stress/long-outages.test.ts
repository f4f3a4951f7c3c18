import { setTimeout as later } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { memoryRepository } from "../../src/adapters/memory.js";
import { postgresRepository } from "../../src/adapters/postgres.js";
import { BatchProcessor, type UploadRecord } from "../../src/index.js";
import { ids, jpeg } from "../support/fakes.js";
import { OutageService } from "../support/outage-service.js";
import { findPostgres, PostgresServer } from "../support/postgres-server.js";

/** Outages of half a minute by a real clock: no upload fails by them, and nothing finished is paid for twice. */
const DOWN_MS = 30_000;
const UPLOADS = 500;
const storage = { open: async () => ({ bytes: jpeg }), write: async () => {}, delete: async () => {} };

test.each([1, 64])(
  "the service refuses connections for 30 s, %i uploads at once",
  async (concurrency) => {
    const service = new OutageService();
    await service.open();
    onTestFinished(() => service.close());
    const repository = memoryRepository<UploadRecord>({
      uploads: ids(UPLOADS),
      batches: [{ id: "batch", status: "pending" }],
    });
    const { ai } = service;
    const processor = new BatchProcessor({
      storage,
      ai,
      repository,
      thumbnail: false,
      concurrency,
      retry: { maxAttempts: 1 },
      breaker: { cooldownMs: 2000 },
    });
    const pauses: string[] = [];
    processor.on("batch:paused", ({ reason }) => pauses.push(reason));
    processor.on("batch:resumed", () => pauses.push("resumed"));
    let settledUploads = 0;
    const reached = new Promise<void>((resolve) => {
      processor.on("upload:settled", () => {
        if (++settledUploads === UPLOADS / 5) resolve();
      });
    });
    const processing = processor.process("batch");
    await reached;
    await service.close();
    await later(DOWN_MS);
    await service.open();
    expect(await processing).toMatchObject({ status: "completed", completed: UPLOADS, failed: 0 });
    expect(pauses).toEqual(["service", "resumed"]);
    expect(service.callsWhileDown).toBeGreaterThan(0);
    expect(service.callsWhileDown).toBeLessThanOrEqual(40);
    expect(service.answered.size).toBe(UPLOADS);
  },
  300_000,
);

describe.skipIf(findPostgres() === undefined)("PostgreSQL (where it is installed)", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await PostgresServer.start();
  });
  afterAll(() => server.stop());

  test.each(["restart", "crash"] as const)(
    "is gone for 30 s in mid-batch (%s)",
    async (how) => {
      const pool = new pg.Pool({ connectionString: server.url });
      pool.on("error", () => {});
      onTestFinished(() => pool.end());
      const tables = { uploads: `uploads_${how}`, batches: `batches_${how}` };
      const repository = postgresRepository(pool, { tables, vector: "array" });
      await repository.migrate();
      await repository.addBatch({ id: "batch" });
      await repository.addUploads(ids(UPLOADS));
      const described = new Map<string, number>();
      const processor = new BatchProcessor({
        storage,
        ai: {
          describe: async ({ upload: { id } }) => {
            described.set(id, (described.get(id) ?? 0) + 1);
            await later(20);
            return `a photo of ${id}`;
          },
          embed: async () => [1, 2, 3],
        },
        repository,
        thumbnail: false,
        concurrency: 8,
      });
      const pauses: string[] = [];
      processor.on("batch:paused", ({ reason }) => pauses.push(reason));
      processor.on("batch:resumed", () => pauses.push("resumed"));
      let settledUploads = 0;
      const reached = new Promise<void>((resolve) => {
        processor.on("upload:settled", () => {
          if (++settledUploads === UPLOADS / 5) resolve();
        });
      });
      const processing = processor.process("batch");
      await reached;
      await server.again(how, DOWN_MS);
      expect(await processing).toMatchObject({ status: "completed", completed: UPLOADS, failed: 0 });
      expect(pauses.slice(0, 2)).toEqual(["repository", "resumed"]);
      expect(await repository.countUploads({ batchId: "batch" })).toEqual({ completed: UPLOADS });
      // Finished results waited in memory: nothing was paid for twice.
      expect([...described.values()].filter((times) => times > 1)).toEqual([]);
    },
    300_000,
  );
});
