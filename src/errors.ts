import type { UploadStage } from "./contracts/upload.js";
import { redact } from "./redact.js";

/** Every code, with whether the same call may succeed when it is made again. */
const RETRYABLE_BY_CODE = {
  /** The content is damaged, or no image at all. */
  INVALID_MEDIA: false,
  /** A format that is refused, or that nothing here can decode. The message names what to install or allow. */
  UNSUPPORTED_MEDIA: false,
  /** More bytes than `input.maxBytes` or more pixels than `input.limitInputPixels`. */
  MEDIA_TOO_LARGE: false,
  /** The storage does not have the original. */
  MISSING_ORIGINAL: false,
  /** The storage could not be read or written. */
  STORAGE_FAILED: true,
  /** A warning: the upload goes on without a thumbnail. */
  THUMBNAIL_FAILED: false,
  DESCRIBE_FAILED: true,
  /** The model answered with nothing. */
  EMPTY_DESCRIPTION: true,
  EMBED_FAILED: true,
  /** The vector has the wrong length, or something in it that is not a finite number. */
  INVALID_EMBEDDING: false,
  /** The service answered 429; `retryAfterMs` carries its hint. */
  RATE_LIMITED: true,
  /** A stage took longer than its `timeouts` allow. */
  STAGE_TIMEOUT: true,
  /** Another worker holds the upload. */
  CLAIMED_ELSEWHERE: true,
  /** It was started `lease.maxStarts` times and never settled: it probably takes the process down. */
  QUARANTINED: false,
  /** The repository could not be reached, or refused a write. */
  REPOSITORY_FAILED: true,
  /** Misuse: the message names the option or the missing member, what was expected and what was given. */
  INVALID_CONFIGURATION: false,
  /** The iterable handed to `processUploads` threw. */
  INPUT_FAILED: false,
  /** A warning: an event listener threw or rejected. */
  LISTENER_FAILED: false,
  /** A warning: an adapter went on after its signal was aborted; what it returns later is dropped. */
  ABORT_IGNORED: false,
  /** Thrown by `assertCompleted` for the outcomes that carry no error of their own. */
  NOT_COMPLETED: false,
} as const satisfies Record<string, boolean>;

/** What went wrong, as a stable name; stored as `errorCode`. */
export type UploadErrorCode = keyof typeof RETRYABLE_BY_CODE;

/** What {@link UploadError} is made of besides its message. */
export interface UploadErrorOptions {
  readonly code: UploadErrorCode;
  readonly stage?: UploadStage | null | undefined;
  /** @default by the code */
  readonly retryable?: boolean | undefined;
  /** In milliseconds. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** {@link UploadError} as plain JSON, for queues that rebuild errors from it. */
export interface UploadErrorJSON {
  readonly name: string;
  readonly message: string;
  readonly code: UploadErrorCode;
  readonly stage: UploadStage | null;
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
}

/** setTimeout takes no more: longer ones would fire at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

const MARK = Symbol.for("upload-processor.UploadError");

/**
 * Every error of the library. The message is fit to be stored and shown: at most 500 characters, without absolute paths
 * and credentials. What an adapter threw is the `cause`, untouched.
 *
 * Adapters may throw it themselves, to decide its code and whether it is retried.
 */
export class UploadError extends Error {
  readonly code: UploadErrorCode;
  readonly stage: UploadStage | null;
  readonly retryable: boolean;
  /** What the service asked to wait, in milliseconds. */
  readonly retryAfterMs?: number;

