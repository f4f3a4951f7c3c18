import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { context, metrics, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";

/** The parameters: how the library is loaded, and which package of the SDK has the spans. */
const [format, packageOfSpans] = process.argv.slice(2);
const load = format === "import" ? (name) => import(name) : createRequire(import.meta.url);
const { BatchProcessor } = await load("upload-processor");
const { memoryRepository, memoryStorage } = await load("upload-processor/memory");
const { telemetry } = await load("upload-processor/otel");

const sdk = await import(packageOfSpans);
const uploads = ["good", "bad"].map((id) => ({ id, storageKey: id, status: "pending" }));
const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const ai = {
  describe: async ({ upload }) => {
    if (upload.id === "bad") throw Object.assign(new Error("refused"), { status: 400 });
    return tracer.startActiveSpan("model", (span) => {
      span.end();
      return { text: "words", usage: { model: "eyes", inputTokens: 7 } };
    });
  },
  embed: async () => [1, 2, 3],
};
// Before there is an SDK, as where it is registered too late.
const processor = new BatchProcessor({
  storage: memoryStorage(uploads.map(({ id }) => [id, Buffer.from(png, "base64")])),
  repository: memoryRepository({ uploads }),
  ai,
  thumbnail: false,
  plugins: [telemetry()],
});

const finished = new sdk.InMemorySpanExporter();
// SDK 3, and SDK 2.
const tracers = sdk.TracerProvider
  ? new sdk.TracerProvider({ spanProcessors: [new sdk.SimpleSpanProcessor({ exporter: finished })] })
  : new sdk.BasicTracerProvider({ spanProcessors: [new sdk.SimpleSpanProcessor(finished)] });
const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
const meters = new MeterProvider({ readers: [reader] });
trace.setGlobalTracerProvider(tracers);
metrics.setGlobalMeterProvider(meters);
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
const tracer = trace.getTracer("consumer");

await tracer.startActiveSpan("caller", async (span) => {
  await processor.processUploads(["good", "bad"], { label: "both" });
  span.end();
});

await tracers.forceFlush();
const spans = finished.getFinishedSpans();
const byId = new Map(spans.map((span) => [span.spanContext().spanId, span]));
const lineOf = (span) => (span === undefined ? [] : [...lineOf(byId.get(span.parentSpanContext?.spanId)), span.name]);
assert.deepEqual(spans.map((span) => lineOf(span).join(" > ")).sort(), [
  "caller",
  "caller > upload.batch",
  "caller > upload.process",
  "caller > upload.process",
  "caller > upload.process > upload.describe",
  "caller > upload.process > upload.describe",
  "caller > upload.process > upload.describe > model",
  "caller > upload.process > upload.embed",
  "caller > upload.process > upload.open",
  "caller > upload.process > upload.open",
]);
const failed = spans.find(({ name, status }) => name === "upload.describe" && status.message === "refused");
assert.equal(failed.attributes["error.type"], "DESCRIBE_FAILED");
assert.equal(failed.events[0].name, "exception");

const { resourceMetrics, errors } = await reader.collect();
assert.deepEqual(errors, []);
const points = Object.fromEntries(
  resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics).map((each) => [each.descriptor.name, each.dataPoints]),
);
const counts = points["upload_processor.upload.duration"].map(({ attributes, value }) => [attributes, value.count]);
assert.deepEqual(counts.map(([attributes, count]) => [attributes["upload_processor.outcome"], count]).sort(), [
  ["completed", 1],
  ["failed", 1],
]);
const [tokens] = points["upload_processor.model.tokens"];
assert.equal(tokens.value, 7);
assert.equal(tokens.attributes["upload_processor.model.name"], "eyes");
assert.equal(points["upload_processor.upload.active"][0].value, 0);
assert.equal(points["upload_processor.breaker.count"].length, 3);
await processor.close();
await Promise.all([tracers.shutdown(), meters.shutdown()]);
