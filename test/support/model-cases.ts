import {
  answered,
  cutOff,
  type EmbeddingData,
  embedded,
  endlessStream,
  failed,
  failedInStream,
  hungUp,
  noHttp,
  page,
  type Reply,
  said,
} from "./openai-server.js";

/** One thing that a service does, and what becomes of it. */
export interface ModelCase {
  /** As the page of the adapters calls it. */
  readonly name: string;
  readonly endpoint: "chat" | "embeddings";
  readonly replies: readonly Reply[];
  /** `stored`: it is the description, or the vector. */
  readonly becomes: "stored" | `${string} ${"upload" | "service" | "account" | "deployment"} ${"again" | "once"}`;
  /** What is stored as the description, where that is not what the model said. */
  readonly text?: string;
  readonly metadata?: object;
  /** In milliseconds, from and to: what the service asks to wait. */
  readonly hint?: readonly [number, number];
  /** Of the call that failed, where the service tells them: input and output. */
  readonly paid?: readonly [number, number];
  /** What the message says besides. */
  readonly message?: RegExp;
}

const chat = (
  name: string,
  becomes: ModelCase["becomes"],
  reply: Reply | readonly Reply[],
  more: Partial<ModelCase> = {},
) => ({ name, becomes, endpoint: "chat", replies: [reply].flat(), ...more }) satisfies ModelCase as ModelCase;
const embeddings = (name: string, becomes: ModelCase["becomes"], reply: Reply, more: Partial<ModelCase> = {}) =>
  ({ name, becomes, endpoint: "embeddings", replies: [reply], ...more }) satisfies ModelCase as ModelCase;

const inTwoSeconds: Reply = (response, request) => {
  const date = new Date(Date.now() + 2000).toUTCString();
  return failed(429, {}, { "retry-after": date })(response, request);
};
const quota = { message: "You exceeded your current quota", code: "insufficient_quota", type: "insufficient_quota" };
const json = JSON.stringify({ description: "A cat.", tags: ["cat", "desk"], altText: "A cat on a desk" });
const reversed = (data: readonly EmbeddingData[]) => data.toReversed();
const paid = [100, 20] as const;

