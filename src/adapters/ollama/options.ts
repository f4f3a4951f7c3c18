import { validateHeaderName, validateHeaderValue } from "node:http";
import type { AIAdapter } from "../../contracts/ai.js";
import { ConfigurationError, unknownOption } from "../../errors.js";
import type { Prompt } from "../models/prompt.js";
import { readHost } from "./host.js";
import { type Fetch, httpFetch } from "./http-fetch.js";

export interface OllamaOptions {
  /**
   * Where Ollama listens: a URL, perhaps with a path, or `host:port`. A user and password in it are sent as Basic
   * authorization. @default "http://127.0.0.1:11434"
   */
  readonly host?: string | undefined;
  /** Sent with every request: `{ Authorization: "Bearer …" }` for a proxy that wants a key. @default none */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The vision model, as `ollama list` names it; without a tag it is `latest`. */
  readonly model: string;
  /** The embedding model. @default none: no embed stage, and no `embedText` */
  readonly embeddingModel?: string | undefined;
  /** How long the models stay loaded after a call: `"10m"`, or seconds; `-1` for ever. @default the server's, 5 minutes */
  readonly keepAlive?: string | number | undefined;
  /**
   * Whether the model thinks before it answers, and how hard where it can say that. Thinking counts against
   * `options.num_predict`. @default the model's
   */
  readonly think?: boolean | "low" | "medium" | "high" | undefined;
  /** Of the vision model: `temperature`, `num_ctx`, `num_predict` and all others that Ollama knows. @default the model's */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  /** What the model is asked. @default in English, what people would search for */
  readonly prompt?: Prompt | undefined;
  /** Instead of the adapter's own, which knows no time limits but the signal. @default one over `node:http` */
  readonly fetch?: typeof fetch | undefined;
  /**
   * The stamp of what is made, see `AIAdapter.version`. Give one with a prompt that is a function: what it makes is not known
   * beforehand. @default by models, prompt and options
   */
  readonly version?: AIAdapter["version"];
  /** A video frame by frame, or all of its frames in one call. @default "per-frame" */
  readonly video?: "per-frame" | "one-call" | undefined;
  /**
   * Whether progress tells the text while it is written, as the `message` of `upload:progress`. Whoever may watch the upload reads it
   * before it is audited and stored. @default false
   */
  readonly reportText?: boolean | undefined;
}

const OPTIONS = [
  "host",
  "headers",
  "model",
  "embeddingModel",
  "keepAlive",
  "think",
  "options",
  "prompt",
  "fetch",
  "version",
  "video",
  "reportText",
] as const satisfies readonly (keyof OllamaOptions)[];

const THINK: readonly unknown[] = [undefined, true, false, "low", "medium", "high"];

/** The options, checked, copied and complete. */
export interface Settings {
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly model: string;
  readonly embeddingModel: string | undefined;
  readonly keepAlive: string | number | undefined;
  readonly think: OllamaOptions["think"];
  readonly options: Readonly<Record<string, unknown>> | undefined;
  readonly prompt: Prompt | undefined;
  readonly fetch: Fetch;
  readonly version: AIAdapter["version"];
  readonly video: OllamaOptions["video"];
  readonly reportText: boolean | undefined;
}

/** @throws ConfigurationError which names the option, what was expected and what was given */
export function readOptions(given: OllamaOptions): Settings {
  if (!isObject(given)) throw expected("options", 'an object such as { model: "qwen2.5vl:7b" }', given);
  for (const [name, value] of Object.entries(given))
    if (value !== undefined && !OPTIONS.includes(name as never)) throw unknownOption("ollama", name, OPTIONS);
  const { headers, keepAlive, think, options, prompt, version, video, reportText } = given;
  const { url, authorization } = readHost(given.host ?? "http://127.0.0.1:11434");
  if (headers !== undefined && !areHeaders(headers))
    throw expected("headers", 'names and values of HTTP headers, such as { Authorization: "Bearer …" }', headers);
  if (!isName(given.model)) throw expected("model", 'the name of a vision model, such as "qwen2.5vl:7b"', given.model);
  const { embeddingModel } = given;
  if (embeddingModel !== undefined && !isName(embeddingModel))
    throw expected("embeddingModel", 'the name of an embedding model, such as "nomic-embed-text"', embeddingModel);
  if (!isKeepAlive(keepAlive)) throw expected("keepAlive", 'a time such as "10m", or seconds', keepAlive);
  if (!THINK.includes(think)) throw expected("think", 'true, false, "low", "medium" or "high"', think);
  if (options !== undefined && !isObject(options))
    throw expected("options", "an object such as { temperature: 0 }", options);
  if (prompt !== undefined && typeof prompt !== "function" && !isName(prompt))
    throw expected("prompt", "a text, or a function of the media", prompt);
  if (given.fetch !== undefined && typeof given.fetch !== "function")
    throw expected("fetch", "a function", given.fetch);
  if (version !== undefined && !isVersion(version))
    throw expected("version", "a text, or { describe, embed } of texts", version);
  if (video !== undefined && video !== "per-frame" && video !== "one-call")
    throw expected("video", '"per-frame" or "one-call"', video);
  if (reportText !== undefined && typeof reportText !== "boolean")
    throw expected("reportText", "true or false", reportText);
  return {
    host: url,
    headers: Object.assign({}, authorization === undefined ? {} : { Authorization: authorization }, headers),
    model: given.model,
    embeddingModel,
    keepAlive,
    think,
    options: options === undefined ? undefined : copyOf(options),
    prompt,
    fetch: (given.fetch as Fetch | undefined) ?? httpFetch(),
    version,
    video,
    reportText,
  };
}

function copyOf(options: object): Readonly<Record<string, unknown>> {
  try {
    return structuredClone(options) as Record<string, unknown>;
  } catch {
    throw expected("options", "an object of what JSON has, such as { temperature: 0 }", options);
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value.trim() !== "";
}

function isVersion(value: unknown): boolean {
  return isName(value) || (isObject(value) && ["describe", "embed"].every((key) => isName(Reflect.get(value, key))));
}

function areHeaders(value: unknown): boolean {
  if (!isObject(value)) return false;
  try {
    for (const [name, text] of Object.entries(value)) {
      if (typeof text !== "string") return false;
      validateHeaderName(name);
      validateHeaderValue(name, text);
    }
    return true;
  } catch {
    return false;
  }
}

/** A number without a unit is refused by the server when it comes as a text. */
function isKeepAlive(value: unknown): boolean {
  if (typeof value === "string") return /^(?:0|-?(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+)$/.test(value);
  return value === undefined || (typeof value === "number" && Number.isFinite(value));
}

function expected(option: string, what: string, given: unknown): ConfigurationError {
  const shown = typeof given === "string" ? JSON.stringify(given.slice(0, 60)) : given === null ? "null" : typeof given;
  return new ConfigurationError(`ollama.${option}: expected ${what}, got ${shown}`);
}
