import { ConfigurationError, classifyError, messageOf, read, shownKey, UploadError } from "../../errors.js";

/** What a call of the storage was about. */
export interface S3Call {
  readonly action: "read" | "write" | "delete";
  readonly bucket: string;
  /** In the bucket, with its prefix. */
  readonly key: string;
}

const MISSING = /^(?:NoSuchKey|NotFound)$/;
const NO_BUCKET = /^(?:NoSuchBucket|InvalidBucketName)$/;
/** Another region, or another endpoint, than the bucket's. */
const ELSEWHERE = /^(?:PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraintException)$/;
/** Moved for good, in whatever words: by S3 itself, or by a proxy that wants https. So it is for every object. */
const MOVED: ReadonlySet<number> = new Set([301, 308]);
/** Sent elsewhere for now: S3 does so until DNS knows a new bucket of another region, and gateways while they are started. */
const MOVED_FOR_NOW: ReadonlySet<number> = new Set([302, 303, 307]);
/** Keys that S3 or STS does not know, or that the client cannot find, and accounts that are closed: of every object alike. */
const ACCOUNT =
  /^(?:InvalidAccessKeyId|InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|InvalidToken|InvalidSecurity|AccountProblem|NotSignedUp|AllAccessDisabled|CredentialsProviderError)$/;
/** Credentials that have run out. With 403 they are refused; with S3's own 400 they pass, because the client makes them anew. */
const EXPIRED = /^(?:ExpiredToken|ExpiredTokenException|TokenRefreshRequired|RequestExpired)$/;
/** Pass, though their status is 400: the body is sent again. */
const PASSING = /^(?:BadDigest|IncompleteBody|XAmzContentSHA256Mismatch)$/;

/** How the SDK calls an answer that is no XML of S3's. */
const NAMELESS = /^(?:Error|SyntaxError|Unknown|UnknownError)$/;

/** Whether S3 has answered that there is no such object. That there is no such bucket is something else. */
export function isMissing(error: unknown): boolean {
  return MISSING.test(nameOf(error));
}

/**
 * What went wrong, as an UploadError with whose fault it is. S3 tells it by the name of the error: the same status stands for
 * an object, a bucket or an account.
 */
export function s3Error(thrown: unknown, call: S3Call): UploadError {
  if (UploadError.isInstance(thrown)) return thrown;
  const { action } = call;
  const name = nameOf(thrown);
  const reason = reasonOf(thrown, name);
  const inBucket = JSON.stringify(call.bucket);
  const message = `s3Storage could not ${action} ${shownKey(call.key)} in the bucket ${inBucket}: ${reason}`;
  const refused = (advice: string) =>
    new UploadError(`${message}. ${advice}`, {
      code: "STORAGE_FAILED",
      fault: "upload",
      retryable: false,
      cause: thrown,
    });

  if (NO_BUCKET.test(name)) return misuse(`there is no bucket ${inBucket}: create it, or correct the name`, thrown);
  const status = statusOf(thrown);
  if (ELSEWHERE.test(name) || MOVED.has(status ?? 0) || /^Region is missing/.test(messageOf(thrown)))
    return misuse(
      `the client's region or endpoint is not that of the bucket ${inBucket}: ${reason}${whereTo(thrown)}`,
      thrown,
    );
  const isExpired = EXPIRED.test(name);
  if (ACCOUNT.test(name) || status === 401 || (status === 403 && isExpired))
    return new UploadError(message, { code: "ACCOUNT_REFUSED", cause: thrown });
  if (name === "InvalidObjectState" && action === "read")
    return refused("It is archived: restore it, or move it to another storage class");

  const told = classifyError(thrown, "open", "STORAGE_FAILED");
  if (status === 403 && told.fault === "upload") return refused(ADVICE[action]);
  const passes = isExpired || PASSING.test(name) || MOVED_FOR_NOW.has(status ?? 0);
  return new UploadError(message, {
    code: told.code,
    fault: passes ? "service" : told.fault,
    retryable: passes || told.retryable,
    retryAfterMs: told.retryAfterMs,
    cause: thrown,
  });
}

const ADVICE = {
  read: "Without the right to list the bucket (s3:ListBucket), an object that is missing looks like this",
  write: "The client needs the right to write it (s3:PutObject)",
  delete: "The client needs the right to delete it (s3:DeleteObject)",
} as const;

const misuse = (message: string, cause: unknown) => new ConfigurationError(`s3Storage: ${message}`, { cause });

/** The name and what S3 says to it, or the status where an answer has neither: one without a body, or of a proxy. */
function reasonOf(thrown: unknown, name: string): string {
  const status = statusOf(thrown);
  const reason = messageOf(thrown).replace(/\.$/, "");
  if (status === undefined) return reason === name || NAMELESS.test(name) ? reason : `${name}: ${reason}`;
  if (NAMELESS.test(name)) return `status ${status}`;
  return reason === name || reason === "UnknownError" ? `${name} (${status})` : `${name} (${status}): ${reason}`;
}

/** Where the answer sends to, if it does. Without the query, which may sign a request. */
function whereTo(error: unknown): string {
  const location = read(read(read(error, "$response"), "headers"), "location");
  if (typeof location !== "string" || location === "") return "";
  return `. It sends to ${JSON.stringify(location.split("?", 1)[0])}`;
}

function nameOf(error: unknown): string {
  const { name, Code } = (error ?? {}) as { name?: unknown; Code?: unknown };
  if (typeof name === "string" && name !== "" && name !== "Error") return name;
  return typeof Code === "string" && Code !== "" ? Code : "Error";
}

function statusOf(error: unknown): number | undefined {
  const { $metadata } = (error ?? {}) as { $metadata?: { httpStatusCode?: unknown } };
  const status = $metadata?.httpStatusCode;
  return typeof status === "number" ? status : undefined;
}