export const CASES: readonly ModelCase[] = [
  chat("400, 413, and other 4xx: the first", "DESCRIBE_FAILED upload once", failed(400)),
  chat("400, 413, and other 4xx: the second", "DESCRIBE_FAILED upload once", failed(413)),
  chat("401", "ACCOUNT_REFUSED account once", failed(401), { message: /apiKey/ }),
  chat("402", "ACCOUNT_REFUSED account once", failed(402), { message: /payment/ }),
  chat("403", "ACCOUNT_REFUSED account once", failed(403), { message: /apiKey/ }),
  chat("404", "INVALID_CONFIGURATION deployment once", failed(404), { message: /model's name, and the `baseURL`/ }),
  chat(
    "an error that says that the model takes no pictures",
    "INVALID_CONFIGURATION deployment once",
    failed(400, { message: "Invalid content type. image_url is only supported by certain models." }),
    { message: /acme-vision cannot see pictures; give a vision model/ },
  ),
  chat(
    "400 or 403 of a content filter: the first",
    "CONTENT_REFUSED upload once",
    failed(400, { message: "The prompt was filtered", code: "content_filter" }),
  ),
  chat(
    "400 or 403 of a content filter: the second",
    "CONTENT_REFUSED upload once",
    failed(403, { message: "The service does not accept images: violence", code: "content_filter" }),
  ),
  chat(
    "403 that says in its text that the content is refused",
    "CONTENT_REFUSED upload once",
    failed(403, { message: "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO" }),
  ),
  chat(
    "400 that tells of the key, the credit or the account",
    "ACCOUNT_REFUSED account once",
    failed(400, { message: "API key not valid. Please pass a valid API key." }),
    { message: /API key not valid.*apiKey/ },
  ),
  chat(
    "400 that tells of a model that is not there",
    "INVALID_CONFIGURATION deployment once",
    failed(400, { message: "foo/bar is not a valid model ID" }),
    { message: /model's name/ },
  ),
  chat("429", "RATE_LIMITED service again", failed(429)),
  chat("429 with `Retry-After` in seconds", "RATE_LIMITED service again", failed(429, {}, { "retry-after": "1" }), {
    hint: [1000, 1000],
  }),
  chat("429 with `Retry-After` as a date", "RATE_LIMITED service again", inTwoSeconds, { hint: [0, 2000] }),
  chat("429 with `retry-after-ms`", "RATE_LIMITED service again", failed(429, {}, { "retry-after-ms": "40" }), {
    hint: [40, 40],
  }),
  chat("429 with `insufficient_quota`", "ACCOUNT_REFUSED account once", failed(429, quota), { message: /quota/ }),
  chat("500, 503, and other 5xx: the first", "DESCRIBE_FAILED service again", failed(500)),
  chat("500, 503, and other 5xx: the second", "DESCRIBE_FAILED service again", failed(503)),
  chat("200 with a page of a proxy", "DESCRIBE_FAILED service again", page()),
  chat("an answer that is no HTTP", "DESCRIBE_FAILED service again", noHttp()),
  chat("a connection that breaks before the answer", "DESCRIBE_FAILED service again", hungUp()),
  chat("a connection that breaks in the answer", "DESCRIBE_FAILED service again", cutOff()),
  chat(
    "an error in the stream: `server_error`, or a status as its code",
    "DESCRIBE_FAILED service again",
    failedInStream({ message: "Overloaded", type: "server_error", code: null }, paid),
    { paid },
  ),
  chat(
    "an error in the stream: `insufficient_quota`",
    "ACCOUNT_REFUSED account once",
    failedInStream({ ...quota, message: "No quota is left" }),
  ),
  chat("an error in the stream that tells nothing", "DESCRIBE_FAILED upload again", failedInStream({ message: "Oh" })),
  chat("a stream without a finish", "DESCRIBE_FAILED service again", endlessStream()),
  chat("a refusal", "CONTENT_REFUSED upload once", answered({ refusal: "I cannot help with that." }), { paid }),
  chat(
    "a finish by the content filter",
    "CONTENT_REFUSED upload once",
    answered({ text: "A cat", finish: "content_filter" }),
    { paid },
  ),
  chat(
    "a finish by the limit of tokens",
    "DESCRIPTION_TRUNCATED upload again",
    answered({ text: "A cat on a", finish: "length" }),
    { paid },
  ),
  chat(
    "reasoning that used up all tokens",
    "DESCRIPTION_TRUNCATED upload again",
    answered({ reasoning: "The picture shows a cat", finish: "length" }),
    { paid },
  ),
  chat("an empty answer", "EMPTY_DESCRIPTION upload again", answered(" "), { paid }),
  chat("reasoning in the text, not closed", "EMPTY_DESCRIPTION upload again", answered("<think>The picture shows"), {
    paid,
  }),
  chat("reasoning in the text", "stored", answered("<think>\nHm, a cat.\n</think>\n\nA cat."), { text: "A cat." }),
  chat("JSON with a description", "stored", answered(json), {
    text: "A cat.",
    metadata: { tags: ["cat", "desk"], altText: "A cat on a desk" },
  }),
  chat("JSON in a fence", "stored", answered(`\`\`\`json\n${json}\n\`\`\``), {
    text: "A cat.",
    metadata: { tags: ["cat", "desk"] },
  }),
  chat("broken JSON with a whole description", "stored", answered('{"description": "A cat.", "tags": ["cat",]}'), {
    text: "A cat.",
  }),
  chat("other broken JSON", "stored", answered("{A cat on a desk"), { text: "{A cat on a desk" }),
  embeddings("500 of an embedding", "EMBED_FAILED service again", failed(500)),
  embeddings("400 of an embedding", "EMBED_FAILED upload once", failed(400)),
  embeddings(
    "200 of an embedding with an error inside: the first",
    "EMBED_FAILED service again",
    failed(200, { message: "upstream overloaded", code: 503 }),
    { message: /^upstream overloaded$/ },
  ),
  embeddings(
    "200 of an embedding with an error inside: the second",
    "EMBED_FAILED service again",
    failed(200, { message: "upstream overloaded" }),
    { message: /^The embedding model's answer is broken: upstream overloaded$/ },
  ),
  embeddings(
    "200 of an embedding with `insufficient_quota` inside",
    "ACCOUNT_REFUSED account once",
    failed(200, quota),
  ),
  embeddings(
    "200 of an embedding with `invalid_request_error` inside",
    "EMBED_FAILED upload once",
    failed(200, { message: "The input is too long", type: "invalid_request_error" }),
  ),
  embeddings(
    "200 of an embedding that is empty, half a JSON, or no JSON: the first",
    "EMBED_FAILED service again",
    said(""),
  ),
  embeddings(
    "200 of an embedding that is empty, half a JSON, or no JSON: the second",
    "EMBED_FAILED service again",
    said('{"data":[{"embedding":[0.1,0.'),
  ),
  embeddings(
    "200 of an embedding that is empty, half a JSON, or no JSON: the third",
    "EMBED_FAILED service again",
    said("upstream connect error", "text/plain"),
  ),
  embeddings("too few vectors", "EMBED_FAILED upload again", embedded({ change: () => [] }), { paid: [6, 0] }),
  embeddings(
    "two vectors of one text",
    "EMBED_FAILED upload again",
    embedded({ change: (data) => [...data, ...data] }),
    { paid: [6, 0] },
  ),
  embeddings("vectors out of order, with their `index`", "stored", embedded({ change: reversed })),
];