  constructor(message: string, options: UploadErrorOptions) {
    super(redact(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = options.code;
    this.stage = options.stage ?? null;
    this.retryable = options.retryable ?? RETRYABLE_BY_CODE[options.code];
    const retryAfterMs = waitOf(options.retryAfterMs);
    if (retryAfterMs !== undefined) this.retryAfterMs = retryAfterMs;
    Object.defineProperty(this, MARK, { value: true });
  }

  /** Also true for errors of another copy of the package (its CommonJS build, say), where `instanceof` is not. */
  static isInstance(value: unknown): value is UploadError {
    return typeof value === "object" && value !== null && read(value, MARK) === true;
  }

  toJSON(): UploadErrorJSON {
    return {
      name: this.name,
      message: this.message,
      code: this.code,
      stage: this.stage,
      retryable: this.retryable,
      ...(this.retryAfterMs === undefined ? {} : { retryAfterMs: this.retryAfterMs }),
    };
  }
}

/** Misuse: names the option or the missing adapter member, what was expected and what was given. */
export class ConfigurationError extends UploadError {
  constructor(message: string) {
    super(message, { code: "INVALID_CONFIGURATION" });
  }
}

/** The repository could not be reached to store an outcome: what it shows is older than what happened. */
export class RepositoryError extends UploadError {
  constructor(message: string, options: Omit<UploadErrorOptions, "code"> = {}) {
    super(message, { ...options, code: "REPOSITORY_FAILED" });
  }
}

/**
 * Makes an {@link UploadError} of what an adapter threw, and decides whether it is worth another attempt. Whatever was
 * thrown, this does not throw: not for null, and not for an object that throws when it is looked at.
 */
export function classifyError(thrown: unknown, stage: UploadStage, code: UploadErrorCode): UploadError {
  if (isA(thrown, UploadError) && typeof read(thrown, "stage") === "string") return thrown;
  if (UploadError.isInstance(thrown)) return adopted(thrown, stage, code);
  const status = httpStatusOf(thrown);
  return new UploadError(messageOf(thrown), {
    code: status === 429 ? "RATE_LIMITED" : code,
    stage,
    retryable: isRetryable(thrown, status),
    retryAfterMs: retryAfterOf(thrown),
    cause: thrown,
  });
}

/** An error that has no stage yet, or is of another copy of the package, which may know codes that this one does not. */
function adopted(thrown: UploadError, stage: UploadStage, byDefault: UploadErrorCode): UploadError {
  const [code, own, retryable, cause] = ["code", "stage", "retryable", "cause"].map((field) => read(thrown, field));
  return new UploadError(messageOf(thrown), {
    code: typeof code === "string" && code !== "" ? (code as UploadErrorCode) : byDefault,
    stage: typeof own === "string" ? (own as UploadStage) : stage,
    retryable: typeof retryable === "boolean" ? retryable : undefined,
    retryAfterMs: waitOf(read(thrown, "retryAfterMs")),
    cause: cause ?? thrown,
  });
}

/** More of a message is not looked at. */
const LONGEST_MESSAGE = 10_000;

/** The text of whatever was thrown: never empty, also for what is no `Error`. */
export function messageOf(thrown: unknown): string {
  if (typeof thrown === "function") return "a function was thrown";
  if (typeof thrown !== "object" || thrown === null) return textOf(String(thrown)) ?? "an empty text was thrown";
  const text = textOf(read(thrown, "message")) ?? (isA(thrown, Error) ? textOf(read(thrown, "name")) : undefined);
  return text ?? "an object without a message was thrown";
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value.slice(0, LONGEST_MESSAGE) : undefined;
}

const RETRYABLE_CLIENT_STATUS: ReadonlySet<number> = new Set([408, 409, 425, 429]);
const NETWORK_CODE =
  /^(?:ECONN(?:RESET|REFUSED|ABORTED)|ETIMEDOUT|ESOCKETTIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN|E(?:HOST|NET)(?:UNREACH|DOWN)|UND_ERR_\w+)$/;
/** How the engines of fetch word a connection that failed, where they give no code. */
const NETWORK_MESSAGE = /^(?:fetch failed|failed to fetch|terminated|network ?error|load failed)/i;

function isRetryable(thrown: unknown, status: number | undefined): boolean {
  for (const own of [read(thrown, "retryable"), read(thrown, "isRetryable")]) if (typeof own === "boolean") return own;
  if (status !== undefined) return status >= 500 || RETRYABLE_CLIENT_STATUS.has(status);
  if (isNetworkError(thrown)) return true;
  return !(isA(thrown, TypeError) || isA(thrown, RangeError) || isA(thrown, SyntaxError));
}

function isNetworkError(thrown: unknown): boolean {
  for (const error of [thrown, read(thrown, "cause")]) {
    const code = read(error, "code");
    if (typeof code === "string" && NETWORK_CODE.test(code)) return true;
  }
  return isA(thrown, TypeError) && NETWORK_MESSAGE.test(messageOf(thrown));
}

function httpStatusOf(thrown: unknown): number | undefined {
  const places = [
    read(thrown, "status"),
    read(thrown, "statusCode"),
    read(read(thrown, "response"), "status"),
    read(read(thrown, "$metadata"), "httpStatusCode"),
  ];
  return places.find((value): value is number => typeof value === "number" && value >= 400 && value < 600);
}

function retryAfterOf(thrown: unknown): number | undefined {
  const own = waitOf(read(thrown, "retryAfterMs"));
  if (own !== undefined) return own;
  for (const headers of [
    read(thrown, "headers"),
    read(thrown, "responseHeaders"),
    read(read(thrown, "response"), "headers"),
  ]) {
    const value = headerOf(headers, "retry-after");
    if (value === undefined) continue;
    const seconds = Number(value);
    const ms = Number.isNaN(seconds) ? Date.parse(value) - Date.now() : seconds * 1000;
    if (!Number.isNaN(ms)) return waitOf(Math.max(0, Math.round(ms)));
  }
  return undefined;
}

/** A wait that somebody asks for, no longer than a timer can wait. */
function waitOf(ms: unknown): number | undefined {
  return typeof ms === "number" && ms >= 0 ? Math.min(ms, LONGEST_TIMER_MS) : undefined;
}

/** Reads a header of a `Headers`, a `Map` or a plain object, whatever the case of its name. */
function headerOf(headers: unknown, name: string): string | undefined {
  if (typeof headers !== "object" || headers === null) return undefined;
  try {
    if ("get" in headers && typeof headers.get === "function") {
      const value: unknown = headers.get(name);
      return typeof value === "string" ? value : undefined;
    }
    const entry = Object.entries(headers).find(([key]) => key.toLowerCase() === name);
    return entry === undefined ? undefined : String(entry[1]);
  } catch {
    return undefined;
  }
}

/** Whether an error of the file system, say, has this code. Not asked by `instanceof`: in Jest Node's errors are of another realm. */
export function hasCode(error: unknown, code: string): boolean {
  return read(error, "code") === code;
}

/** What cannot be read is not there: a getter may throw, and so may a proxy. */
function read(value: unknown, key: PropertyKey): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  try {
    return (value as Record<PropertyKey, unknown>)[key];
  } catch {
    return undefined;
  }
}

/** `instanceof`, also for a proxy that does not let itself be asked. */
export function isA<T>(value: unknown, type: new (...args: never[]) => T): value is T {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}
