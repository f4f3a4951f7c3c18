import type { StageName } from "../contracts/upload.js";
import { redact } from "../redact.js";
import { type Fault, isFaultName, retryableOf, type UploadErrorCode, verdictOf } from "./codes.js";
import { waitOf } from "./hints.js";
import { read } from "./inspect.js";
import { isUploadError, MARK } from "./mark.js";

/** What {@link UploadError} is made of besides its message. */
export interface UploadErrorOptions {
  /** What went wrong, as a stable name: one of the library's, or one of your own. */
  readonly code: UploadErrorCode;
  /** Where it happened. @default the stage that was at work */
  readonly stage?: StageName | null | undefined;
  /** Whose fault it is. @default by the code; `"upload"` for a code of your own */
  readonly fault?: Fault | undefined;
  /** @default by the code; for a code of your own only a fault of the service is tried again */
  readonly retryable?: boolean | undefined;
  /** What the service asked to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** What was thrown: kept as it is, and never stored. */
  readonly cause?: unknown;
}

/** {@link UploadError} as plain JSON, for queues that rebuild errors from it: see {@link UploadError.fromJSON}. */
export interface UploadErrorJSON {
  readonly name: string;
  readonly message: string;
  readonly code: UploadErrorCode;
  readonly stage: StageName | null;
  readonly retryable: boolean;
  readonly fault: Fault;
  /** In milliseconds. */
  readonly retryAfterMs?: number;
}

/**
 * Every error of the library. The message is fit to be stored and shown: at most 500 characters, without absolute paths
 * and credentials. What an adapter threw is the `cause`, untouched.
 *
 * Adapters and stages may throw it themselves, to decide its code, whose fault it is and whether it is tried again.
 *
 * @example
 * throw new UploadError("The model is being loaded", { code: "DESCRIBE_FAILED", fault: "service", retryAfterMs: 5000 });
 */
export class UploadError extends Error {
  // A text and not the name of the class, which a minifier changes.
  override name = "UploadError";
  /** What went wrong, as a stable name; stored as `errorCode`. */
  readonly code: UploadErrorCode;
  /** Whose fault it is: what follows depends on this alone. */
  readonly fault: Fault;
  /** Where it happened; `null` outside of a stage. */
  readonly stage: StageName | null;
  /** Whether another attempt may help. */
  readonly retryable: boolean;
  /** What the service asked to wait, in milliseconds. */
  readonly retryAfterMs?: number;

  constructor(message: string, options: UploadErrorOptions) {
    super(redact(message), causeOf(message, options));
    this.code = options.code;
    this.fault = isFaultName(options.fault) ? options.fault : verdictOf(options.code).fault;
    this.stage = options.stage ?? null;
    this.retryable = options.retryable ?? retryableOf(options.code, this.fault);
    const retryAfterMs = waitOf(options.retryAfterMs);
    if (retryAfterMs !== undefined) this.retryAfterMs = retryAfterMs;
    Object.defineProperty(this, MARK, { value: true });
  }

  /** Also true for errors of another copy of the package (its CommonJS build, say), where `instanceof` is not. */
  static isInstance(value: unknown): value is UploadError {
    return isUploadError(value);
  }

  /**
   * The error that {@link toJSON} was made of, or one that was written by hand: `message` and `code` are needed, the rest has
   * the defaults of the constructor. Its `cause` is not in JSON.
   *
   * @throws ConfigurationError for what is no such object; it names the field.
   */
  static fromJSON(json: unknown): UploadError {
    return rebuilt(checked(json));
  }

  toJSON(): UploadErrorJSON {
    const { name, message, code, stage, retryable, fault, retryAfterMs } = this;
    const json = { name, message, code, stage, retryable, fault };
    return retryAfterMs === undefined ? json : { ...json, retryAfterMs };
  }
}

/**
 * Misuse, or an installation that lacks something: names the option or the missing member, what was expected and what was
 * given. The fault of the deployment: calls reject with it, batches end with it, and no upload fails by it.
 */
