import type { IncomingMessage, ServerResponse } from "node:http";
import { HttpServer, textOf } from "./http-server.js";

/** A request as the server got it. */
export interface OpenAIRequest {
  readonly path: "/v1/chat/completions" | "/v1/embeddings";
  readonly body: OpenAIBody;
  readonly headers: IncomingMessage["headers"];
}

/** Of whichever endpoint it is for. */
export interface OpenAIBody {
  readonly model: string;
  readonly messages?: readonly { readonly role: string; readonly content: readonly { readonly text?: string }[] }[];
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
  readonly input?: string | readonly string[];
}

/** Answers one request. */
export type Reply = (response: ServerResponse, request: OpenAIRequest) => unknown;

/**
 * An HTTP server that speaks OpenAI's protocol: chat completions, streamed where that is asked for, and embeddings. Each request
 * is answered by the next reply of its endpoint's script, and by the default where there is none left.
 */
export class OpenAIServer extends HttpServer {
  readonly requests: OpenAIRequest[] = [];
  chat: Reply = answered();
  embeddings: Reply = embedded();
  readonly #script: Record<"chat" | "embeddings", Reply[]> = { chat: [], embeddings: [] };

  static start(): Promise<OpenAIServer> {
    return new OpenAIServer().open();
  }

  get baseURL(): string {
    return `${this.url}/v1`;
  }

  get describes(): readonly OpenAIRequest[] {
    return this.requests.filter(({ path }) => path === "/v1/chat/completions");
  }

  get embeds(): readonly OpenAIRequest[] {
    return this.requests.filter(({ path }) => path === "/v1/embeddings");
  }

  /** The next requests are answered so, one by one. */
  script(endpoint: "chat" | "embeddings", ...replies: readonly Reply[]): void {
    this.#script[endpoint].push(...replies);
  }

  /** Forgets what was asked and what is left of the scripts. */
  reset(): void {
    this.requests.length = 0;
    this.abandoned = 0;
    this.#script.chat.length = 0;
    this.#script.embeddings.length = 0;
    this.chat = answered();
    this.embeddings = embedded();
  }

  protected async serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await textOf(incoming);
    const { pathname } = new URL(incoming.url ?? "", this.baseURL);
    if (pathname !== "/v1/chat/completions" && pathname !== "/v1/embeddings") {
      response.writeHead(404, JSON_TYPE).end(JSON.stringify({ error: { message: `Unknown path ${pathname}` } }));
      return;
    }
    const request: OpenAIRequest = { path: pathname, body: JSON.parse(text), headers: incoming.headers };
    this.requests.push(request);
    const endpoint = pathname === "/v1/embeddings" ? "embeddings" : "chat";
    await (this.#script[endpoint].shift() ?? this[endpoint])(response, request);
  }
}

const JSON_TYPE = { "content-type": "application/json" };

export interface Completion {
  readonly text?: string | undefined;
  readonly reasoning?: string | undefined;
  readonly refusal?: string | undefined;
  /** @default "stop" */
  readonly finish?: string | undefined;
  /** Prompt and completion. @default [100, 20] */
  readonly tokens?: readonly [number, number] | undefined;
  /** Besides those of the completion. @default none is told */
  readonly reasoningTokens?: number | undefined;
  /** Between the pieces of a stream, in milliseconds. @default 0 */
  readonly pauseMs?: number | undefined;
  /** Before the first byte, in milliseconds. @default 0 */
  readonly afterMs?: number | undefined;
}

/** A description, in pieces where a stream was asked for. */
export function answered(completion: Completion | string = "A cat asleep on a keyboard."): Reply {
  const given = typeof completion === "string" ? { text: completion } : completion;
  const { text = "", reasoning, refusal, finish = "stop", pauseMs = 0, afterMs = 0 } = given;
  return async (response, { body }) => {
    if (afterMs > 0) await pause(afterMs);
    if (!body.stream) {
      const message = { role: "assistant", content: text, reasoning_content: reasoning, refusal: refusal ?? null };
      const choices = [{ index: 0, message, finish_reason: finish }];
      response.writeHead(200, JSON_TYPE);
      response.end(JSON.stringify({ ...headOf(body, "chat.completion"), choices, usage: usageOf(given) }));
      return;
    }
    const send = streamTo(response, body);
    send({ role: "assistant", content: "" });
    if (reasoning !== undefined) for (const piece of piecesOf(reasoning)) send({ reasoning_content: piece });
    if (refusal !== undefined) send({ refusal });
    for (const piece of piecesOf(text)) {
      if (pauseMs > 0) await pause(pauseMs);
      send({ content: piece });
    }
    send({}, finish);
    endStream(response, body, usageOf(given));
  };
}

/** An error as OpenAI words it. */
export function failed(
  status: number,
  error: { message?: string; type?: string | null; code?: string | number | null } = {},
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return (response) => {
    const told = { message: `The server answered ${status}`, type: null, param: null, code: null, ...error };
    response.writeHead(status, { ...JSON_TYPE, ...headers }).end(JSON.stringify({ error: told }));
  };
}

