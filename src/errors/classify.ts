import type { StageName } from "../contracts/upload.js";
import { errorChain, firstOf } from "./chain.js";
import { type Fault, isFaultName, retryableOf, type UploadErrorCode, verdictOf } from "./codes.js";
import { hintOf, statusOf, waitOf } from "./hints.js";
import { isA, read } from "./inspect.js";
import { isUploadError } from "./mark.js";
import { messageOf } from "./message.js";
import { isRefusal } from "./refusal.js";
import {
  isAccountError,
  isContentRefusal,
  isDeploymentError,
  isMistake,
  isPageOfProxy,
  isPassing,
  isServiceError,
  saysAccountIsRefused,
  saysContentIsRefused,
  saysModelIsMissing,
} from "./signs.js";
import { ConfigurationError, UploadError } from "./upload-error.js";

interface Verdict {
  readonly code: UploadErrorCode;
  readonly fault: Fault;
  readonly retryable: boolean;
}

/** Stages that call no model: their statuses are those of a store. */
const STORE_STAGES: ReadonlySet<string> = new Set(["claim", "open", "thumbnail", "save"]);
const MODEL_STAGES: ReadonlySet<string> = new Set(["describe", "embed"]);
const PASSING_STATUS: ReadonlySet<number> = new Set([408, 409, 425, 429]);
const ACCOUNT_STATUS: ReadonlySet<number> = new Set([401, 402, 403]);

/**
 * Makes an {@link UploadError} of what an adapter threw, and decides whose fault it is and whether it is worth another attempt.
 * What is an UploadError already keeps what it says. Whatever was thrown, this does not throw: not for null, and not for an
 * object that throws when it is looked at.
 *
 * @param code for what says nothing more exact of itself
 * @returns a ConfigurationError for a fault of the deployment
 */
export function classifyError(thrown: unknown, stage: StageName, code: UploadErrorCode): UploadError {
  if (isUploadError(thrown)) return adopted(thrown, stage, code);
  const chain = errorChain(thrown);
  const retryAfterMs = firstOf(chain, hintOf);
  const verdict = verdictFor(thrown, chain, { stage, code, retryAfterMs });
  return built(messageOf(thrown), { ...verdict, stage, retryAfterMs, cause: thrown });
}

/** An UploadError keeps what it says. It is made anew when it has no stage yet, or is of another copy of the package. */
function adopted(thrown: unknown, stage: StageName, byDefault: UploadErrorCode): UploadError {
  const [own, ownStage, retryable, cause] = ["code", "stage", "retryable", "cause"].map((field) => read(thrown, field));
  const code = typeof own === "string" && own !== "" ? own : byDefault;
  const ownFault = read(thrown, "fault");
  const fault = isFaultName(ownFault) ? ownFault : verdictOf(code).fault;
  const keeps = isA(thrown, UploadError) && typeof ownStage === "string";
  if (keeps && (!isOfDeployment(code, fault) || isA(thrown, ConfigurationError))) return thrown;
  return built(messageOf(thrown), {
    code,
    fault,
    stage: typeof ownStage === "string" ? ownStage : stage,
    retryable: typeof retryable === "boolean" ? retryable : undefined,
    retryAfterMs: waitOf(read(thrown, "retryAfterMs")),
    // What the call used up is read from the error that was thrown.
    cause: read(thrown, "usage") === undefined ? (cause ?? thrown) : thrown,
  });
}

interface Built {
  readonly code: UploadErrorCode;
  readonly fault: Fault;
  readonly retryable: boolean | undefined;
  readonly stage: StageName;
  readonly retryAfterMs: number | undefined;
  readonly cause: unknown;
}

function built(message: string, options: Built): UploadError {
  if (isOfDeployment(options.code, options.fault)) return new ConfigurationError(message, options);
  return new UploadError(message, options);
}

/** Three codes are the deployment's and say more than that: they stay. */
function isOfDeployment(code: UploadErrorCode, fault: Fault): boolean {
  return fault === "deployment" && (code === "INVALID_CONFIGURATION" || verdictOf(code).fault !== "deployment");
}

