import type { Description } from "../../contracts/ai.js";
import type { AskRequest } from "../models/ask.js";
import { blindModel, saysItIsBlind } from "../models/blind-model.js";
import { readStructured } from "../models/structured.js";
import { withoutThinking } from "../models/thinking.js";
import { usageOfError, withUsage } from "../models/usage.js";
import { at } from "./at.js";
import { brokenAnswer, unreadable } from "./broken-answer.js";
import { type CallSettings, callOf } from "./call.js";
import { explained } from "./explain.js";
import type { LanguageModelLike } from "./model-types.js";
import { type Answer, readGenerated } from "./read-answer.js";
import { readStream } from "./read-stream.js";

/** Asks the model once, and reads what it says. @throws what the client throws, explained, with `usage` where it was paid */
export async function askModel(
  model: LanguageModelLike,
  { images, prompt, signal, context, onText }: AskRequest,
  settings: CallSettings,
): Promise<Description> {
  const call = callOf(model.specificationVersion, { prompt, images, signal }, settings);
  let answer: Answer;
  try {
    answer = await answerOf(model, call, signal, onText);
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    if (images.length > 0 && saysItIsBlind(thrown)) throw blindModel("aiSdk", nameOf(model), thrown);
    const error = unreadable(thrown, "describe");
    const used = usageOfError(error);
    if (Object.keys(used).length === 0) throw explained(error, "describe", model);
    throw withUsage(error, { ...used, images: images.length, model: model.modelId }, signal);
  }
  const { finishReason, warnings } = answer;
  if (warnings.length > 0) context.logger.debug({ warnings, model: model.modelId }, "The model's provider warns");
  const usage = { ...answer.usage, model: model.modelId };
  if (finishReason === "error" || finishReason === "interrupted")
    throw withUsage(brokenAnswer(`it ended with ${JSON.stringify(finishReason)}`), usage, signal);
  const told = { ...readStructured(withoutThinking(answer.text)), usage };
  if (finishReason === "content-filter") return { ...told, finish: "refused" };
  return finishReason === "length" ? { ...told, finish: "length" } : told;
}

/** Streamed where the model can. */
async function answerOf(
  model: LanguageModelLike,
  call: ReturnType<typeof callOf>,
  signal: AbortSignal,
  onText: AskRequest["onText"],
): Promise<Answer> {
  if (typeof model.doStream !== "function") return readGenerated(await model.doGenerate(call));
  const stream = at(await model.doStream(call), "stream");
  // Not by `instanceof`: providers may bring a stream of another realm, or one of their own.
  if (typeof at(stream, "getReader") !== "function") throw brokenAnswer("expected a stream of parts");
  return readStream(stream as ReadableStream<unknown>, signal, onText);
}

function nameOf({ provider, modelId }: LanguageModelLike): string {
  return `${provider}/${modelId}`;
}
