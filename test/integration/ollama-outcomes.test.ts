import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { memoryRepository, memoryStorage } from "../../src/adapters/memory.js";
import { ollama } from "../../src/adapters/ollama.js";
import { type AIAdapter, createRuntime, processUploadWithRetry, UploadError } from "../../src/index.js";
import { jpeg } from "../support/image.js";
import { chat, failure, hangUp, json, lines, OllamaServer, page, type Reply } from "../support/ollama-server.js";

/** What becomes of what the server does, over HTTP and with the real client: the tables of `src/adapters/ollama.md`. */
const PAGE = readFileSync(new URL("../../src/adapters/ollama.md", import.meta.url), "utf8");

const DONE = { done_reason: "stop" };
const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000).toUTCString();
const QUOTA = json({ error: { message: "You exceeded your current quota", code: "insufficient_quota" } }, 429);

/** An answer byte by byte: Node's own server sends no statuses that there are not. */
const raw = (status: string, ...headers: string[]): Reply => {
  return ({ response }) =>
    void response.socket?.end(`HTTP/1.1 ${[status, "Content-Length: 4", ...headers].join("\r\n")}\r\n\r\nbody`);
};

const DESCRIBE: Readonly<Record<string, Reply>> = {
  "a description, streamed": chat([{ content: "A cat " }, { content: "on a keyboard." }, DONE]),
  "`<think>` in the text": chat([
    { content: "<think>Is it a cat? It is.</think>\n\nA cat " },
    { content: "asleep." },
    DONE,
  ]),
  "thinking apart from the text": chat([{ thinking: "Is it a cat? It is." }, { content: "A cat asleep." }, DONE]),
  "JSON in a fence, because the prompt asks for it": chat([
    { content: '```json\n{ "description": "A cat asleep.", ' },
    { content: '"tags": ["cat"] }\n```' },
    DONE,
  ]),
  "thinking that uses up `num_predict`": chat([{ thinking: "Is it a cat? It is. Is it?" }, { done_reason: "length" }]),
  "a description that is cut off": chat([{ content: "A cat on" }, { done_reason: "length" }]),
  "no text": chat([DONE]),
  "the model is missing": failure(404, "model 'qwen2.5vl:7b' not found"),
  "the model cannot see (500)": failure(500, "this model is missing data required for image input"),
  "the model cannot see, told in the stream": chat([], {
    error: "this model is missing data required for image input",
  }),
  "a content filter of a gateway that speaks of images": json(
    { error: { message: "The service does not accept images: violence", code: "content_filter" } },
    400,
  ),
  "an embedding model is asked": failure(400, '"nomic-embed-text" does not support chat'),
  "`think` for a model that does not": failure(400, '"qwen2.5vl:7b" does not support thinking'),
  "no Ollama there (404)": ({ response }) => void response.writeHead(404).end("404 page not found"),
  "a redirect": ({ response }) => void response.writeHead(301, { location: "https://ollama.example/api/chat" }).end(),
  "400": failure(400, "invalid options: temperature"),
  "413 of a proxy": page(413, "<title>413 Request Entity Too Large</title>"),
  "401": failure(401, "unauthorized"),
  "402": failure(402, "payment required"),
  "403 of a proxy": page(403, "<title>403 Forbidden</title>"),
  "429 with `Retry-After: 1`": failure(429, "too many requests", { "retry-after": "1" }),
  "429 with a date that is 80 s ahead": (exchange) =>
    failure(429, "too many requests", { "retry-after": inSeconds(80) })(exchange),
  "429 with `retry-after-ms: 50`": failure(429, "too many requests", { "retry-after-ms": "50" }),
  "429 with `insufficient_quota`": QUOTA,
  "499": failure(499, "request canceled"),
  "500": failure(500, "llama runner process has terminated: signal: killed"),
  "503, the queue is full": failure(503, "server busy, please try again.  maximum pending requests exceeded"),
  "502 of a proxy": page(502, "<title>502 Bad Gateway</title>"),
  "099 of a broken proxy": raw("099 Odd"),
  "101 without an upgrade": raw("101 Switching Protocols"),
  "101, an upgrade that nobody asked for": raw("101 Switching Protocols", "Connection: upgrade", "Upgrade: h2c"),
  "304 of a broken proxy": raw("304 Not Modified"),
  "600 of a broken proxy": raw("600 Odd"),
  "999 of a broken proxy": raw("999 Odd"),
  "a reason that is no text": raw("500 Internal\u0001Error"),
  "200 with a page of HTML": page(200),
  "an error in the stream": chat([{ content: "A cat " }], {
    error: "an error was encountered while running the model",
  }),
  "an error in the stream with a status that there is not": lines('{"error":"odd","status":200}'),
  "an error in the stream of a gateway: `insufficient_quota`": lines(
    '{"error":{"message":"plan used up","code":"insufficient_quota"}}',
  ),
  "an error in the stream of a gateway: a status as its code": lines('{"error":{"message":"too many","code":429}}'),
  "an error in the stream that is an object without a message": lines('{"error":{"reason":"odd"}}'),
  "a whole answer with `error: null` in it": lines(
    '{"error":null,"message":{"role":"assistant","content":"A cat asleep."},"done":false}',
    '{"error":null,"message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":9,"eval_count":3}',
  ),
  "a line that is no JSON": lines('{"message":{"role":"assistant","content":"A"},"done":false}', "{ half"),
  "a stream without an end": chat([{ content: "A cat " }]),
  "a stream that is cut": chat([{ content: "A cat " }], "cut"),
  "the connection is closed without an answer": hangUp,
};

