import type { Meter, Tracer } from "@opentelemetry/api";
import type { Plugin, UploadError, WorkOutcome } from "../index.js";
import { BatchSpans } from "./otel/batch-spans.js";
import { firstToTell, GLOBAL_METER, GLOBAL_TRACER } from "./otel/first-to-tell.js";
import { type Measure, Measurements } from "./otel/measurements.js";
import { checkOptions } from "./otel/options.js";
import { Spans } from "./otel/spans.js";

/** Where spans and metrics go: by default to the SDK that the process has registered, whenever it does so. */
export interface TelemetryOptions {
  /** @default that of the global tracer provider, named `upload-processor` */
  readonly tracer?: Tracer | undefined;
  /** @default that of the global meter provider, named `upload-processor` */
  readonly meter?: Meter | undefined;
}

/**
 * A plugin for OpenTelemetry: a span for each upload, within it one for each call of a stage, and one for each run over a batch;
 * and metrics of uploads, stages, models and the breaker. What an adapter does in its call is traced below the span of the
 * call. Without an SDK it does next to nothing. What goes to the same tracer or meter is told once: a second one in `plugins` adds
 * nothing.
 *
 * @throws ConfigurationError an option that is unknown, or no tracer or meter
 * @example
 * const processor = new BatchProcessor({ storage, ai, repository, plugins: [telemetry()] });
 */
export function telemetry(options: TelemetryOptions = {}): Plugin {
  checkOptions(options);
  const recorded = new WeakSet<UploadError>();
  const batches = new BatchSpans(options.tracer, recorded);
  const spans = new Spans(options.tracer, batches, recorded);
  const measurements = new Measurements(options.meter);
  const isFirstSpan = firstToTell(options.tracer ?? GLOBAL_TRACER);
  const isFirstMeasure = firstToTell(options.meter ?? GLOBAL_METER);
  // Keeping what was told takes two microseconds a call: nothing is kept where nobody listens.
  const isNewToTracer = (of: object) => spans.areTaken && isFirstSpan(of);
  const isNewToMeter = (of: object) => measurements.areTaken && isFirstMeasure(of);
  let attached = 0;
  return {
    around: (scope, run) => {
      const measure = isNewToMeter(scope) ? measurements.begin(scope) : undefined;
      const inSpan = isNewToTracer(scope) ? () => spans.around(scope, run) : run;
      return measure === undefined ? inSpan() : measured(measure, inSpan);
    },
    on: {
      "upload:retry": (event) => {
        if (isNewToTracer(event)) spans.retried(event);
        if (isNewToMeter(event)) measurements.retried(event);
      },
      "batch:started": (event) => {
        if (isNewToTracer(event)) batches.started(event);
      },
      "batch:settled": (event) => {
        if (isNewToTracer(event)) batches.settled(event);
      },
    },
    attach: (runtime) => {
      const detach = measurements.observe(runtime);
      attached++;
      return () => {
        detach();
        attached--;
        if (attached === 0) batches.endAll();
      };
    },
  };
}

/** Whatever a tracer does, the measurement ends. */
async function measured(measure: Measure, work: () => Promise<WorkOutcome>): Promise<void> {
  let outcome: WorkOutcome | undefined;
  try {
    outcome = await work();
  } finally {
    measure(outcome);
  }
}
