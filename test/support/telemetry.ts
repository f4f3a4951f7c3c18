import { context, type Tracer } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  AggregationTemporality,
  type DataPoint,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { onTestFinished } from "vitest";

/**
 * A real SDK whose spans and metrics stay in memory. The manager of contexts is the process's: taken away when the test is over.
 *
 * @param atEnd is given what ends it
 */
export function memorySdk(atEnd: (end: () => Promise<void>) => void = onTestFinished) {
  const spanExporter = new InMemorySpanExporter();
  // Times do not tell the order: spans that begin within one millisecond have the same.
  const begun = new Map<string, number>();
  const order: SpanProcessor = {
    onStart: (span) => void begun.set(span.spanContext().spanId, begun.size),
    onEnd: () => {},
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  const beganAt = (span: ReadableSpan) => begun.get(span.spanContext().spanId) ?? 0;
  const tracers = new BasicTracerProvider({ spanProcessors: [order, new SimpleSpanProcessor(spanExporter)] });
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 3_600_000 });
  const meters = new MeterProvider({ readers: [reader] });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  atEnd(async () => {
    context.disable();
    await Promise.all([tracers.shutdown(), meters.shutdown()]);
  });

  /** What a collection of the metrics finds now. */
  const collect = async () => {
    const { resourceMetrics, errors } = await reader.collect();
    if (errors.length > 0) throw errors[0];
    return resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
  };
  const to = { tracer: tracers.getTracer("test"), meter: meters.getMeter("test") };
  return {
    tracers,
    meters,
    ...to,
    /** For `telemetry`. */
    to,
    /** In the order in which they ended. */
    spans: () => spanExporter.getFinishedSpans(),
    /** The name of each, indented by depth, in the order in which they began. */
    outline: () => outline(spanExporter.getFinishedSpans().toSorted((a, b) => beganAt(a) - beganAt(b))),
    collect,
    /** The points of a metric: their attributes, as JSON, with the value, or of a histogram the count. */
    points: async (name: string) => {
      const points: readonly DataPoint<number | { readonly count: number }>[] =
        (await collect()).find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? [];
      return Object.fromEntries(
        points.map(({ attributes, value }) => {
          const told = Object.entries(attributes)
            .sort()
            .map(([key, one]) => `${key.split(".").at(-1)}=${one}`);
          return [told.join(" "), typeof value === "number" ? value : value.count];
        }),
      );
    },
  };
}

/** The name of each span below `parent`, indented by depth, in their order. */
function outline(spans: readonly ReadableSpan[], parent?: string, indent = ""): string[] {
  return spans
    .filter(({ parentSpanContext }) => parentSpanContext?.spanId === parent)
    .flatMap((span) => [indent + span.name, ...outline(spans, span.spanContext().spanId, `${indent}  `)]);
}

/** Does something in a span of the caller's. */
export function inSpan<T>(tracer: Tracer, name: string, task: () => Promise<T>): Promise<T> {
  return tracer.startActiveSpan(name, (span) => task().finally(() => span.end()));
}