interface Circumstances {
  readonly stage: StageName;
  readonly code: UploadErrorCode;
  readonly retryAfterMs: number | undefined;
}

function verdictFor(thrown: unknown, chain: readonly unknown[], { stage, code, retryAfterMs }: Circumstances): Verdict {
  const own = wordOf(thrown);
  const status = firstOf(chain, statusOf);
  const specific = status === 429 ? "RATE_LIMITED" : code;
  const fault = read(thrown, "fault");
  if (isFaultName(fault)) return byFault(fault, own, specific);

  if (chain.some(isDeploymentError)) return byFault("deployment", false, specific);
  const refused = isRefusal(thrown);
  if (refused && code === "REPOSITORY_FAILED") return byFault("upload", false, "RESULT_REFUSED");
  const passing = chain.some(isPassing);
  if (!STORE_STAGES.has(stage) && !passing) {
    // Sentences are read of refusals alone: others may hold what a model has said of a picture.
    const refusals = chain.filter((error) => (statusOf(error) ?? 500) < 500);
    const isContent = chain.some(isContentRefusal) || (status !== 429 && refusals.some(saysContentIsRefused));
    if (isContent) return byFault("upload", false, "CONTENT_REFUSED");
    const isModel = MODEL_STAGES.has(stage);
    const isAccount = ACCOUNT_STATUS.has(status ?? 0) || chain.some(isAccountError);
    if (isAccount || (isModel && refusals.some(saysAccountIsRefused))) return byFault("account", false, specific);
    // A model that is not there; to a service of the user's own 404 may say that it knows nothing of this upload.
    if (isModel && (status === 404 || refusals.some(saysModelIsMissing))) return byFault("deployment", false, specific);
  }

  const page = isPageOfProxy(thrown) && status === undefined;
  const byStatus = status !== undefined && (status >= 500 || PASSING_STATUS.has(status));
  if (passing || page || byStatus || retryAfterMs !== undefined || isUnreachable(chain, status)) {
    const retryable = own !== false;
    return { code: specific, fault: retryable ? "service" : "upload", retryable };
  }
  const again = own ?? (!refused && status === undefined && isWorthAnotherTry(thrown, stage, code));
  return { code, fault: faultUnlessTold(code), retryable: again };
}

function byFault(fault: Fault, own: boolean | undefined, code: UploadErrorCode): Verdict {
  const retryable = own ?? (fault === "service" || retryableOf(code, fault));
  return { code: fault === "account" ? "ACCOUNT_REFUSED" : code, fault, retryable };
}

/** A status is an answer, so the service was there. */
function isUnreachable(chain: readonly unknown[], status: number | undefined): boolean {
  return status === undefined && chain.some(isServiceError);
}

/**
 * For an error that tells nothing of itself. A storage's is that of the upload: another file may well be readable. The
 * repository holds them all.
 */
function faultUnlessTold(code: UploadErrorCode): Fault {
  return code === "STORAGE_FAILED" ? "upload" : verdictOf(code).fault;
}

function isWorthAnotherTry(thrown: unknown, stage: StageName, code: UploadErrorCode): boolean {
  if (verdictOf(code).fault === "deployment") return false;
  // A model that was cut off sends half of its JSON.
  if (isMistake(thrown, "SyntaxError")) return stage === "describe";
  return !(isMistake(thrown, "TypeError") || isMistake(thrown, "RangeError"));
}

/** Whether the error itself says that it is tried again. */
function wordOf(thrown: unknown): boolean | undefined {
  const own = read(thrown, "retryable");
  if (typeof own === "boolean") return own;
  // The AI SDK works its word out of the status, and that of an answer which it could not read is 200.
  const status = read(thrown, "statusCode");
  if (typeof status === "number" && status < 400) return undefined;
  const derived = read(thrown, "isRetryable");
  return typeof derived === "boolean" ? derived : undefined;
}
