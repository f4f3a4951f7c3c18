import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as later } from "node:timers/promises";
import { HttpServer, textOf } from "./http-server.js";

export type Endpoint = "chat" | "embed" | "show" | "tags" | "version";
type Capability = "completion" | "vision" | "thinking" | "tools" | "embedding";

/** One request, as it came. */
export interface Exchange {
  readonly endpoint: Endpoint;
  readonly body: OllamaBody;
  readonly headers: IncomingMessage["headers"];
  readonly response: ServerResponse;
  /** Whether the answer was sent whole, or the connection closed before that. */
  readonly ended: Promise<"answered" | "cut">;
}

export interface OllamaBody {
  readonly model?: string;
  readonly messages?: readonly { role: string; content: string; images?: readonly string[] }[];
  readonly stream?: boolean;
  readonly think?: boolean | string;
  readonly options?: Record<string, unknown>;
  readonly keep_alive?: string | number;
  readonly input?: string | readonly string[];
  readonly truncate?: boolean;
}

export type Reply = (exchange: Exchange) => void | Promise<void>;

/** A line of a chat's stream, shortened: what the model thought or said, and at the end why it stopped. */
export interface Piece {
  readonly thinking?: string;
  readonly content?: string;
  readonly done_reason?: string;
}

/**
 * A server that speaks Ollama's protocol over HTTP: chats as lines of JSON, embeddings of many texts, the list of models and
 * what each can do, errors as `{ error }` with the statuses and texts of the real one. What is not scripted is answered as the
 * real one would, with a model that says the same of every picture.
 */
export class OllamaServer extends HttpServer {
  /** By their full names. */
  readonly models = new Map<string, readonly Capability[]>([
    ["qwen2.5vl:7b", ["completion", "vision"]],
    ["qwen3-vl:latest", ["completion", "vision", "thinking"]],
    ["llama3.2:latest", ["completion", "tools"]],
    ["nomic-embed-text:latest", ["embedding"]],
  ]);
  readonly exchanges: Exchange[] = [];
  /** What the model says of every picture. */
  description = "A cat sleeps on a grey keyboard, next to a cup of coffee, in the light of the morning.";
  readonly dimensions = 8;
  /** How long an answer takes, in milliseconds. */
  readonly latencyMs: Partial<Record<Endpoint, number>> = {};
  readonly #scripted = new Map<Endpoint, Reply[]>();
  readonly #always = new Map<Endpoint, Reply>();
  #waiting: { readonly endpoint: Endpoint; readonly resolve: (exchange: Exchange) => void }[] = [];

  static start(): Promise<OllamaServer> {
    return new OllamaServer().open();
  }

  /** How the next requests are answered, one after the other. */
  script(endpoint: Endpoint, ...replies: Reply[]): void {
    this.#scripted.set(endpoint, [...(this.#scripted.get(endpoint) ?? []), ...replies]);
  }

  /** How all requests are answered that are not scripted. */
  always(endpoint: Endpoint, reply: Reply | undefined): void {
    if (reply === undefined) this.#always.delete(endpoint);
    else this.#always.set(endpoint, reply);
  }

  callsOf(endpoint: Endpoint): readonly Exchange[] {
    return this.exchanges.filter((exchange) => exchange.endpoint === endpoint);
  }

