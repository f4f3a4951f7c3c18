/**
 * Metrics for Prometheus: does seven photos and one that is lost, shows what Prometheus would see of it, and ends. A worker that is
 * scraped as it works is examples/telemetry-worker.ts.
 *
 *     npx tsx examples/telemetry.ts
 */
import { readdir } from "node:fs/promises";
import { metrics } from "@opentelemetry/api";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { BatchProcessor } from "upload-processor";
import { fileStorage } from "upload-processor/fs";
import { localAI } from "upload-processor/local-ai";
import { memoryRepository } from "upload-processor/memory";
import { telemetry } from "upload-processor/otel";

const endpoint = { host: "127.0.0.1", port: Number(process.env.METRICS_PORT ?? 9464) };
const exporter = new PrometheusExporter({ ...endpoint, preventServerStart: true });
await exporter.startServer();
const meters = new MeterProvider({ readers: [exporter] });
metrics.setGlobalMeterProvider(meters); // spans: register a tracer provider in the same way

const photos = (await readdir("examples/photos")).filter((name) => !name.endsWith(".md"));
const uploads = [...photos, "lost.jpg"].map((id) => ({ id, storageKey: `photos/${id}`, status: "pending" as const }));
const processor = new BatchProcessor({
  storage: fileStorage("examples"),
  ai: localAI(),
  repository: memoryRepository({ uploads }),
  plugins: [telemetry()],
});
await processor.processUploads(uploads, { label: "photos" });

const scraped = await (await fetch(`http://${endpoint.host}:${endpoint.port}/metrics`)).text();
const isShown = (line: string) => line.startsWith("upload_processor") && !line.includes("_bucket");
console.log(scraped.split("\n").filter(isShown).join("\n"));
await processor.close();
await meters.shutdown();
