import type { EmbeddedVectors } from "../../contracts/ai.js";
import { ConfigurationError, UploadError } from "../../errors.js";
import { usageOf } from "./chat.js";
import { callOllama } from "./client.js";
import { type Asked, unusable } from "./failures.js";
import type { Settings } from "./options.js";

/**
 * The vectors of several texts, in their order, by one request. A text that is longer than the model's context is cut off
 * there: its beginning is what is embedded.
 */
export async function embedTexts(
  settings: Settings,
  texts: readonly string[],
  signal: AbortSignal | undefined,
): Promise<EmbeddedVectors> {
  const { host, embeddingModel: model, keepAlive } = settings;
  if (model === undefined)
    throw new ConfigurationError('ollama.embeddingModel: expected a model such as "nomic-embed-text", got undefined');
  const asked: Asked = { host, stage: "embed", option: "embeddingModel", model };
  return callOllama(settings, asked, signal, async (client) => {
    const request = { model, input: [...texts], truncate: true };
    const answer = await client.embed(
      keepAlive === undefined ? request : Object.assign(request, { keep_alive: keepAlive }),
    );
    const usage = usageOf(model, answer);
    const { embeddings: vectors } = answer;
    if (!Array.isArray(vectors))
      throw Object.assign(unusable(asked, `answered without vectors of ${model}`), { usage });
    if (vectors.length !== texts.length) {
      const message = `Ollama at ${host}: expected ${texts.length} vectors of ${model}, got ${vectors.length}`;
      throw Object.assign(new UploadError(message, { code: "EMBED_FAILED", stage: "embed" }), { usage });
    }
    return { vectors, usage };
  });
}
