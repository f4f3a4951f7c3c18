import { createOpenAICompatible as createV3 } from "@ai-sdk/openai-compatible";
import { createOpenAICompatible as createV2 } from "openai-compatible-1";
import { createOpenAICompatible as createV4 } from "openai-compatible-3";
import { type AiSdkOptions, aiSdk } from "../../src/adapters/ai-sdk.js";

/** The provider package in three majors, by the specification that its models have. */
export const MAJORS = { v2: createV2, v3: createV3, v4: createV4 } as const;
export type Major = keyof typeof MAJORS;
export const majors = Object.keys(MAJORS) as readonly Major[];

/** Both models of a server, through the real client package. */
export function modelsOf(major: Major, baseURL: string) {
  const provider = MAJORS[major]({ name: "acme", baseURL, apiKey: "a-key", includeUsage: true });
  return { model: provider("acme-vision"), embeddingModel: provider.textEmbeddingModel("acme-embed") };
}

export function adapterOver(major: Major, baseURL: string, options: Partial<AiSdkOptions> = {}) {
  return aiSdk({ ...modelsOf(major, baseURL), ...options });
}
