/**
 * Photos as jobs of BullMQ. The first half belongs into the web process, the second into workers, of which there may be many; kill
 * one, and another goes on behind what it has stored.
 *
 *     REDIS_URL=redis://localhost:6379 DATABASE_URL=postgres://localhost/photos npx tsx examples/bullmq.ts
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Queue } from "bullmq";
import pg from "pg";
import { createUploadWorker, enqueueUploads } from "upload-processor/bullmq";
import { fileStorage } from "upload-processor/fs";
import { localAI } from "upload-processor/local-ai";
import { postgresRepository } from "upload-processor/postgres";

const { hostname, port } = new URL(process.env.REDIS_URL ?? "redis://localhost:6379");
const connection = { host: hostname, port: Number(port) };
const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  connectionTimeoutMillis: 10_000,
  keepAlive: true,
});
pool.on("error", (error) => console.error(error.message));
const repository = postgresRepository(pool);
await repository.migrate();

// The web process: the rows first, then their jobs.
const name = process.env.QUEUE ?? "uploads";
const queue = new Queue(name, { connection });
const batchId = randomUUID();
const files = ["astronaut.jpg", "cat.png", "coffee.webp", "hubble.jpg", "rocket.jpg"];
const uploads = files.map((fileName) => ({ id: randomUUID(), batchId, fileName, storageKey: `photos/${fileName}` }));
await repository.addBatch({ id: batchId });
await repository.addUploads(uploads);
const { added } = await enqueueUploads(queue, uploads, {
  attempts: 3,
  backoff: { type: "exponential", delay: 1000 },
  removeOnComplete: true,
});
console.log(`${added} jobs`);

// A worker process.
const adapters = { storage: fileStorage("examples"), ai: localAI(), repository };
const { worker, close } = createUploadWorker(name, adapters, { worker: { connection, concurrency: 2 } });
worker.on("error", (error) => console.error(error.message));
worker.on("completed", (job, { status, durationMs }) =>
  console.log(`${job.data.uploadId} ${status} in ${durationMs} ms`),
);
worker.on("failed", (job, { message }) => console.log(`${job?.data.uploadId}: ${message}`));
process.once("SIGTERM", () => close());

// Neither: this program ends when the batch has.
while ((await repository.findBatch(batchId))?.status !== "completed") await sleep(50);
for (const { fileName, description } of await repository.listUploads({ batchId }, { limit: 10 }))
  console.log(`${fileName}: ${description}`);
await close();
await queue.close();
await pool.end();
