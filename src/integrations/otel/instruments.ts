import type { Meter } from "@opentelemetry/api";

/** In seconds: from the reading of a small file to a video that a slow model describes frame by frame. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

export type Instruments = ReturnType<typeof createInstruments>;

/** What is measured as it happens. */
export function createInstruments(meter: Meter) {
  const seconds = { unit: "s", advice: { explicitBucketBoundaries: SECONDS } };
  return {
    uploadDuration: meter.createHistogram("upload_processor.upload.duration", {
      ...seconds,
      description: "How long the work on an upload took, from its claim; one value for each that was worked on",
    }),
    active: meter.createUpDownCounter("upload_processor.upload.active", {
      unit: "{upload}",
      description: "Uploads that are being worked on",
    }),
    retries: meter.createCounter("upload_processor.upload.retries", {
      unit: "{retry}",
      description: "Attempts that failed and were followed by another one",
    }),
    stageDuration: meter.createHistogram("upload_processor.stage.duration", {
      ...seconds,
      description: "How long a call of a stage took, without the wait for it",
    }),
    requests: meter.createCounter("upload_processor.model.requests", {
      unit: "{request}",
      description: "Calls of models, failed ones too",
    }),
    tokens: meter.createCounter("upload_processor.model.tokens", {
      unit: "{token}",
      description: "Tokens that models have taken and made",
    }),
    cost: meter.createCounter("upload_processor.model.cost", {
      unit: "{currency_unit}",
      description: "What the calls of models cost, in the currency of the adapter's price",
    }),
  };
}

/** What is looked at when the metrics are collected. */
export function createObservables(meter: Meter) {
  return {
    waiting: meter.createObservableUpDownCounter("upload_processor.stage.waiting", {
      unit: "{call}",
      description: "Calls that wait for a slot of their stage",
    }),
    breakers: meter.createObservableUpDownCounter("upload_processor.breaker.count", {
      unit: "{breaker}",
      description: "Runtimes by the state of their breaker",
    }),
  };
}
