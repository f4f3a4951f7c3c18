import { classifyError, messageOf, UploadError } from "../../errors.js";
import { at } from "./at.js";

type ModelStage = "describe" | "embed";

const CODES = { describe: "DESCRIBE_FAILED", embed: "EMBED_FAILED" } as const;
const MODELS = { describe: "model", embed: "embedding model" } as const;

/** The service answered, but not with what it should: another call may well be answered. */
export function brokenAnswer(message: string, cause?: unknown, stage: ModelStage = "describe"): UploadError {
  return new UploadError(`The ${MODELS[stage]}'s answer is broken: ${message}`, {
    code: CODES[stage],
    fault: "service",
    stage,
    cause,
  });
}

/** The provider could not read what the service sent. */
const UNREADABLE = /^AI_(?:InvalidResponseData|JSONParse|TypeValidation|EmptyResponseBody|NoContentGenerated)Error$/;
/** The type of the errors by which a service says that what it was asked is wrong. */
const REFUSED_REQUEST = "invalid_request_error";

/**
 * An error of a call that was answered as if it had gone well, with what is no answer: an error in a 200, half a JSON, nothing.
 * What the service says inside decides; where it says nothing, the service is at fault, not what it was asked. Any other error
 * stays as it is.
 */
export function unreadable(error: unknown, stage: ModelStage): unknown {
  const status = at(error, "statusCode");
  const isAnswered = typeof status === "number" && status < 400;
  if (UploadError.isInstance(error) || !(isAnswered || UNREADABLE.test(String(at(error, "name"))))) return error;
  const body = bodyOf(error);
  const headers = { responseHeaders: at(error, "responseHeaders") };
  const told = body === undefined ? error : Object.assign(toldError(body), headers);
  const { fault, retryable } = classifyError(told, stage, CODES[stage]);
  if (fault !== "upload" || !retryable) return told;
  if (told !== error && at(told, "type") === REFUSED_REQUEST) return Object.assign(told as Error, { retryable: false });
  return brokenAnswer(messageOf(at(body, "error") ?? error), error, stage);
}

/** Errors may be plain objects: `{ message, type, code }` of the service, or that in an `error`. */
export function toldError(told: unknown): Error {
  const inner = at(told, "error") ?? told;
  const error = new Error(messageOf(inner), { cause: told });
  for (const field of ["code", "type", "status", "statusCode"]) {
    const value = at(inner, field) ?? at(told, field);
    if (value != null) Object.assign(error, { [field]: value });
  }
  return error;
}

/** What the service sent, where it is an object: providers keep its text, or what they made of it. */
function bodyOf(error: unknown): unknown {
  const text = at(error, "responseBody");
  if (typeof text !== "string") return at(error, "value") ?? at(at(error, "cause"), "value");
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null ? body : undefined;
  } catch {
    return undefined;
  }
}
