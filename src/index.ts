export type { UploadSource } from "./batch/puller.js";
export { settleBatch } from "./batch/settle-batch.js";
export { BatchProcessor } from "./batch-processor.js";
export type * from "./contracts/ai.js";
export type * from "./contracts/decoder.js";
export type * from "./contracts/logger.js";
export type * from "./contracts/repository.js";
export type * from "./contracts/runtime.js";
export type * from "./contracts/stage.js";
export type * from "./contracts/storage.js";
export type * from "./contracts/upload.js";
export { describeByPolling, type PolledJob, type PollingOptions } from "./describe-by-polling.js";
export {
  ConfigurationError,
  type Fault,
  RepositoryError,
  UploadError,
  type UploadErrorCode,
  type UploadErrorJSON,
  type UploadErrorOptions,
} from "./errors.js";
export { UploadEventEmitter } from "./event-emitter.js";
export type {
  BatchPausedEvent,
  BatchProgressEvent,
  BatchResumedEvent,
  BatchSettledEvent,
  BatchStartedEvent,
  BreakerClosedEvent,
  BreakerOpenedEvent,
  UploadEvent,
  UploadEventMap,
  UploadEventName,
  UploadEventPayloads,
  UploadProgressEvent,
  UploadRetryEvent,
  UploadSettledEvent,
  UploadStartedEvent,
  UploadWarningEvent,
} from "./events.js";
export { failUpload } from "./fail-upload.js";
export { type FallbackCause, fallbackAI } from "./fallback-ai.js";
export type {
  BatchProcessorOptions,
  EngineAttempt,
  FactsOptions,
  InputOptions,
  LeaseOptions,
  ProcessOptions,
  RenditionOptions,
  RetryOptions,
  RunOptions,
  RunPlan,
  ThumbnailOptions,
  TimeoutOptions,
  UploadAdapters,
  VisionOptions,
  WorkOptions,
} from "./options.js";
export type { Around, Plugin, UploadListeners, WorkOutcome, WorkScope } from "./plugins.js";
export { processUploadWithRetry } from "./process-upload-with-retry.js";
export { type DescriptionQualityOptions, descriptionQuality } from "./quality.js";
export { aiVersionOf, derivedKeys, hasResult, mediaFacts, stageResult } from "./records.js";
export {
  type AbortedUpload,
  assertCompleted,
  type BatchResult,
  type CompletedUpload,
  type DeferredUpload,
  type DeletedUpload,
  type FailedUpload,
  type SkippedUpload,
  type StageTiming,
  type UploadResult,
} from "./result.js";
export { createRuntime, type Runtime, type RuntimeHealth } from "./runtime/runtime.js";
export { type SplitStorages, splitStorage } from "./split-storage.js";
export { defineStage } from "./stages/custom.js";
export { parseEvent, type ReceivedEvent, type SerializeOptions, serializeEvent, type WireEvent } from "./wire.js";
