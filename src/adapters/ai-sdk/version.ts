import { createHash } from "node:crypto";
import type { EmbeddingModelLike, LanguageModelLike } from "./model-types.js";

type Version = { readonly describe: string; readonly embed: string };

/**
 * The stamp of both stages where the user gives none: provider and model, and of the description also what it is asked with. A
 * prompt that is a function counts as one prompt, whatever it makes: its source differs from build to build.
 */
export function versionOf(
  model: LanguageModelLike,
  embeddingModel: EmbeddingModelLike | undefined,
  asked: Readonly<Record<string, unknown>>,
): Version | string {
  const describe = `${model.provider}/${model.modelId}#${digest(asked)}`;
  if (embeddingModel === undefined) return describe;
  const embed = `${embeddingModel.provider}/${embeddingModel.modelId}`;
  const length = requestedLength(asked.providerOptions);
  return { describe, embed: length === undefined ? embed : `${embed}@${length}` };
}

function digest(value: unknown): string {
  return createHash("sha256").update(inOrder(value)).digest("hex").slice(0, 8);
}

/** As JSON, whatever the order in which the keys of objects were written. */
function inOrder(value: unknown): string {
  const sorted = (_: string, each: unknown) => {
    if (typeof each === "function") return "function";
    if (typeof each !== "object" || each === null || Array.isArray(each)) return each;
    return Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)));
  };
  return JSON.stringify(value, sorted);
}

/** Providers take the length of vectors as an option of their own. Others of their options concern the description alone. */
function requestedLength(providerOptions: unknown): number | undefined {
  const named = Object.values(Object(providerOptions)).map((options) => Object(options).dimensions);
  return named.find((length) => typeof length === "number");
}
