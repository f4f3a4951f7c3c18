import { ConfigurationError } from "../../errors.js";
import type { EmbeddingModelLike, LanguageModelLike } from "./model-types.js";

const KNOWN_SPECIFICATIONS: readonly unknown[] = ["v2", "v3", "v4"];

/** @throws ConfigurationError that names the remedy */
export function requireLanguageModel(value: unknown): LanguageModelLike {
  const model = requireModel("model", value, 'createOpenAICompatible({ … })("model-id")');
  if (typeof model.doGenerate !== "function") {
    if (typeof model.doEmbed === "function")
      throw misuse(
        "model",
        `a language model, got the embedding model ${nameOf(model)}: give it as \`embeddingModel\``,
      );
    throw misuse("model", `a language model with doGenerate, got ${nameOf(model)}`);
  }
  return model as unknown as LanguageModelLike;
}

/** @throws ConfigurationError that names the remedy */
export function requireEmbeddingModel(value: unknown): EmbeddingModelLike {
  const model = requireModel("embeddingModel", value, 'provider.textEmbeddingModel("model-id")');
  if (typeof model.doEmbed !== "function") {
    if (typeof model.doGenerate === "function")
      throw misuse(
        "embeddingModel",
        `an embedding model, got the language model ${nameOf(model)}: make it with the provider's \`textEmbeddingModel\` or \`embeddingModel\``,
      );
    throw misuse("embeddingModel", `an embedding model with doEmbed, got ${nameOf(model)}`);
  }
  return model as unknown as EmbeddingModelLike;
}

type Members = Readonly<Record<string, unknown>>;

function requireModel(option: string, value: unknown, remedy: string): Members {
  const wanted = "an object that a provider package made";
  if (typeof value === "string")
    throw misuse(
      option,
      `${wanted}, got the text ${JSON.stringify(value.slice(0, 60))}: ids of the AI gateway are not looked up; make the model with ${remedy}`,
    );
  const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
  if (!isObject) throw misuse(option, `${wanted}, got ${value === null ? "null" : typeof value}: ${remedy}`);
  const members = value as Members;
  const { specificationVersion } = members;
  // A provider is a function, and newer ones have a version as well.
  const isModel = typeof members.doGenerate === "function" || typeof members.doEmbed === "function";
  if (typeof value === "function" && !isModel)
    throw misuse(option, `a model, got a provider or another function: call it with the model's id, ${remedy}`);
  if (!KNOWN_SPECIFICATIONS.includes(specificationVersion))
    throw misuse(
      option,
      `a model of specification v2, v3 or v4, got ${JSON.stringify(specificationVersion) ?? "none"}: install a release of the provider's package for the AI SDK 5, 6 or 7`,
    );
  return members;
}

function nameOf({ provider, modelId }: Members): string {
  return `${String(provider)}/${String(modelId)}`;
}

function misuse(option: string, expectedAndGiven: string): ConfigurationError {
  return new ConfigurationError(`aiSdk: ${option}: expected ${expectedAndGiven}`);
}
