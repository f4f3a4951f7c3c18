import type { UploadRecord } from "../contracts/upload.js";
import type { UploadError } from "../errors.js";
import type { UploadEventPayloads } from "../events.js";
import type {
  AbortedUpload,
  CompletedUpload,
  DeferredUpload,
  DeletedUpload,
  FailedUpload,
  SkippedUpload,
} from "../result.js";

/** Of a record its id, and what was sent besides. */
type ReceivedUpload = Partial<UploadRecord> & { readonly id: string };

/** What became of an upload, by its status. */
export interface ReceivedOutcomes {
  readonly completed: Omit<CompletedUpload, "upload"> & { readonly upload: ReceivedUpload };
  readonly failed: FailedUpload;
  readonly deferred: DeferredUpload;
  readonly skipped: SkippedUpload;
  readonly deleted: DeletedUpload;
  readonly aborted: Omit<AbortedUpload, "reason"> & {
    /** Why, where that is an error of the library. */
    readonly error?: UploadError;
    /** Why, where it is anything else, as a text. */
    readonly reason?: string;
  };
}

interface ReceivedSettled {
  readonly type: "upload:settled";
  readonly batchId: string | null;
  /** In milliseconds since the epoch. */
  readonly at: number;
  /** Of `failed` and `deferred`, and of `aborted` where the reason is one. */
  readonly error?: UploadError;
}

/** The payload of every event, as it is on the other side of a wire. */
export type ReceivedPayloads = Omit<UploadEventPayloads, "upload:started" | "upload:settled"> & {
  readonly "upload:started": Omit<UploadEventPayloads["upload:started"], "upload"> & {
    readonly upload: ReceivedUpload;
  };
  readonly "upload:settled": ReceivedSettled & ReceivedOutcomes[keyof ReceivedOutcomes];
};