export class ConfigurationError extends UploadError {
  override name = "ConfigurationError";

  constructor(message: string, options: Pick<UploadErrorOptions, "cause" | "stage"> = {}) {
    super(message, { ...options, code: "INVALID_CONFIGURATION" });
  }
}

/**
 * The repository could not be reached to store an outcome: what it shows is older than what happened. With `fault: "upload"` it
 * refused one upload, and there is no row to store that in.
 */
export class RepositoryError extends UploadError {
  override name = "RepositoryError";

  constructor(message: string, options: Omit<UploadErrorOptions, "code"> = {}) {
    super(message, { ...options, code: "REPOSITORY_FAILED" });
  }
}

/** Out of the class: where a class names itself, esbuild calls it `_UploadError`, and Node prints that of every error. */
function rebuilt({ name, message, ...options }: Checked): UploadError {
  if (options.code === "INVALID_CONFIGURATION" && (name ?? "ConfigurationError") === "ConfigurationError")
    return new ConfigurationError(message, options);
  if (options.code === "REPOSITORY_FAILED" && (name ?? "RepositoryError") === "RepositoryError")
    return new RepositoryError(message, options);
  const error = new UploadError(message, options);
  if (name !== undefined) error.name = name;
  return error;
}

/** @throws ConfigurationError where the options were left out, which types alone do not keep from happening */
function causeOf(message: string, options: UploadErrorOptions | undefined): ErrorOptions | undefined {
  if (typeof options !== "object" || options === null)
    throw new ConfigurationError(
      `UploadError: expected options with a code, as { code: "DESCRIBE_FAILED" }, got ${String(options)}; its message was ${JSON.stringify(message)}`,
    );
  return options.cause === undefined ? undefined : { cause: options.cause };
}

/** Whether it is an UploadError, of whichever copy of the package, and of this fault. */
export function isFault<F extends Fault>(error: unknown, fault: F): error is UploadError & { readonly fault: F } {
  return isUploadError(error) && faultOf(error) === fault;
}

/** The fault of an UploadError, also of a copy that does not know all of them. */
export function faultOf(error: unknown): Fault {
  const [own, code] = [read(error, "fault"), read(error, "code")];
  return isFaultName(own) ? own : verdictOf(typeof code === "string" ? code : "").fault;
}

type Checked = UploadErrorOptions & { readonly name: string | undefined; readonly message: string };

/** @throws ConfigurationError unless it is what an UploadError is made of */
function checked(json: unknown): Checked {
  if (typeof json !== "object" || json === null) throw unfit("json", "an object", json);
  const field = (name: keyof UploadErrorJSON) => read(json, name) ?? undefined;
  const [name, message, code, stage] = [field("name"), field("message"), field("code"), field("stage")];
  const [fault, retryable, retryAfterMs] = [field("fault"), field("retryable"), field("retryAfterMs")];
  if (typeof message !== "string") throw unfit("message", "a text", message);
  if (typeof code !== "string" || code === "") throw unfit("code", "a text that is not empty", code);
  if (name !== undefined && typeof name !== "string") throw unfit("name", "a text", name);
  if (stage !== undefined && typeof stage !== "string") throw unfit("stage", "a text or null", stage);
  if (fault !== undefined && !isFaultName(fault))
    throw unfit("fault", '"upload", "service", "account" or "deployment"', fault);
  if (retryable !== undefined && typeof retryable !== "boolean") throw unfit("retryable", "true or false", retryable);
  if (retryAfterMs !== undefined && waitOf(retryAfterMs) === undefined)
    throw unfit("retryAfterMs", "milliseconds of at least 0", retryAfterMs);
  return { name, message, code, stage, fault, retryable, retryAfterMs: waitOf(retryAfterMs) };
}

function unfit(field: string, what: string, given: unknown): ConfigurationError {
  const shown =
    typeof given === "string" ? JSON.stringify(given.slice(0, 60)) : `${given === null ? null : typeof given}`;
  return new ConfigurationError(`UploadError.fromJSON: expected ${field} to be ${what}, got ${shown}`);
}
