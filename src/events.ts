import type { Usage } from "./contracts/ai.js";
import type { BatchRecord, StageName, UploadRecord, UploadStatus } from "./contracts/upload.js";
import type { UploadError } from "./errors.js";
import type { BatchResult, UploadResult } from "./result.js";

interface EventOfUpload<Type extends string> {
  readonly type: Type;
  readonly uploadId: string;
  readonly batchId: string | null;
  /** In milliseconds since the epoch. */
  readonly at: number;
}

interface EventOfBatch<Type extends string> {
  readonly type: Type;
  /**
   * The batch that the run is over, or its label. `null` otherwise, also where only part of a batch is done again: such a run tells
   * of itself, and its numbers are not those of the batch.
   */
  readonly batchId: string | null;
  /** In milliseconds since the epoch. */
  readonly at: number;
}

/** An upload was claimed, and its work begins. */
export interface UploadStartedEvent<U extends UploadRecord = UploadRecord> extends EventOfUpload<"upload:started"> {
  /** The record as it was claimed: a copy. */
  readonly upload: U;
  /** How often it was started since it last settled, this time included. */
  readonly starts: number;
}

/** How far an upload is: at each new stage, and at most one in 100 ms besides. */
export interface UploadProgressEvent extends EventOfUpload<"upload:progress"> {
  /** An integer from 0 to 100 that never decreases; 100 comes only with `completed`. */
  readonly progress: number;
  readonly stage: StageName;
  readonly status: UploadStatus;
  readonly attempt: number;
  readonly fileName: string | null;
  /** In bytes. */
  readonly fileSize: number | null;
  /** `true`: estimated by how long the stage took lately; `false`: reported by the adapter. */
  readonly estimated: boolean;
  /** The text that the adapter gave to `reportProgress`. */
  readonly message?: string;
}

/** An attempt has failed, and another one follows. */
export interface UploadRetryEvent extends EventOfUpload<"upload:retry"> {
  /** The attempt that failed, 1-based. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** How long it waits before the next attempt, in milliseconds. */
  readonly delayMs: number;
  readonly error: UploadError;
}

/** Something went wrong that does not stop the upload: a thumbnail that could not be made, a listener that threw. */
export interface UploadWarningEvent extends EventOfUpload<"upload:warning"> {
  readonly stage: StageName | null;
  readonly error: UploadError;
}

/** The {@link UploadResult} itself, to be narrowed by `status`. */
export type UploadSettledEvent<U extends UploadRecord = UploadRecord> = EventOfUpload<"upload:settled"> &
  UploadResult<U>;

/**
 * The service is down, or the account is refused: no call is made until `until`. Sent to everybody who shares the runtime, and again
 * after each probe that fails.
 */
export interface BreakerOpenedEvent {
  readonly type: "breaker:opened";
  /** In milliseconds since the epoch. */
  readonly at: number;
  /** What the service said last. */
  readonly error: UploadError;
  /** In milliseconds since the epoch: when the next call is made, by one upload. */
  readonly until: number;
}

/** The service is back. It carries nothing else. */
export interface BreakerClosedEvent {
  readonly type: "breaker:closed";
  /** In milliseconds since the epoch. */
  readonly at: number;
}

/** A run over many uploads begins. */
export interface BatchStartedEvent extends EventOfBatch<"batch:started"> {
  /** `null` where the run is not over one batch of the repository. */
  readonly batch: BatchRecord | null;
  /** How many uploads there are by status; `null` when the input did not tell. */
  readonly counts: Readonly<Partial<Record<UploadStatus, number>>> | null;
}

/** How far a run over many uploads is. */
export interface BatchProgressEvent extends EventOfBatch<"batch:progress"> {
  /** `null` when the input did not tell. */
  readonly total: number | null;
  /** Settled uploads: of a stored batch all of them, also those of earlier runs and other workers; else those of this run. */
  readonly processed: number;
  readonly completed: number;
  readonly failed: number;
  /** 0 to 100, `null` when the total is unknown. */
  readonly percentage: number | null;
  /** Uploads that this run settled per second. */
  readonly perSecond: number;
  /** Time left in milliseconds, `null` when it cannot be told. */
  readonly etaMs: number | null;
  /** Of every call that this run has made. */
  readonly usage: Usage;
}

/** No further upload is begun for now. Each is followed by one `batch:resumed`. */
export interface BatchPausedEvent extends EventOfBatch<"batch:paused"> {
  readonly reason: "pause" | "service" | "account" | "repository";
  /** What the service or the repository said; `null` for `pause()`. */
  readonly error: UploadError | null;
  /** In milliseconds since the epoch: when it is tried again; `null` for `pause()`. */
  readonly until: number | null;
}

/** Uploads are begun again, or the run is over. */
export interface BatchResumedEvent extends EventOfBatch<"batch:resumed"> {}

/** The {@link BatchResult} itself. */
export interface BatchSettledEvent extends EventOfBatch<"batch:settled">, Omit<BatchResult, "batchId"> {}

/** The payload of every event: one frozen object each. */
export interface UploadEventPayloads<U extends UploadRecord = UploadRecord> {
  /** An upload was claimed, and its work begins. */
  "upload:started": UploadStartedEvent<U>;
  /** How far an upload is. */
  "upload:progress": UploadProgressEvent;
  /** An attempt has failed, and another one follows. */
  "upload:retry": UploadRetryEvent;
  /** Something went wrong that does not stop the upload. */
  "upload:warning": UploadWarningEvent;
  /** What became of an upload: one for each that was started, and nothing after it. */
  "upload:settled": UploadSettledEvent<U>;
  /** No call is made for now; told again after each probe that fails. */
  "breaker:opened": BreakerOpenedEvent;
  /** The service is back. */
  "breaker:closed": BreakerClosedEvent;
  /** A run over many uploads begins. */
  "batch:started": BatchStartedEvent;
  /** How far a run over many uploads is. */
  "batch:progress": BatchProgressEvent;
  /** No further upload is begun for now. */
  "batch:paused": BatchPausedEvent;
  /** Uploads are begun again, or the run is over. */
  "batch:resumed": BatchResumedEvent;
  /** What became of a run over many uploads. */
  "batch:settled": BatchSettledEvent;
}

/** Any event, to be narrowed by its `type`. */
export type UploadEvent<U extends UploadRecord = UploadRecord> = UploadEventPayloads<U>[keyof UploadEventPayloads<U>];

/** The payloads as the argument tuples by which eventemitter3 types its listeners. */
export type UploadEventMap<U extends UploadRecord = UploadRecord> = {
  [Name in keyof UploadEventPayloads<U>]: [payload: UploadEventPayloads<U>[Name]];
};

/** The names of the events. */
export type UploadEventName = keyof UploadEventPayloads;
