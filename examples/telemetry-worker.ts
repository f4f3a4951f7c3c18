/**
 * A worker of BullMQ whose metrics Prometheus scrapes at http://127.0.0.1:9464/metrics, until it is told to end. Uploads are enqueued
 * elsewhere, as examples/bullmq.ts does.
 *
 *     REDIS_URL=redis://localhost:6379 DATABASE_URL=postgres://localhost/photos npx tsx examples/telemetry-worker.ts
 */
import { once } from "node:events";
import { metrics } from "@opentelemetry/api";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import pg from "pg";
import { createUploadWorker } from "upload-processor/bullmq";
import { fileStorage } from "upload-processor/fs";
import { localAI } from "upload-processor/local-ai";
import { telemetry } from "upload-processor/otel";
import { postgresRepository } from "upload-processor/postgres";

const endpoint = { host: "127.0.0.1", port: Number(process.env.METRICS_PORT ?? 9464) };
const exporter = new PrometheusExporter({ ...endpoint, preventServerStart: true });
await exporter.startServer();
const meters = new MeterProvider({ readers: [exporter] });
metrics.setGlobalMeterProvider(meters); // spans: register a tracer provider in the same way

const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  connectionTimeoutMillis: 10_000,
  keepAlive: true,
});
pool.on("error", (error) => console.error(error.message));
const repository = postgresRepository(pool);
await repository.migrate();

const { hostname, port } = new URL(process.env.REDIS_URL ?? "redis://localhost:6379");
const { worker, close } = createUploadWorker(
  process.env.QUEUE ?? "uploads",
  { storage: fileStorage("examples"), ai: localAI(), repository },
  {
    plugins: [telemetry()],
    onBatchSettled: ({ batchId, counts }) => console.log(`Batch ${batchId}:`, counts),
    worker: { connection: { host: hostname, port: Number(port) }, concurrency: 8 },
  },
);
worker.on("error", (error) => console.error(error.message));
await worker.waitUntilReady();
console.log(`Serving http://${endpoint.host}:${endpoint.port}/metrics`);

await Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
await close({ graceMs: 10_000 });
await meters.shutdown();
await pool.end();
