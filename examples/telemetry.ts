/**
 * Metrics for Prometheus: what the library does, at an address that is scraped.
 *
 *     npx tsx examples/telemetry.ts            works, shows what Prometheus would see, and ends
 *     npx tsx examples/telemetry.ts --serve    goes on serving http://127.0.0.1:9464/metrics until Ctrl+C
 */
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { metrics } from "@opentelemetry/api";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { BatchProcessor } from "upload-processor";
import { fileStorage } from "upload-processor/fs";
import { localAI } from "upload-processor/local-ai";
import { memoryRepository } from "upload-processor/memory";
import { telemetry } from "upload-processor/otel";

const port = Number(process.env.METRICS_PORT ?? 9464);
const exporter = new PrometheusExporter({ host: "127.0.0.1", port, preventServerStart: true });
await exporter.startServer();
const meters = new MeterProvider({ readers: [exporter] });
metrics.setGlobalMeterProvider(meters); // spans: register a tracer provider in the same way

const photos = (await readdir("examples/photos")).filter((name) => !name.endsWith(".md"));
const uploads = photos.map((name) => ({ id: name, storageKey: `photos/${name}`, status: "pending" as const }));
const adapters = {
  storage: fileStorage("examples"),
  ai: localAI(),
  repository: memoryRepository({
    uploads: [...uploads, { id: "lost", storageKey: "photos/lost.jpg", status: "pending" }],
  }),
};

// The worker of an engine, made with the same adapters and plugins, can stand in the place of the processor.
const worker = new BatchProcessor({ ...adapters, plugins: [telemetry()] });
await worker.processUploads([...photos, "lost"], { label: "photos" });

const address = `http://127.0.0.1:${port}/metrics`;
if (process.argv.includes("--serve")) {
  console.log(`Serving ${address}`);
  const alive = setInterval(() => {}, 60_000); // the exporter's server does not keep the process up; the connection of an engine does
  await once(process, "SIGINT");
  clearInterval(alive);
} else {
  const scraped = await (await fetch(address)).text();
  console.log(
    scraped
      .split("\n")
      .filter((line) => /^upload_processor/.test(line) && !/_bucket/.test(line))
      .join("\n"),
  );
}
await worker.close();
await meters.shutdown();
