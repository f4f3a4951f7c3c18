/** What a language model is called with, as far as this adapter fills it in. */
export interface LanguageModelCall {
  readonly prompt: readonly unknown[];
  readonly maxOutputTokens?: number | undefined;
  readonly temperature?: number | undefined;
  readonly abortSignal?: AbortSignal | undefined;
  readonly providerOptions?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * A language model of the AI SDK's provider specification v2, v3 or v4, as the provider packages make it:
 * `createOpenAICompatible({ … })("model")`. Its answers are read with care, so their types are not asked for.
 */
export interface LanguageModelLike {
  /** `"v2"`, `"v3"` or `"v4"`. */
  readonly specificationVersion: string;
  readonly provider: string;
  readonly modelId: string;
  doGenerate(options: LanguageModelCall): PromiseLike<unknown>;
  doStream(options: LanguageModelCall): PromiseLike<unknown>;
}

/** What an embedding model is called with, as far as this adapter fills it in. */
export interface EmbeddingModelCall {
  readonly values: readonly string[];
  readonly abortSignal?: AbortSignal | undefined;
  readonly providerOptions?: Readonly<Record<string, unknown>> | undefined;
}

/** An embedding model of specification v2, v3 or v4: `provider.textEmbeddingModel("model")`, or `embeddingModel` in newer ones. */
export interface EmbeddingModelLike {
  readonly specificationVersion: string;
  readonly provider: string;
  readonly modelId: string;
  /** @default no limit */
  readonly maxEmbeddingsPerCall?: PromiseLike<number | undefined> | number | undefined;
  /** @default true */
  readonly supportsParallelCalls?: PromiseLike<boolean> | boolean | undefined;
  doEmbed(options: EmbeddingModelCall): PromiseLike<{ embeddings: number[][] }>;
}