/** A 200 with whatever is in it. */
export function said(text: string, type = "application/json"): Reply {
  return (response) => void response.writeHead(200, { "content-type": type }).end(text);
}

/** A page of a proxy that stands in front of the service. */
export function page(status = 200): Reply {
  return (response) => {
    response.writeHead(status, { "content-type": "text/html" });
    response.end("<!DOCTYPE html><html><body>We will be back soon</body></html>");
  };
}

/** An error in the middle of a stream, with the usage behind it where that is given. */
export function failedInStream(error: object, tokens?: readonly [number, number]): Reply {
  return (response, { body }) => {
    const send = streamTo(response, body);
    send({ role: "assistant", content: "A cat" });
    response.write(`data: ${JSON.stringify({ error })}\n\n`);
    endStream(response, body, tokens && usageOf({ tokens }));
  };
}

/** A stream that ends as if it was whole, but has no finish. */
export function endlessStream(): Reply {
  return (response, { body }) => {
    streamTo(response, body)({ role: "assistant", content: "A cat" });
    response.end("data: [DONE]\n\n");
  };
}

/** The connection breaks in the middle of the answer. */
export function cutOff(): Reply {
  return async (response, { body }) => {
    streamTo(response, body)({ role: "assistant", content: "A cat" });
    await pause(5); // for the head to leave
    response.destroy();
  };
}

/** The connection breaks before there is any answer. */
export function hungUp(): Reply {
  return (response) => void response.destroy();
}

/** As of another program behind the port: its greeting is no HTTP. */
export function noHttp(): Reply {
  return (response) => void response.socket?.end("SSH-2.0-OpenSSH_9.2\r\n");
}

/** Answers, or begins a stream and goes on with nothing, until who asked hangs up. */
export function stalled(where: "before the answer" | "in the answer" = "before the answer"): Reply {
  return async (response, { body }) => {
    if (where === "in the answer") streamTo(response, body)({ role: "assistant", content: "A cat" });
    await new Promise((resolve) => response.on("close", resolve));
  };
}

/** Vectors that depend on the texts alone: of words in common, so that a search finds what shares them. */
export function embedded({
  dimensions = 8,
  change = (data) => data,
}: {
  dimensions?: number;
  change?: (data: readonly EmbeddingData[]) => readonly EmbeddingData[];
} = {}): Reply {
  return (response, { body }) => {
    const texts = [body.input ?? []].flat();
    const data = texts.map((text, index) => {
      return { object: "embedding" as const, index, embedding: vectorOf(text, dimensions) };
    });
    const prompt_tokens = texts.reduce((sum, text) => sum + text.split(/\s+/).length, 0);
    const usage = { prompt_tokens, total_tokens: prompt_tokens };
    response.writeHead(200, JSON_TYPE);
    response.end(JSON.stringify({ object: "list", model: body.model, data: change(data), usage }));
  };
}

export interface EmbeddingData {
  readonly object: "embedding";
  readonly index: number;
  readonly embedding: readonly number[];
}

export function vectorOf(text: string, dimensions = 8): number[] {
  const vector = Array<number>(dimensions).fill(0.01);
  for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) {
    let hash = 7;
    for (const character of word) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 1_000_003;
    vector[hash % dimensions] = (vector[hash % dimensions] ?? 0) + 1;
  }
  return vector;
}

function headOf(body: { model: string }, object: string) {
  return { id: "chatcmpl-1", object, created: 1_700_000_000, model: body.model };
}

function streamTo(response: ServerResponse, body: { model: string }) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  return (delta: object, finish_reason: string | null = null) => {
    const choices = [{ index: 0, delta, finish_reason }];
    const chunk = { ...headOf(body, "chat.completion.chunk"), choices, usage: null };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  };
}

/** The usage comes in a piece of its own, and only to who has asked for it. */
function endStream(
  response: ServerResponse,
  body: { model: string; stream_options?: { include_usage?: boolean } },
  usage: object | undefined,
): void {
  if (usage !== undefined && body.stream_options?.include_usage === true)
    response.write(`data: ${JSON.stringify({ ...headOf(body, "chat.completion.chunk"), choices: [], usage })}\n\n`);
  response.end("data: [DONE]\n\n");
}

function usageOf({ tokens: [prompt_tokens, completion_tokens] = [100, 20], reasoningTokens }: Completion) {
  const total_tokens = prompt_tokens + completion_tokens + (reasoningTokens ?? 0);
  const completion_tokens_details = { reasoning_tokens: reasoningTokens };
  return { prompt_tokens, completion_tokens, total_tokens, completion_tokens_details };
}

function piecesOf(text: string): readonly string[] {
  return text.match(/\s*\S+\s*|\s+/g) ?? [];
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
