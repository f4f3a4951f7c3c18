/**
 * Photos as jobs of pg-boss, in the database that has their rows, so that both are there or neither. Needs Node 22.12.
 *
 *     DATABASE_URL=postgres://localhost/photos npx tsx examples/pg-boss.ts
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { PgBoss } from "pg-boss";
import { fileStorage } from "upload-processor/fs";
import { localAI } from "upload-processor/local-ai";
import { closeUploads, enqueueUploads, workDeadLetters, workUploads } from "upload-processor/pg-boss";
import { postgresRepository } from "upload-processor/postgres";

const connectionString = process.env.DATABASE_URL ?? "postgres://localhost/photos";
const pool = new pg.Pool({ connectionString, connectionTimeoutMillis: 10_000, keepAlive: true });
pool.on("error", (error) => console.error(error.message));
const repository = postgresRepository(pool);
await repository.migrate();

const boss = new PgBoss({ connectionString, schema: process.env.PGBOSS_SCHEMA ?? "pgboss" });
boss.on("error", (error) => console.error(error.message));
await boss.start();
const [name, dead] = ["uploads", "uploads-dead"];
await boss.createQueue(dead);
const retries = { retryLimit: 3, retryDelay: 1, retryBackoff: true };
await boss.createQueue(name, { policy: "exclusive", heartbeatSeconds: 60, deadLetter: dead, ...retries });

// The web process: rows and jobs in one transaction.
const batchId = randomUUID();
const files = ["astronaut.jpg", "cat.png", "coffee.webp", "hubble.jpg", "rocket.jpg"];
const uploads = files.map((fileName) => ({ id: randomUUID(), batchId, fileName, storageKey: `photos/${fileName}` }));
const client = await pool.connect();
await client.query("begin");
const rows = postgresRepository(client);
await rows.addBatch({ id: batchId });
await rows.addUploads(uploads);
const db = { executeSql: (text: string, values?: unknown[]) => client.query(text, values) };
const { added } = await enqueueUploads(boss, name, uploads, { db });
await client.query("commit");
client.release();
console.log(`${added} jobs`);

// A worker process.
const adapters = { storage: fileStorage("examples"), ai: localAI(), repository };
await workUploads(boss, name, adapters, { work: { localConcurrency: 2 } });
await workDeadLetters(boss, dead, { repository });
process.once("SIGTERM", () => closeUploads(boss, name).then(() => boss.stop()));

// Neither: this program ends when the batch has.
while ((await repository.findBatch(batchId))?.status !== "completed") await sleep(50);
for (const { fileName, description } of await repository.listUploads({ batchId }, { limit: 10 }))
  console.log(`${fileName}: ${description}`);
await closeUploads(boss, name);
await boss.stop();
await pool.end();
