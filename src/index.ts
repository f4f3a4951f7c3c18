export type { BatchProcessorOptions, ProcessBatchOptions, ProcessUploadsOptions } from "./batch/options.js";
export { BatchProcessor } from "./batch-processor.js";
export type * from "./contracts/ai.js";
export type * from "./contracts/logger.js";
export type * from "./contracts/repository.js";
export type * from "./contracts/storage.js";
export type * from "./contracts/upload.js";
export {
  ConfigurationError,
  RepositoryError,
  UploadError,
  type UploadErrorCode,
  type UploadErrorJSON,
  type UploadErrorOptions,
} from "./errors.js";
export {
  type BatchPausedEvent,
  type BatchProgressEvent,
  type BatchSettledEvent,
  type BatchStartedEvent,
  UploadEventEmitter,
  type UploadEventMap,
  type UploadEventName,
  type UploadEventPayloads,
  type UploadProgressEvent,
  type UploadRetryEvent,
  type UploadSettledEvent,
  type UploadStartedEvent,
  type UploadWarningEvent,
} from "./events.js";
export type {
  EngineAttempt,
  InputOptions,
  LeaseOptions,
  ProcessOptions,
  RetryOptions,
  ThumbnailOptions,
  TimeoutOptions,
  UploadAdapters,
  VisionOptions,
  WorkOptions,
} from "./options.js";
export { createStageLimits, type LimitedStage, type StageLimitOptions, type StageLimits } from "./pipeline/limits.js";
export { processUploadWithRetry } from "./process-upload.js";
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