  /** The next request that comes. */
  next(endpoint: Endpoint): Promise<Exchange> {
    return new Promise((resolve) => this.#waiting.push({ endpoint, resolve }));
  }

  protected async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, endpoint] = /^\/api\/(chat|embed|show|tags|version)$/.exec(request.url ?? "") ?? [];
    const ended = new Promise<"answered" | "cut">((resolve) => {
      response.once("close", () => resolve(response.writableFinished ? "answered" : "cut"));
    });
    const text = await textOf(request);
    if (endpoint === undefined) {
      response.writeHead(404, { "content-type": "text/plain" }).end("404 page not found");
      return;
    }
    const body = text === "" ? {} : (JSON.parse(text) as OllamaBody);
    const exchange = { endpoint: endpoint as Endpoint, body, headers: request.headers, response, ended };
    this.exchanges.push(exchange);
    const waiting = this.#waiting.filter((each) => each.endpoint === endpoint);
    this.#waiting = this.#waiting.filter((each) => each.endpoint !== endpoint);
    for (const { resolve } of waiting) resolve(exchange);
    const reply = this.#scripted.get(exchange.endpoint)?.shift() ?? this.#always.get(exchange.endpoint);
    if (reply !== undefined) await reply(exchange);
    else await this.answer(exchange);
  }

  /** As the real one does. */
  async answer(exchange: Exchange): Promise<void> {
    const { endpoint, body, response } = exchange;
    const ms = this.latencyMs[endpoint];
    if (ms !== undefined) await later(ms);
    if (response.destroyed) return;
    if (endpoint === "version") return json({ version: "0.13.1" })(exchange);
    if (endpoint === "tags") {
      const listed = [...this.models.keys()].map((name) => ({ name, model: name, size: 1, digest: name, details: {} }));
      return json({ models: listed })(exchange);
    }
    const capabilities = this.models.get(fullName(body.model ?? ""));
    if (capabilities === undefined) return failure(404, `model '${body.model}' not found`)(exchange);
    if (endpoint === "show") return json({ capabilities, details: {}, model_info: {} })(exchange);
    if (endpoint === "chat") return this.#chat(exchange, capabilities);
    return this.#embed(exchange);
  }

  #chat(exchange: Exchange, capabilities: readonly Capability[]): void | Promise<void> {
    const { model, messages = [], think, stream = true } = exchange.body;
    if (!capabilities.includes("completion")) return failure(400, `"${model}" does not support chat`)(exchange);
    if (think !== undefined && think !== false && !capabilities.includes("thinking"))
      return failure(400, `"${model}" does not support thinking`)(exchange);
    if (messages.some(({ images }) => images?.length) && !capabilities.includes("vision"))
      return failure(500, "this model is missing data required for image input")(exchange);
    const words = this.description.match(/\S+\s*/g) ?? [];
    if (stream) return chat([...words.map((content) => ({ content })), { done_reason: "stop" }])(exchange);
    return json(lastLine(exchange, { content: this.description, done_reason: "stop" }))(exchange);
  }

  #embed(exchange: Exchange): void | Promise<void> {
    const { model, input = [] } = exchange.body;
    const texts = typeof input === "string" ? [input] : input;
    const embeddings = texts.map((text) => vectorOf(text, this.dimensions));
    const durations = { total_duration: 14_143_917, load_duration: 1_019_500 };
    return json({ model, embeddings, ...durations, prompt_eval_count: 4 * texts.length })(exchange);
  }
}

/** As Ollama reads them: without a tag it is the latest. */
function fullName(model: string): string {
  return model.includes(":") ? model : `${model}:latest`;
}

/** The same for the same text, of length 1. */
function vectorOf(text: string, dimensions: number): number[] {
  const bytes = createHash("sha256").update(text).digest();
  const numbers = Array.from({ length: dimensions }, (_, index) => (bytes[index] ?? 0) - 127.5);
  const norm = Math.hypot(...numbers);
  return numbers.map((number) => number / norm);
}

/** A whole answer. */
export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Reply {
  return ({ response }) => {
    const type = { "content-type": "application/json; charset=utf-8", ...headers };
    response.writeHead(status, type).end(JSON.stringify(body));
  };
}

/** An error as Ollama sends it. */
export function failure(status: number, error: string, headers?: Record<string, string>): Reply {
  return json({ error }, status, headers);
}

/** A page of a proxy in front of it. */
export function page(status: number, html = "<html><body>Please sign in</body></html>"): Reply {
  return ({ response }) => {
    response.writeHead(status, { "content-type": "text/html" }).end(html);
  };
}

/** A stream of a chat: its pieces, and then perhaps an error, a cut, or nothing at all: a stream that has no end. */
export function chat(pieces: readonly Piece[], then: "end" | "cut" | "hang" | { error: string } = "end"): Reply {
  return async (exchange) => {
    const { response } = exchange;
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    for (const piece of pieces) {
      const line = piece.done_reason === undefined ? lineOf(exchange, piece) : lastLine(exchange, piece);
      response.write(`${JSON.stringify(line)}\n`);
      await new Promise(setImmediate);
    }
    if (then === "hang") return;
    if (then === "cut") response.destroy();
    else response.end(then === "end" ? undefined : `${JSON.stringify(then)}\n`);
  };
}

/** Lines as they are, whatever they are. */
export function lines(...texts: readonly string[]): Reply {
  return ({ response }) => {
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    response.end(texts.map((text) => `${text}\n`).join(""));
  };
}

/** Never answers. */
export const silence: Reply = () => {};

/** Closes the connection without an answer. */
export const hangUp: Reply = ({ response }) => void response.destroy();

function lineOf({ body }: Exchange, { thinking, content = "" }: Piece): object {
  const message = { role: "assistant", content, ...(thinking === undefined ? {} : { thinking }) };
  return { model: body.model, created_at: "2026-11-29T00:00:00.123456789Z", message, done: false };
}

function lastLine(exchange: Exchange, piece: Piece): object {
  const counts = {
    prompt_eval_count: 1042,
    prompt_eval_duration: 130_079_000,
    eval_count: 37,
    eval_duration: 900_000_000,
  };
  const durations = { total_duration: 1_234_567_890, load_duration: 101_397_084 };
  return { ...lineOf(exchange, piece), done: true, done_reason: piece.done_reason, ...durations, ...counts };
}
