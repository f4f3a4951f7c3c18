import { describe, expect, test } from "vitest";
import { classifyError } from "../../src/errors.js";
import { apiCallError, openAIError, verdictOf } from "../support/service-errors.js";

type Row = readonly [name: string, thrown: unknown];

/** As the AI SDK throws it where its provider knows the form of the body. */
const known = (status: number, message: string, body: object) =>
  apiCallError(status, message, { data: body, responseBody: JSON.stringify(body) });
/** As it throws it where the provider does not: the message is the text of the status. */
const unknown = (status: number, statusText: string, body: object) =>
  apiCallError(status, statusText, { responseBody: JSON.stringify(body) });

const noPermission = "The caller does not have permission to execute the specified operation";
const violates = "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_CSAM";
const google = {
  error: {
    code: 400,
    message: "API key not valid. Please pass a valid API key.",
    status: "INVALID_ARGUMENT",
    details: [
      { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID", domain: "googleapis.com" },
    ],
  },
};
const noCredit = "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing.";
const anthropic = { type: "error", error: { type: "invalid_request_error", message: noCredit } };
const xaiKey = {
  code: "Client specified an invalid argument",
  error: "Incorrect API key provided: xa***. You can obtain an API key from https://console.x.ai.",
};
const spent = "Your team has either used all available credits or reached its monthly spending limit.";
const openRouter = { error: { message: "foo/bar is not a valid model ID", code: 400 } };
const deepSeek = {
  error: { message: "Model Not Exist", type: "invalid_request_error", code: "invalid_request_error" },
};
const mistral = { object: "error", message: "Invalid model: pixtral-xx", type: "invalid_model", code: "1500" };

const CONTENT: readonly Row[] = [
  ["xAI, its `error` a text", known(403, noPermission, { code: noPermission, error: violates })],
  ["xAI, a body of unknown form", unknown(403, "Forbidden", { code: noPermission, error: violates })],
  ["xAI, by OpenAI's client", openAIError(403, { message: violates, code: noPermission, type: "x" })],
  ["axios", Object.assign(new Error("403"), { response: { status: 403, data: { error: violates } } })],
  ["a body of mere text", apiCallError(400, "Bad Request", { responseBody: "Blocked by our content policy" })],
];

const ACCOUNT: readonly Row[] = [
  ["Google, a wrong key", known(400, google.error.message, google)],
  ["Google, in an array", unknown(400, "Bad Request", [google])],
  ["Google, by the reason alone", unknown(400, "Bad Request", { error: { details: google.error.details } })],
  ["Google, by the sentence alone", known(400, google.error.message, { error: { message: google.error.message } })],
  ["Anthropic, no credit", known(400, noCredit, anthropic)],
  ["xAI, a wrong key", unknown(400, "Bad Request", xaiKey)],
  ["xAI, all spent", known(429, spent, { code: "Some resource has been exhausted", error: spent })],
  ["an organization", openAIError(400, { message: "Organization has been restricted.", code: null, type: "x" })],
  [
    "an account suspended for its content",
    openAIError(400, { message: "Your account was suspended: content policy", code: null, type: "x" }),
  ],
];

const MODEL: readonly Row[] = [
  ["OpenRouter", known(400, "foo/bar is not a valid model ID", openRouter)],
  ["DeepSeek", known(400, "Model Not Exist", deepSeek)],
  ["Mistral", known(400, "Invalid model: pixtral-xx", mistral)],
  ["Mistral, a body of unknown form", unknown(400, "Bad Request", mistral)],
  ["OpenAI, by its code", openAIError(400, { message: "No", code: "model_not_found", type: "x" })],
];

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable([], {});
  revoke();
  return proxy;
}

/** What the model said, or was sent, is no word of the service. */
const OTHERS: readonly (readonly [name: string, thrown: unknown, verdict: string])[] = [
  [
    "a description in a body with status 200",
    apiCallError(200, "Invalid JSON response", {
      responseBody: JSON.stringify({ message: `A sign: ${violates} ${noCredit} foo is not a valid model ID` }),
    }),
    "DESCRIBE_FAILED upload again",
  ],
  [
    "a description in a field of a refusal",
    unknown(400, "Bad Request", { error: { message: "Failed to generate JSON", failed_generation: violates } }),
    "DESCRIBE_FAILED upload once",
  ],
  [
    "an invalid image",
    apiCallError(400, "Invalid image: this is not a valid model input"),
    "DESCRIBE_FAILED upload once",
  ],
  [
    "a page of a proxy that filters",
    apiCallError(403, "Forbidden", { responseBody: "<html><body>Blocked by the content filter</body></html>" }),
    "ACCOUNT_REFUSED account once",
  ],
  [
    "a limit of calls that speaks of billing and of a filter",
    apiCallError(429, "Rate limit of the content filter reached; see account/billing to raise it"),
    "RATE_LIMITED service again",
  ],
  [
    "a wrapper of the user's that names the file",
    new Error("content policy.jpg failed", { cause: apiCallError(400, "Invalid image") }),
    "DESCRIBE_FAILED upload once",
  ],
  [
    "lists that do not let themselves be looked at",
    Object.assign(apiCallError(400, "Invalid image"), { data: revoked(), error: { details: revoked() } }),
    "DESCRIBE_FAILED upload once",
  ],
  ["a service that is down", apiCallError(503, `${violates} ${noCredit}`), "DESCRIBE_FAILED service again"],
];

const describing = (thrown: unknown) => classifyError(thrown, "describe", "DESCRIBE_FAILED");

describe("what a model's service says in sentences", () => {
  test.each(CONTENT)("content that is refused: %s", (_, thrown) => {
    expect(verdictOf(describing(thrown))).toBe("CONTENT_REFUSED upload once");
  });

  test.each(ACCOUNT)("an account that is refused: %s", (_, thrown) => {
    expect(verdictOf(describing(thrown))).toBe("ACCOUNT_REFUSED account once");
    expect(verdictOf(classifyError(thrown, "embed", "EMBED_FAILED"))).toBe("ACCOUNT_REFUSED account once");
  });

  test.each(MODEL)("a model that is not there: %s", (_, thrown) => {
    expect(verdictOf(describing(thrown))).toBe("INVALID_CONFIGURATION deployment once");
    expect(verdictOf(classifyError(thrown, "virus-scan", "STAGE_FAILED"))).toBe("STAGE_FAILED upload once");
    expect(verdictOf(classifyError(thrown, "open", "STORAGE_FAILED"))).toBe("STORAGE_FAILED upload once");
  });

  test.each(OTHERS)("none of these: %s", (_, thrown, verdict) => {
    expect(verdictOf(describing(thrown))).toBe(verdict);
  });

  test.each([
    ["Bad Request", unknown(400, "Bad Request", xaiKey), xaiKey.error],
    ["nothing, as over HTTP/2", unknown(400, "", mistral), mistral.message],
    ["in an array", unknown(400, "Bad Request", [google]), google.error.message],
    ["the status alone", apiCallError(400, "Bad Request"), "Bad Request"],
    ["a page", apiCallError(403, "Forbidden", { responseBody: "<html>no</html>" }), "Forbidden"],
    ["more than the status", known(400, "Model Not Exist", openRouter), "Model Not Exist"],
  ])("the message is that of the body where there is only the text of the status: %s", (_, thrown, message) => {
    expect(describing(thrown).message).toBe(message);
  });
});