const EMBED: Readonly<Record<string, Reply>> = {
  "a vector": json({ embeddings: [[0.6, 0.8]], prompt_eval_count: 9 }),
  "too few vectors": json({ embeddings: [], prompt_eval_count: 9 }),
  "no vectors": json({ ok: true }),
  "a vector with `null`": json({ embeddings: [[0.6, null]] }),
  "the model is missing": failure(404, 'model "nomic-embed-text" not found, try pulling it first'),
  "the model makes no vectors": failure(501, "This server does not support embeddings. Start it with `--embeddings`"),
  "400": failure(400, "the input length exceeds the context length"),
  "401": failure(401, "unauthorized"),
  "429 with `retry-after-ms: 50`": failure(429, "too many requests", { "retry-after-ms": "50" }),
  "503, the queue is full": failure(503, "server busy, please try again.  maximum pending requests exceeded"),
  "200 with a page of HTML": page(200),
  "`null`": json(null),
  "200 with an error": json({ error: "upstream overloaded" }),
  "200 with an error of a gateway": json({ error: { message: "upstream overloaded", code: 503 } }),
  "200 with `insufficient_quota`": json({ error: { message: "plan used up", code: "insufficient_quota" } }),
  "a vector with `error: null` beside it": json({ error: null, embeddings: [[0.6, 0.8]], prompt_eval_count: 9 }),
  "half an answer": ({ response }) => void response.writeHead(200).end('{ "embeddings": [[0.6'),
  "the connection is closed without an answer": hangUp,
};

let printed: readonly { readonly mock: { readonly calls: unknown[][] } }[];
beforeAll(() => {
  printed = (["log", "info", "warn", "error"] as const).map((name) => vi.spyOn(console, name).mockReturnValue());
});
afterAll(() => void vi.restoreAllMocks());

