import { describe, expect, test } from "vitest";
import { ConfigurationError, classifyError, isFault, UploadError } from "../../src/errors.js";
import {
  apiCallError,
  awsError,
  ollamaError,
  openAIError,
  refusedConnection,
  refusedLocalhost,
  retryError,
  verdictOf,
} from "../support/service-errors.js";

type Row = readonly [name: string, thrown: unknown, verdict: string];

const describing = (thrown: unknown) => classifyError(thrown, "describe", "DESCRIBE_FAILED");

const quota = { message: "You exceeded your current quota", code: "insufficient_quota", type: "insufficient_quota" };
const asBody = JSON.stringify({ error: quota });
const abort = new DOMException("The operation was aborted due to timeout", "TimeoutError");
const page = "<!doctype html><title>502 Bad Gateway</title>";

const MODELS: readonly Row[] = [
  // this content, and no other
  [
    "AI SDK: 400 of a content filter (Azure)",
    apiCallError(400, "The response was filtered", {
      data: { error: { code: "content_filter", message: "filtered" } },
    }),
    "CONTENT_REFUSED upload once",
  ],
  [
    "AI SDK: 403 of a moderation, whose reasons are told (OpenRouter)",
    apiCallError(403, "Your input was flagged", {
      responseBody: JSON.stringify({ error: { code: 403, metadata: { reasons: ["violence"], flagged_input: "…" } } }),
    }),
    "CONTENT_REFUSED upload once",
  ],
  [
    "OpenAI: 400 of a content policy",
    openAIError(400, { message: "Rejected", code: "content_policy_violation", type: "invalid_request_error" }),
    "CONTENT_REFUSED upload once",
  ],

  // the service
  [
    "fetch, refused",
    new TypeError("fetch failed", { cause: refusedConnection("127.0.0.1:11434") }),
    "DESCRIBE_FAILED service again",
  ],
  [
    "fetch, localhost refused",
    new TypeError("fetch failed", { cause: refusedLocalhost(11434) }),
    "DESCRIBE_FAILED service again",
  ],
  ["a time-out of a signal", abort, "DESCRIBE_FAILED service again"],
  [
    "a certificate that has expired",
    Object.assign(new Error("certificate has expired"), { code: "CERT_HAS_EXPIRED" }),
    "DESCRIBE_FAILED service again",
  ],
  [
    "AI SDK: cannot connect",
    apiCallError(undefined, "Cannot connect to API: ", { cause: refusedConnection("10.0.0.1:80") }),
    "DESCRIBE_FAILED service again",
  ],
  ["AI SDK: 500", apiCallError(500, "Internal Server Error"), "DESCRIBE_FAILED service again"],
  ["AI SDK: 408", apiCallError(408, "Request Timeout"), "DESCRIBE_FAILED service again"],
  ["AI SDK: 429", apiCallError(429, "Too Many Requests"), "RATE_LIMITED service again"],
  [
    "AI SDK: its own retries used up",
    retryError(apiCallError(503, "busy"), apiCallError(503, "busy")),
    "DESCRIBE_FAILED service again",
  ],
  [
    "AI SDK: 200 with a page of a proxy",
    apiCallError(200, "Invalid JSON response", { responseBody: page }),
    "DESCRIBE_FAILED service again",
  ],
  [
    "AI SDK: 200, then the connection broke",
    apiCallError(200, "Failed to process successful response", { cause: { code: "ECONNRESET" } }),
    "DESCRIBE_FAILED service again",
  ],
  [
    "OpenAI: 429",
    openAIError(429, { message: "Rate limit reached", code: "rate_limit_exceeded", type: "requests" }),
    "RATE_LIMITED service again",
  ],
  [
    "OpenAI: connection",
    Object.assign(new Error("Connection error."), { status: undefined }),
    "DESCRIBE_FAILED service again",
  ],
  ["Ollama: 503", ollamaError(503, "server busy, please try again"), "DESCRIBE_FAILED service again"],
  ["Bedrock: throttled", awsError("ThrottlingException", 429, "Too many requests"), "RATE_LIMITED service again"],
  ["Bedrock: clock", awsError("RequestTimeTooSkewed", 403, "skewed"), "DESCRIBE_FAILED service again"],
  ["a plain object with a status", { status: 503, message: "busy" }, "DESCRIBE_FAILED service again"],
  ["a status as text", { code: "503", message: "busy" }, "DESCRIBE_FAILED service again"],
  ["inside a stream, by number", { code: 502, message: "upstream" }, "DESCRIBE_FAILED service again"],
  [
    "inside a stream, by word",
    { type: "error", error: { type: "overloaded_error", message: "Overloaded" } },
    "DESCRIBE_FAILED service again",
  ],
  [
    "a 400 that says when to come back",
    Object.assign(new Error("loading"), { status: 400, headers: { "Retry-After": "3" } }),
    "DESCRIBE_FAILED service again",
  ],
  [
    "a wrapper of the user's",
    new Error("describing failed", { cause: apiCallError(502, "Bad Gateway") }),
    "DESCRIBE_FAILED service again",
  ],
  ["its own word", Object.assign(new Error("warming up"), { fault: "service" }), "DESCRIBE_FAILED service again"],
  // the account
  ["AI SDK: 401", apiCallError(401, "Incorrect API key provided"), "ACCOUNT_REFUSED account once"],
  ["AI SDK: 402", apiCallError(402, "Payment Required"), "ACCOUNT_REFUSED account once"],
  ["AI SDK: 403", apiCallError(403, "Forbidden"), "ACCOUNT_REFUSED account once"],
  ["AI SDK: quota in data", apiCallError(429, "quota", { data: { error: quota } }), "ACCOUNT_REFUSED account once"],
  ["AI SDK: quota in the body", apiCallError(429, "quota", { responseBody: asBody }), "ACCOUNT_REFUSED account once"],
  [
    "AI SDK: quota after its own retries",
    retryError(apiCallError(429, "quota", { responseBody: asBody })),
    "ACCOUNT_REFUSED account once",
  ],
  ["OpenAI: quota", openAIError(429, quota), "ACCOUNT_REFUSED account once"],
  [
    "OpenAI: billing",
    openAIError(400, { ...quota, code: "billing_hard_limit_reached", type: "x" }),
    "ACCOUNT_REFUSED account once",
  ],
  ["quota as type alone", { type: "quota_exceeded", message: "no more" }, "ACCOUNT_REFUSED account once"],
  [
    "axios: quota",
    Object.assign(new Error("429"), { response: { status: 429, data: { error: quota } } }),
    "ACCOUNT_REFUSED account once",
  ],
  ["Ollama: 401", ollamaError(401, "unauthorized"), "ACCOUNT_REFUSED account once"],
  ["Bedrock: 403", awsError("AccessDeniedException", 403, "You don't have access"), "ACCOUNT_REFUSED account once"],
  // the deployment
  ["AI SDK: 404", apiCallError(404, "The model `gpt-9` does not exist"), "INVALID_CONFIGURATION deployment once"],
  ["Ollama: no such model", ollamaError(404, 'model "llava" not found'), "INVALID_CONFIGURATION deployment once"],
  [
    "a module that is not there",
    Object.assign(new Error("Cannot find package 'sharp'"), { code: "ERR_MODULE_NOT_FOUND" }),
    "INVALID_CONFIGURATION deployment once",
  ],
  [
    "a binary that cannot be loaded",
    new Error("no sharp", { cause: { code: "ERR_DLOPEN_FAILED" } }),
    "INVALID_CONFIGURATION deployment once",
  ],
  // the upload
  ["AI SDK: 400", apiCallError(400, "Invalid image"), "DESCRIBE_FAILED upload once"],
  ["AI SDK: 413", apiCallError(413, "Too large"), "DESCRIBE_FAILED upload once"],
  [
    "its own word against a status",
    Object.assign(new Error("no"), { status: 503, retryable: false }),
    "DESCRIBE_FAILED upload once",
  ],
  [
    "its own word for a status",
    Object.assign(new Error("no"), { status: 400, isRetryable: true }),
    "DESCRIBE_FAILED upload again",
  ],
  ["an error that tells nothing", new Error("boom"), "DESCRIBE_FAILED upload again"],
  [
    "AI SDK: 200 with half of the JSON",
    apiCallError(200, "Invalid JSON response", { responseBody: '{"choices":[{' }),
    "DESCRIBE_FAILED upload again",
  ],
  ["a cut-off JSON", new SyntaxError("Unexpected end of JSON input"), "DESCRIBE_FAILED upload again"],
  ["a mistake", new TypeError("x is not a function"), "DESCRIBE_FAILED upload once"],
  ["a mistake of another realm", Object.assign(new Error("x"), { name: "RangeError" }), "DESCRIBE_FAILED upload once"],
];

