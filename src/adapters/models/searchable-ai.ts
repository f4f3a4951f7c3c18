import type { AIAdapter } from "../../contracts/ai.js";

/** An adapter over models that can also make the vector of what somebody searches for. */
export interface SearchableAI extends AIAdapter {
  /**
   * The vector of a search query, made by the same model and in the same way as those that are stored: hand it to
   * `findSimilar`. The text is of any language that the embedding model knows.
   *
   * @throws UploadError classified like the errors of the embed stage; `ConfigurationError` without an embedding model
   */
  readonly embedText: (text: string, options?: { readonly signal?: AbortSignal | undefined }) => Promise<number[]>;
}
