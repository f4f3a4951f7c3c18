import type { EmbeddedVectors, Usage } from "../../contracts/ai.js";
import type { Logger } from "../../contracts/logger.js";
import { UploadError } from "../../errors.js";
import { addUsage, usageOfError, withUsage } from "../models/usage.js";
import { at } from "./at.js";
import { brokenAnswer, unreadable } from "./broken-answer.js";
import type { CallSettings } from "./call.js";
import type { EmbeddingModelLike } from "./model-types.js";
import { readWarnings } from "./read-answer.js";

interface EmbedContext {
  readonly signal: AbortSignal;
  readonly logger?: Logger | undefined;
}

/**
 * Makes the vectors of texts, in their order: in as many calls as the model's limit asks for, at once where the model takes
 * that.
 *
 * @throws what the client throws, with the `usage` of the calls that were made
 */
export async function embedTexts(
  model: EmbeddingModelLike,
  texts: readonly string[],
  settings: Pick<CallSettings, "providerOptions">,
  { signal, logger }: EmbedContext,
): Promise<EmbeddedVectors> {
  const limit = await model.maxEmbeddingsPerCall;
  const atMost = limit !== undefined && limit >= 1 ? Math.floor(limit) : texts.length;
  const context = { signal, logger };
  if (texts.length <= atMost) return embedOnce(model, texts, settings, context);

  const parts: (readonly string[])[] = [];
  for (let begin = 0; begin < texts.length; begin += atMost) parts.push(texts.slice(begin, begin + atMost));
  let usage: Usage = {};
  const one = async (part: readonly string[]) => {
    signal.throwIfAborted();
    try {
      const made = await embedOnce(model, part, settings, context);
      usage = addUsage(usage, { ...made.usage, requests: 1 });
      return made.vectors;
    } catch (error) {
      usage = addUsage(usage, { ...usageOfError(error), requests: 1 });
      throw error;
    }
  };
  const vectors: (readonly ArrayLike<number>[])[] = [];
  if ((await model.supportsParallelCalls) === false) {
    try {
      for (const part of parts) vectors.push(await one(part));
    } catch (error) {
      throw withUsage(error, usage, signal);
    }
  } else {
    // All of them end before the first failure is told: what they used up is known then.
    for (const settled of await Promise.allSettled(parts.map(one))) {
      if (settled.status === "rejected") throw withUsage(settled.reason, usage, signal);
      vectors.push(settled.value);
    }
  }
  return { vectors: vectors.flat(), usage };
}

async function embedOnce(
  model: EmbeddingModelLike,
  texts: readonly string[],
  { providerOptions }: Pick<CallSettings, "providerOptions">,
  { signal, logger }: EmbedContext,
): Promise<EmbeddedVectors> {
  const call = { values: [...texts], abortSignal: signal };
  let result: unknown;
  try {
    result = await model.doEmbed(providerOptions === undefined ? call : { ...call, providerOptions });
  } catch (error) {
    throw signal.aborted ? error : unreadable(error, "embed");
  }
  const warnings = readWarnings(at(result, "warnings"));
  if (warnings.length > 0) logger?.debug({ warnings, model: model.modelId }, "The embedding model's provider warns");
  const tokens = at(at(result, "usage"), "tokens");
  const usage: Usage = { model: model.modelId };
  if (typeof tokens === "number" && Number.isFinite(tokens)) Object.assign(usage, { inputTokens: tokens });
  const vectors = at(result, "embeddings");
  if (!Array.isArray(vectors)) throw withUsage(brokenAnswer("it has no vectors", undefined, "embed"), usage, signal);
  if (vectors.length !== texts.length)
    throw withUsage(miscounted(`expected ${texts.length} vectors, got ${vectors.length}`), usage, signal);
  return { vectors: inOrder(vectors, at(at(at(result, "response"), "body"), "data"), usage, signal), usage };
}

/** Services say which text a vector is of. Where they do, that decides, and not the order in which they came. */
function inOrder(vectors: readonly ArrayLike<number>[], data: unknown, usage: Usage, signal: AbortSignal) {
  if (!Array.isArray(data) || data.length !== vectors.length) return vectors;
  const places: unknown[] = data.map((each) => at(each, "index"));
  if (places.some((place) => typeof place !== "number") || places.every((place, index) => place === index))
    return vectors;
  const ordered = vectors.map((_, index) => vectors[places.indexOf(index)]);
  if (ordered.includes(undefined))
    throw withUsage(miscounted(`expected one vector for each text, got those of ${places.join(", ")}`), usage, signal);
  return ordered as readonly ArrayLike<number>[];
}

/** Of a call of many, one text may be the reason. The fault of the upload: so the library repeats the call in halves. */
function miscounted(message: string): UploadError {
  return new UploadError(`The embedding model's answer is broken: ${message}`, {
    code: "EMBED_FAILED",
    stage: "embed",
  });
}