/** One upload, with one more attempt after the first, over a server that does the same at every call of the stage. */
async function outcomeOf(stage: Stage, reply: Reply) {
  const server = await OllamaServer.start();
  onTestFinished(() => server.close());
  server.always(ENDPOINTS[stage], reply);
  const model = ollama({ host: server.url, model: "qwen2.5vl:7b", embeddingModel: "nomic-embed-text" });
  let reports = 0;
  const ai: AIAdapter = {
    ...model,
    describe: (media, context) =>
      model.describe(media, { ...context, reportProgress: (fraction) => void (fraction > 0 && reports++) }),
  };
  const repository = memoryRepository({ uploads: [{ id: "1", storageKey: "1.jpg", status: "pending" }] });
  const adapters = { ai, repository, storage: memoryStorage([["1.jpg", jpeg]]) };
  const runtime = createRuntime();
  const options = { runtime, thumbnail: false, retry: { maxAttempts: 2, minTimeout: 1 } } as const;
  const settled = await processUploadWithRetry("1", adapters, options).catch((error: unknown) => ({ error }));
  const error = "error" in settled ? settled.error : undefined;
  if (error !== undefined && !UploadError.isInstance(error)) throw error;
  const { requests = 0, totalTokens = 0 } = runtime.health().usage;
  // Whatever stands around the description, it is not stored.
  expect((await repository.findUpload("1"))?.description ?? "").not.toMatch(/think|`|\{|Is it/);
  return { error, server, requests, totalTokens, reports };
}

type Stage = "describe" | "embed";
const ENDPOINTS = { describe: "chat", embed: "embed" } as const;
/** What one description uses up, as the server counts it, and one embedding where it is not scripted. */
const TOKENS = { describe: 1042 + 37, embed: 4 };

/** A row of the table: what was booked is that of the stage alone. */
async function rowOf(stage: Stage, name: string, reply: Reply): Promise<string> {
  const { error, server, requests, totalTokens, reports } = await outcomeOf(stage, reply);
  const other = stage === "describe" ? "embed" : "describe";
  const others = server.callsOf(ENDPOINTS[other]).length;
  const verdict =
    error === undefined ? ["completed", "", ""] : [`\`${error.code}\``, error.fault, error.retryable ? "yes" : "no"];
  const calls = server.callsOf(ENDPOINTS[stage]).length;
  const booked = [requests - others, totalTokens - others * TOKENS[other]];
  const progress = stage === "describe" ? [reports > 0 ? "yes" : "no"] : [];
  return `| ${[name, ...verdict, hintOf(error), calls, ...booked, ...progress].join(" | ")} |`;
}

/** Dates are in whole seconds, and time goes by until they are read. */
function hintOf(error: UploadError | undefined): string {
  const ms = error?.retryAfterMs;
  if (ms === undefined) return "";
  if (ms < 1000) return `${ms} ms`;
  return `${ms > 10_000 ? Math.round(ms / 20_000) * 20 : ms / 1000} s`;
}

test.each(Object.entries(DESCRIBE))("describing: %s", async (name, reply) => {
  expect(PAGE).toContain(`\n${await rowOf("describe", name, reply)}\n`);
});

test.each(Object.entries(EMBED))("embedding: %s", async (name, reply) => {
  expect(PAGE).toContain(`\n${await rowOf("embed", name, reply)}\n`);
});

test("a status that there is not is told as it came", async () => {
  const { error } = await outcomeOf("describe", raw("999 Odd"));
  expect(error?.message).toMatch(/ answered 999: body$/);
});

test("an error that is an object is told by its message, or as it came", async () => {
  const texts = ['{"error":{"message":"plan used up","code":"insufficient_quota"}}', '{"error":{"reason":"odd"}}'];
  const errors = await Promise.all(texts.map((text) => outcomeOf("describe", lines(text))));
  expect(errors.map(({ error }) => error?.message)).toEqual([
    expect.stringMatching(/ answered plan used up$/),
    expect.stringMatching(/ answered \{"reason":"odd"\}$/),
  ]);
});

test("the page has these rows and no others", () => {
  const rows = [...PAGE.matchAll(/^\| (.+?) \| (?:completed|`[A-Z_]+`) \|/gm)].map(([, name]) => name);
  expect(rows.sort()).toEqual([...Object.keys(DESCRIBE), ...Object.keys(EMBED)].sort());
});

test("nothing of all that was printed to the console, neither by the client", () => {
  expect(printed.flatMap(({ mock }) => mock.calls)).toEqual([]);
});
