/** The name that the tracer and the meter are asked for by. */
export const SCOPE = "upload-processor";

/** Attributes of spans and metrics. `error.type` is a convention of OpenTelemetry's, the others are ours. */
export const ATTRIBUTES = {
  uploadId: "upload_processor.upload.id",
  batchId: "upload_processor.batch.id",
  stage: "upload_processor.stage.name",
  attempt: "upload_processor.attempt",
  outcome: "upload_processor.outcome",
  retries: "upload_processor.upload.retries",
  kept: "upload_processor.upload.kept",
  model: "upload_processor.model.name",
  tokenType: "upload_processor.token.type",
  breakerState: "upload_processor.breaker.state",
  batchTotal: "upload_processor.batch.total",
  batchCompleted: "upload_processor.batch.completed",
  batchFailed: "upload_processor.batch.failed",
  errorType: "error.type",
} as const;