describe("a model", () => {
  test.each(MODELS)("%s", (_, thrown, verdict) => {
    expect(verdictOf(describing(thrown))).toBe(verdict);
  });
  test("a stage of the user's is judged like a model's, but for JSON that is cut off and for 404", () => {
    const scanning = (thrown: unknown) => verdictOf(classifyError(thrown, "virus-scan", "STAGE_FAILED"));
    expect(scanning({ status: 401, message: "no" })).toBe("ACCOUNT_REFUSED account once");
    expect(scanning({ status: 404, message: "no" })).toBe("STAGE_FAILED upload once");
    expect(scanning(new SyntaxError("x"))).toBe("STAGE_FAILED upload once");
    expect(scanning(new UploadError("no", { code: "REJECTED" }))).toBe("REJECTED upload once");
    expect(scanning(new UploadError("no", { code: "MINE", retryable: true }))).toBe("MINE upload again");
  });

  test("a fault of the deployment is a ConfigurationError, with message, stage and cause", () => {
    const thrown = ollamaError(404, 'model "llava" not found');
    const error = describing(thrown);
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error).toMatchObject({ name: "ConfigurationError", stage: "describe", cause: thrown });
    expect(error.message).toBe('model "llava" not found');
    const own = describing(new UploadError("no key", { code: "MINE", fault: "deployment" }));
    expect(own).toBeInstanceOf(ConfigurationError);
    expect(isFault(own, "deployment")).toBe(true);
    const staged = new ConfigurationError("no", { stage: "embed" });
    expect(describing(staged)).toBe(staged);
  });

  test("codes of the deployment that say more are kept", () => {
    expect(verdictOf(classifyError(new Error("x"), "claim", "INPUT_FAILED"))).toBe("INPUT_FAILED deployment once");
    const listener = new UploadError("x", { code: "LISTENER_FAILED", stage: "save" });
    expect(describing(listener)).toBe(listener);
  });

  test("an UploadError of another copy of the package keeps what it says", () => {
    const fields = { code: "MINE", fault: "account", retryable: true, stage: "embed", retryAfterMs: 7, usage: {} };
    const foreign = Object.assign(new Error("no more money"), fields);
    Object.defineProperty(foreign, Symbol.for("upload-processor.UploadError"), { value: true });
    const { usage: _, ...kept } = fields;
    expect(describing(foreign)).toBeInstanceOf(UploadError);
    expect(describing(foreign)).toMatchObject({ ...kept, message: "no more money", cause: foreign });
    const misuse = Object.assign(new Error("x"), {
      code: "INVALID_CONFIGURATION",
      fault: "deployment",
      stage: "claim",
    });
    Object.defineProperty(misuse, Symbol.for("upload-processor.UploadError"), { value: true });
    expect(describing(misuse)).toBeInstanceOf(ConfigurationError);
  });
});
