/**
 * Whose fault a failure is; what follows from it depends on this alone.
 *
 * - `"upload"`: of this one upload. It fails, the others go on.
 * - `"service"`: of a service that is down, slow or busy. Everything that needs it waits.
 * - `"account"`: the service refuses the account: key, payment or quota. Everything waits until somebody has seen to it.
 * - `"deployment"`: of the program or its installation. The call rejects, a batch ends; the upload is handed back.
 */
export type Fault = "upload" | "service" | "account" | "deployment";

interface Verdict {
  /** Whether the same call may succeed when it is made again. */
  readonly retryable: boolean;
  readonly fault: Fault;
}

const once = (fault: Fault): Verdict => ({ retryable: false, fault });
const again = (fault: Fault): Verdict => ({ retryable: true, fault });

/** Every code of the library, with whether it is tried again and whose fault it is; `src/errors.md` explains them. */
export const CODES = {
  /** The content is damaged, or no image at all. A warning where `input.tolerance` lets it be shown. */
  INVALID_MEDIA: once("upload"),
  /** What is refused, what nothing here can decode, or what would not be shown rightly. The message names it, and the remedy. */
  UNSUPPORTED_MEDIA: once("upload"),
  /** More bytes than `input.maxBytes` or more pixels than `input.limitInputPixels`. */
  MEDIA_TOO_LARGE: once("upload"),
  /** The storage does not have the original. */
  MISSING_ORIGINAL: once("upload"),
  /** The storage could not be read or written. */
  STORAGE_FAILED: again("service"),
  /** A warning: the upload goes on without a thumbnail. */
  THUMBNAIL_FAILED: once("upload"),
  DESCRIBE_FAILED: again("upload"),
  /** The model answered with nothing. */
  EMPTY_DESCRIPTION: again("upload"),
  /** The model was cut off before it had finished. */
  DESCRIPTION_TRUNCATED: again("upload"),
  EMBED_FAILED: again("upload"),
  /** The vector has the wrong length, or something in it that is not a finite number. */
  INVALID_EMBEDDING: once("upload"),
  /** A stage of yours threw. */
  STAGE_FAILED: again("upload"),
  /** The model, or its provider, refused this content. */
  CONTENT_REFUSED: once("upload"),
  /** The repository refused a value: too long, out of range, against a constraint. */
  RESULT_REFUSED: once("upload"),
  /** A stage of yours said no. */
  REJECTED: once("upload"),
  /** It was started `lease.maxStarts` times and never settled: it probably takes the process down. */
  QUARANTINED: once("upload"),
  /** The job's engine gave it up: it stalled, expired or was removed. */
  ENGINE_GAVE_UP: once("upload"),
  /** Thrown by `assertCompleted` for the outcomes that carry no error of their own. */
  NOT_COMPLETED: once("upload"),
  /** Its batch was cancelled. */
  BATCH_CANCELLED: once("upload"),
  /** The service answered 429; `retryAfterMs` carries its hint. */
  RATE_LIMITED: again("service"),
  /** A stage took longer than its `timeouts` allow. */
  STAGE_TIMEOUT: again("service"),
  /** The service failed again and again, so no call is made for the time being; the `cause` is its last error. */
  CIRCUIT_OPEN: again("service"),
  /** Another worker holds the upload. */
  CLAIMED_ELSEWHERE: again("service"),
  /** The repository could not be reached, or failed a write. */
  REPOSITORY_FAILED: again("service"),
  /** The service refuses the account: its key, its payment or its quota. */
  ACCOUNT_REFUSED: once("account"),
  /** The next call would overrun the budget. */
  BUDGET_EXHAUSTED: once("account"),
  /** Misuse or a broken installation: the message names the option or member, what was expected and what was given. */
  INVALID_CONFIGURATION: once("deployment"),
  /** The iterable handed to `processUploads` threw. */
  INPUT_FAILED: once("deployment"),
  /** A warning: an event listener, a plugin or an audit threw or rejected. */
  LISTENER_FAILED: once("deployment"),
  /** A warning: an adapter went on after its signal was aborted; what it returns later is dropped. */
  ABORT_IGNORED: once("deployment"),
} as const satisfies Record<string, Verdict>;

/** The codes that the library itself uses. */
export type KnownCode = keyof typeof CODES;

/** What went wrong, as a stable name; stored as `errorCode`. Adapters and stages of yours may use codes of their own. */
export type UploadErrorCode = KnownCode | (string & {});

/** A code that nobody knows is the upload's, and not tried again. */
const UNKNOWN: Verdict = once("upload");

export function verdictOf(code: UploadErrorCode): Verdict {
  return Object.hasOwn(CODES, code) ? CODES[code as KnownCode] : UNKNOWN;
}

/** Whether it is tried again, where the error itself does not say. */
export function retryableOf(code: UploadErrorCode, fault: Fault): boolean {
  if (fault === "account" || fault === "deployment") return false;
  // A code that is not ours tells nothing; a service that is down is worth another try.
  return Object.hasOwn(CODES, code) ? verdictOf(code).retryable : fault === "service";
}

export function isFaultName(value: unknown): value is Fault {
  return value === "upload" || value === "service" || value === "account" || value === "deployment";
}
