import type { VisionImage } from "../../contracts/ai.js";
import type { LanguageModelCall } from "./model-types.js";

export interface CallSettings {
  readonly maxOutputTokens?: number | undefined;
  readonly temperature?: number | undefined;
  readonly providerOptions?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
}

/** A question as the specification has it: bytes stand as they are in v2 and v3, and say that they are data in v4. */
export function callOf(
  specificationVersion: string,
  { prompt, images, signal }: { prompt: string; images: readonly VisionImage[]; signal: AbortSignal },
  { maxOutputTokens, temperature, providerOptions }: CallSettings,
): LanguageModelCall {
  const isTagged = specificationVersion === "v4";
  const isUntold = specificationVersion === "v2"; // its parts leave out what the raw ones tell
  const files = images.map(({ data, mimeType }) => {
    return { type: "file", mediaType: mimeType, data: isTagged ? { type: "data", data } : data };
  });
  const call: Record<string, unknown> = {
    prompt: [{ role: "user", content: [{ type: "text", text: prompt }, ...files] }],
    abortSignal: signal,
  };
  if (isUntold) call.includeRawChunks = true;
  if (maxOutputTokens !== undefined) call.maxOutputTokens = maxOutputTokens;
  if (temperature !== undefined) call.temperature = temperature;
  if (providerOptions !== undefined) call.providerOptions = providerOptions;
  return call as unknown as LanguageModelCall;
}
