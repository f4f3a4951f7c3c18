import type { Description } from "../contracts/ai.js";
import { ConfigurationError, classifyError, UploadError } from "../errors.js";
import { at } from "./ai-sdk/at.js";
import { callOf } from "./ai-sdk/call.js";
import { embedTexts } from "./ai-sdk/embeddings.js";
import { explained } from "./ai-sdk/explain.js";
import type { LanguageModelLike } from "./ai-sdk/model-types.js";
import { type AiSdkOptions, requireOptions } from "./ai-sdk/options.js";
import { type Answer, brokenAnswer, readGenerated } from "./ai-sdk/read-answer.js";
import { readStream } from "./ai-sdk/read-stream.js";
import { requireEmbeddingModel, requireLanguageModel } from "./ai-sdk/require-model.js";
import { versionOf } from "./ai-sdk/version.js";
import type { AskRequest } from "./models/ask.js";
import { blindModel, saysItIsBlind } from "./models/blind-model.js";
import { mediaDescriber } from "./models/describe-media.js";
import { priceOf } from "./models/price.js";
import type { SearchableAI } from "./models/searchable-ai.js";
import { readStructured } from "./models/structured.js";
import { withoutThinking } from "./models/thinking.js";
import { usageOfError, withUsage } from "./models/usage.js";

export type {
  EmbeddingModelCall,
  EmbeddingModelLike,
  LanguageModelCall,
  LanguageModelLike,
} from "./ai-sdk/model-types.js";
export type { AiSdkOptions } from "./ai-sdk/options.js";
export type { TokenPrices } from "./models/price.js";
export type { Prompt } from "./models/prompt.js";
export type { SearchableAI } from "./models/searchable-ai.js";

/**
 * An AI adapter over any model of the AI SDK's provider packages, of specification v2, v3 or v4. The model is called directly:
 * without the package `ai`, and without retries of its own. Answers are streamed, so that progress is real; what is done about
 * each failure stands in `models.md` beside this file.
 *
 * There is no `checkHealth`: nothing can be asked of such a model without paying for it.
 *
 * @throws ConfigurationError for an option that cannot be, and names the remedy
 * @example
 * const provider = createOpenAICompatible({ name: "acme", baseURL, apiKey, includeUsage: true });
 * const ai = aiSdk({ model: provider("acme-vision"), embeddingModel: provider.textEmbeddingModel("acme-embed") });
 */
export function aiSdk(options: AiSdkOptions): SearchableAI {
  const { prompt, video, maxOutputTokens, temperature, providerOptions, dimensions } = requireOptions(options);
  const model = requireLanguageModel(options.model);
  const embeddingModel =
    options.embeddingModel === undefined ? undefined : requireEmbeddingModel(options.embeddingModel);
  const settings = { maxOutputTokens, temperature, providerOptions };
  const describe = mediaDescriber({ prompt, video, ask: (request) => ask(model, request, settings) });
  const version =
    options.version ??
    versionOf(model, embeddingModel, { prompt, video, maxOutputTokens, temperature, providerOptions });

  const adapter: Writable<SearchableAI> = {
    version,
    describe,
    price: priceOf(options.price),
    audit: options.audit,
    embedText: async () => {
      throw new ConfigurationError("aiSdk: embedText needs an `embeddingModel`");
    },
  };
  if (dimensions !== undefined) adapter.dimensions = dimensions;
  if (embeddingModel === undefined) return adapter;

  const { maxEmbeddingsPerCall, supportsParallelCalls } = embeddingModel;
  if (typeof maxEmbeddingsPerCall === "number" && maxEmbeddingsPerCall < MOST_TEXTS)
    adapter.embedBatch = { maxSize: Math.max(1, maxEmbeddingsPerCall) };
  if (supportsParallelCalls === false) adapter.concurrency = { embed: 1 };
  const embedding = async (texts: readonly string[], context: Parameters<typeof embedTexts>[3]) => {
    try {
      return await embedTexts(embeddingModel, texts, settings, context);
    } catch (error) {
      throw context.signal.aborted ? error : explained(error, "embed", embeddingModel);
    }
  };
  adapter.embedMany = (inputs, context) =>
    embedding(
      inputs.map(({ text }) => text),
      context,
    );
  adapter.embed = async ({ text }, context) => {
    const { vectors, usage } = await embedding([text], context);
    return { vector: vectors[0] ?? [], usage };
  };
  adapter.embedText = async (text, { signal = new AbortController().signal } = {}) => {
    if (typeof text !== "string" || text.trim() === "")
      throw new ConfigurationError("aiSdk: embedText: expected a text that is not empty");
    try {
      const { vectors } = await embedding([text], { signal });
      return readQueryVector(vectors[0], dimensions);
    } catch (error) {
      signal.throwIfAborted();
      throw classifyError(error, "embed", "EMBED_FAILED");
    }
  };
  return adapter;
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** What the library sends together where an adapter says nothing else. */
const MOST_TEXTS = 64;

async function ask(
  model: LanguageModelLike,
  { images, prompt, signal, context, onText }: AskRequest,
  settings: Parameters<typeof callOf>[2],
): Promise<Description> {
  signal.throwIfAborted();
  const call = callOf(model.specificationVersion, { prompt, images, signal }, settings);
  let answer: Answer;
  try {
    answer = await answerOf(model, call, signal, onText);
  } catch (error) {
    if (signal.aborted) throw error;
    if (images.length > 0 && saysItIsBlind(error)) throw blindModel("aiSdk", nameOf(model), error);
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
  onText: (charactersSoFar: number) => void,
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

/** @throws UploadError `INVALID_EMBEDDING` */
function readQueryVector(vector: ArrayLike<number> | undefined, dimensions: number | undefined): number[] {
  const numbers = Array.from(vector ?? []);
  const fits = dimensions === undefined ? numbers.length > 0 : numbers.length === dimensions;
  if (fits && numbers.every((number) => Number.isFinite(number))) return numbers;
  const message = `embed: expected a vector of ${dimensions ?? "at least 1"} finite numbers, got ${numbers.length} numbers`;
  throw new UploadError(message, { code: "INVALID_EMBEDDING", stage: "embed" });
}
