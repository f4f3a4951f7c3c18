import type { UploadEvent } from "../events.js";
import {
  error,
  errors,
  failures,
  flag,
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

/** The fields of an event and what they are. */
export type Shape = Readonly<Record<string, Kind>>;

const ofUpload: Shape = { uploadId: text, batchId: orNull(text), at: number };
const ofBatch: Shape = { batchId: orNull(text), at: number };

/** What is told of each event. What is not named here stays behind: descriptions, vectors, the rest of the record. */
export const SHAPES = {
  "upload:started": { ...ofUpload, upload: record(), starts: number },
  "upload:progress": {
    ...ofUpload,
    progress: number,
    stage: text,
    status: text,
    attempt: number,
    fileName: orNull(shortText),
    fileSize: orNull(number),
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
    stages: list,
    usage: object,
  },
  "breaker:opened": { at: number, error, until: number },
  "breaker:closed": { at: number },
  "batch:started": { ...ofBatch, batch: orNull(record("status")), counts: orNull(object) },
  "batch:progress": {
    ...ofBatch,
    total: orNull(number),
    processed: number,
    completed: number,
    failed: number,
    percentage: orNull(number),
    perSecond: number,
    etaMs: orNull(number),
    usage: object,
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
    status: text,
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
    error: optional(error),
    usage: object,
    usageByStage: object,
  },
} as const satisfies Record<UploadEvent["type"], Shape>;

/** What is told besides of an upload that settled, by its status. */
export const OUTCOMES: Readonly<Record<string, Shape>> = {
  completed: { upload: record() },
  failed: { error, kept: flag },
  deferred: { error, retryAfterMs: optional(number), countsAsAttempt: flag },
  skipped: { reason: text, retryAfterMs: optional(number) },
  deleted: {},
  aborted: { error: optional(error), reason },
};
