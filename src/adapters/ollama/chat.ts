import type { ChatRequest } from "ollama";
import type { Description, Usage } from "../../contracts/ai.js";
import type { AskRequest } from "../models/ask.js";
import { readStructured } from "../models/structured.js";
import { withoutThinking } from "../models/thinking.js";
import { type Client, callOllama } from "./client.js";
import type { Asked } from "./failures.js";
import type { Settings } from "./options.js";

/** A model that does not stop is cut off here, in characters: no description is so long. */
const LONGEST_TEXT = 1_000_000;

/** Asks the vision model once, streamed: its progress is that of what it writes, its thinking included. */
export async function askModel(settings: Settings, asked: Asked, request: AskRequest): Promise<Description> {
  const { onText, signal } = request;
  const describe = async (client: Client): Promise<Description> => {
    let text = "";
    let thought = 0;
    // The text is made of the lines, its end is in the last of them.
    for await (const line of await client.chat(chatRequest(settings, request))) {
      text += line.message?.content ?? "";
      thought += line.message?.thinking?.length ?? 0;
      onText(text.length + thought, text);
      if (line.done) return descriptionOf(text, line.done_reason, usageOf(settings.model, line));
      if (text.length + thought > LONGEST_TEXT) break;
    }
    return { text, finish: "length", usage: { model: settings.model } };
  };
  return callOllama(settings, asked, signal, describe, true);
}

/** Images are bytes: the client takes a text for the path of a file first. */
function chatRequest(
  { model, keepAlive, think, options }: Settings,
  { prompt, images }: AskRequest,
): ChatRequest & { stream: true } {
  const content = { role: "user", content: prompt };
  const message = images.length === 0 ? content : Object.assign(content, { images: images.map(({ data }) => data) });
  const request: ChatRequest & { stream: true } = { model, messages: [message], stream: true };
  if (keepAlive !== undefined) request.keep_alive = keepAlive;
  if (think !== undefined) request.think = think;
  if (options !== undefined) request.options = options;
  return request;
}

/** What was cut off while it thought has no text, and is no empty answer for that. */
function descriptionOf(answer: string, reason: string | undefined, usage: Usage): Description {
  const { text, metadata } = readStructured(withoutThinking(answer));
  const description = { text, usage, finish: reason === "length" ? "length" : "stop" } as const;
  return metadata === undefined ? description : Object.assign(description, { metadata });
}

interface Counts {
  readonly prompt_eval_count?: number;
  readonly eval_count?: number;
  /** In nanoseconds. */
  readonly total_duration?: number;
}

/** What the server counted: a prompt that it still has in its cache may be counted as nothing. */
export function usageOf(model: string, counts: Counts): Usage {
  const { prompt_eval_count: inputTokens, eval_count: outputTokens, total_duration: ns } = counts;
  const usage: { -readonly [Key in keyof Usage]: Usage[Key] } = { model };
  if (inputTokens !== undefined) usage.inputTokens = inputTokens;
  if (outputTokens !== undefined) usage.outputTokens = outputTokens;
  if (inputTokens !== undefined || outputTokens !== undefined)
    usage.totalTokens = (inputTokens ?? 0) + (outputTokens ?? 0);
  if (ns !== undefined) usage.durationMs = ns / 1e6;
  return usage;
}
