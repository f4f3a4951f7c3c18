import { createHash } from "node:crypto";
import type { EmbeddingModelLike, LanguageModelLike } from "./model-types.js";
import type { AiSdkOptions } from "./options.js";

type Asked = Pick<AiSdkOptions, "prompt" | "video" | "maxOutputTokens" | "temperature" | "providerOptions">;
type ProviderOptions = NonNullable<Asked["providerOptions"]>;
type Version = { readonly describe: string; readonly embed: string };

/**
 * The stamp of both stages where the user gives none: provider and model, and of the description also what it is asked with. A
 * prompt that is a function counts as one prompt, whatever it makes: its source differs from build to build.
 */
export function versionOf(
  model: LanguageModelLike,
  embeddingModel: EmbeddingModelLike | undefined,
  { providerOptions = {}, video = "per-frame", ...asked }: Asked,
): Version | string {
  const parts = { ...asked, video, providerOptions: ofDescription(providerOptions) };
  const describe = `${model.provider}/${model.modelId}#${digest(parts)}`;
  if (embeddingModel === undefined) return describe;
  const embed = `${embeddingModel.provider}/${embeddingModel.modelId}`;
  const length = requestedLength(providerOptions);
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

/** How providers call the length of vectors among their options. The others concern the description alone. */
const LENGTHS: readonly string[] = ["dimensions", "outputDimension", "outputDimensionality"];

/** Another length of vectors does not make another description. */
function ofDescription(providerOptions: ProviderOptions): ProviderOptions {
  const left = Object.entries(providerOptions).flatMap(([provider, options]) => {
    const others = Object.entries(options).filter(([name]) => !LENGTHS.includes(name));
    return others.length === 0 ? [] : [[provider, Object.fromEntries(others)]];
  });
  return Object.fromEntries(left);
}

function requestedLength(providerOptions: ProviderOptions): number | undefined {
  const named = Object.values(providerOptions).flatMap((options) => LENGTHS.map((name) => options[name]));
  return named.find((length) => typeof length === "number");
}
