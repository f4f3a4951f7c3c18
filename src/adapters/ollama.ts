import type { Audit, EmbedManyContext } from "../contracts/ai.js";
import { descriptionQuality } from "../quality.js";
import { mediaDescriber } from "./models/describe-media.js";
import { readQueryVector, requireQuery } from "./models/query.js";
import type { SearchableAI } from "./models/searchable-ai.js";
import { askModel } from "./ollama/chat.js";
import { embedTexts } from "./ollama/embeddings.js";
import type { Asked } from "./ollama/failures.js";
import { checkOllama } from "./ollama/health.js";
import { type OllamaOptions, readOptions } from "./ollama/options.js";
import { versionOf } from "./ollama/version.js";

export type { Prompt } from "./models/prompt.js";
export type { SearchableAI } from "./models/searchable-ai.js";
export type { OllamaOptions } from "./ollama/options.js";

/** What {@link ollama} makes: an adapter with all that a model in Ollama needs. */
export interface OllamaAI extends SearchableAI {
  readonly audit: Audit;
  readonly checkHealth: NonNullable<SearchableAI["checkHealth"]>;
}

/** So many texts go into one request at most; Ollama embeds them one after the other. */
const MOST_TEXTS = 64;

/**
 * Models of an Ollama server, through its official client (`npm install ollama`).
 *
 * - `describe` streams, so that its progress is real; `embedMany` sends many texts in one request; `embedText` makes the vector
 *   of a search query as those that are stored are made.
 * - Small models loop, talk about themselves, or stop in the middle: descriptions are looked at by `descriptionQuality()`, and
 *   asked for once more. The option `audit` of the library wins.
 * - Calls cost nothing, so that a budget counts those of other models in a chain alone.
 * - `checkHealth` finds out whether the server is there, has both models, and whether the first can see.
 * - One description at a time and three embeddings: an Ollama does one thing after the other unless `OLLAMA_NUM_PARALLEL` says
 *   otherwise, and the option `limits` of a runtime then.
 *
 * @throws ConfigurationError for options that it cannot work with
 * @example
 * const ai = ollama({ model: "qwen2.5vl:7b", embeddingModel: "nomic-embed-text", keepAlive: "30m" });
 */
export function ollama(options: OllamaOptions): OllamaAI {
  const settings = readOptions(options);
  const { host, model, prompt, video, reportText } = settings;
  const asked: Asked = { host, stage: "describe", option: "model", model };

  const embedMany = (inputs: readonly { readonly text: string }[], { signal }: Pick<EmbedManyContext, "signal">) =>
    embedTexts(
      settings,
      inputs.map(({ text }) => text),
      signal,
    );
  const embedOne = async (text: string, signal: AbortSignal | undefined) => {
    const { vectors, usage } = await embedTexts(settings, [text], signal);
    return { vector: Array.from(vectors[0] ?? []), usage };
  };

  const ai: OllamaAI = {
    version: versionOf(settings),
    concurrency: { describe: 1, embed: 3 },
    price: () => 0,
    audit: descriptionQuality(),
    describe: mediaDescriber({ prompt, video, reportText, ask: (request) => askModel(settings, asked, request) }),
    embedText: async (text, { signal } = {}) => {
      requireQuery("ollama", text);
      return readQueryVector((await embedOne(text, signal)).vector);
    },
    checkHealth: ({ signal }) => checkOllama(settings, signal),
  };
  if (settings.embeddingModel === undefined) return ai;
  return Object.assign(ai, {
    embed: ({ text }: { readonly text: string }, { signal }: { readonly signal: AbortSignal }) =>
      embedOne(text, signal),
    embedMany,
    embedBatch: { maxSize: MOST_TEXTS },
  });
}
