import type { BatchRecord, UploadStatus } from "../contracts/upload.js";
import type { BatchResult, StageTiming } from "../result.js";
import {
  error,
  errors,
  failures,
  flag,
  ifNamed,
  type Kind,
  list,
  number,
  object,
  oneOf,
  optional,
  orNull,
  reason,
  record,
  shortText,
  text,
} from "./kinds.js";
import type { ReceivedOutcomes, ReceivedPayloads } from "./received.js";

/** The fields of an event and what they are. */
export type Shape = Readonly<Record<string, Kind>>;

/** The fields that make a payload what its type says: the compiler refuses a table that lacks one, or has another kind of it. */
type ShapeOf<T> = {
  readonly [K in Exclude<keyof T, "type">]-?: Kind<Record<never, never> extends Pick<T, K> ? T[K] | undefined : T[K]>;
};

const ofUpload = { uploadId: text, batchId: orNull(text), at: number };
const ofBatch = { batchId: orNull(text), at: number };
type Counts = Readonly<Partial<Record<UploadStatus, number>>>;
/** What is told of every upload that settled. */
type Settled = ReceivedOutcomes["deleted"];

const usage = object<BatchResult["usage"]>();

/** What is told of each event. What is not named here stays behind: descriptions, vectors, the rest of the record. */
export const SHAPES = {
  "upload:started": { ...ofUpload, upload: record<ReceivedPayloads["upload:started"]["upload"]>(), starts: number },
  "upload:progress": {
    ...ofUpload,
    progress: number,
    stage: text,
    status: oneOf("pending", "analyzing", "embedding", "completed", "failed"),
    attempt: number,
    fileName: ifNamed("fileName", shortText),
    fileSize: ifNamed("fileSize", number),
    estimated: flag,
    message: optional(shortText),
  },
  "upload:retry": { ...ofUpload, attempt: number, maxAttempts: number, delayMs: number, error },
  "upload:warning": { ...ofUpload, stage: orNull(text), error },
  "upload:settled": {
    ...ofUpload,
    status: oneOf("completed", "failed", "deferred", "skipped", "deleted", "aborted"),
    attempts: number,
    durationMs: number,
    warnings: errors,
    stages: list<StageTiming>(),
    usage,
  },
  "breaker:opened": { at: number, error, until: number },
  "breaker:closed": { at: number },
  "batch:started": { ...ofBatch, batch: orNull(record<BatchRecord>("status")), counts: orNull(object<Counts>()) },
  "batch:progress": {
    ...ofBatch,
    total: orNull(number),
    processed: number,
    completed: number,
    failed: number,
    percentage: orNull(number),
    perSecond: number,
    etaMs: orNull(number),
    usage,
  },
  "batch:paused": {
    ...ofBatch,
    reason: oneOf("pause", "service", "account", "repository"),
    error: orNull(error),
    until: orNull(number),
  },
  "batch:resumed": ofBatch,
  "batch:settled": {
    ...ofBatch,
    status: oneOf("pending", "processing", "completed", "failed", "cancelled"),
    total: orNull(number),
    completed: number,
    failed: number,
    skipped: number,
    deleted: number,
    aborted: number,
    deferred: number,
    kept: number,
    durationMs: number,
    failures,
    failuresOmitted: number,
    error: optional(error),
    usage,
    usageByStage: object<BatchResult["usageByStage"]>(),
  },
} satisfies {
  readonly [N in keyof ReceivedPayloads]: ShapeOf<
    N extends "upload:settled" ? Omit<ReceivedPayloads[N], "error"> : ReceivedPayloads[N]
  >;
};

/** What is told besides of an upload that settled, by its status. */
export const OUTCOMES = {
  completed: { upload: record<ReceivedOutcomes["completed"]["upload"]>() },
  failed: { error, kept: flag },
  deferred: { error, retryAfterMs: optional(number), countsAsAttempt: flag },
  skipped: {
    reason: oneOf("already-completed", "already-failed", "claimed-elsewhere", "not-found"),
    retryAfterMs: optional(number),
  },
  deleted: {},
  aborted: { error: optional(error), reason },
} satisfies { readonly [S in keyof ReceivedOutcomes]: ShapeOf<Omit<ReceivedOutcomes[S], keyof Settled>> };
