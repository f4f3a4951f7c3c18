import { ConfigurationError, classifyError } from "../errors.js";
import { askModel } from "./ai-sdk/ask-model.js";
import { embedTexts } from "./ai-sdk/embeddings.js";
import { explained } from "./ai-sdk/explain.js";
import { type AiSdkOptions, readOptions } from "./ai-sdk/options.js";
import { requireEmbeddingModel, requireLanguageModel } from "./ai-sdk/require-model.js";
import { versionOf } from "./ai-sdk/version.js";
import { mediaDescriber } from "./models/describe-media.js";
import { withOwnSignal } from "./models/own-signal.js";
import { priceOf } from "./models/price.js";
import { readQueryVector, requireQuery } from "./models/query.js";
import type { SearchableAI } from "./models/searchable-ai.js";

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
export function aiSdk(given: AiSdkOptions): SearchableAI {
  const options = readOptions(given);
  const { prompt, video, reportText, maxOutputTokens, temperature, providerOptions, dimensions } = options;
  const model = requireLanguageModel(options.model);
  const embeddingModel =
    options.embeddingModel === undefined ? undefined : requireEmbeddingModel(options.embeddingModel);
  const settings = { maxOutputTokens, temperature, providerOptions };
  const describe = mediaDescriber({
    prompt,
    video,
    reportText,
    ask: (request) => withOwnSignal(request.signal, (signal) => askModel(model, { ...request, signal }, settings)),
  });
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
      const { logger } = context;
      return await withOwnSignal(context.signal, (signal) =>
        embedTexts(embeddingModel, texts, settings, { signal, logger }),
      );
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
    requireQuery("aiSdk", text);
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
