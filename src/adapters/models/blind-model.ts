import { ConfigurationError, classifyError, messageOf } from "../../errors.js";

/** What follows when only some pictures are meant: those of a format or a size, or with something on them. */
const OF_SOME =
  "(?:files?|formats?|mime|sizes?|types?|urls?|above|at|containing|from|in|larger|of|over|smaller|that|which|with)\\b";

/** How services and providers say that a model takes no pictures. */
const NO_IMAGES = new RegExp(
  [
    "image_url is only supported", // OpenAI
    "no endpoints found that support image", // OpenRouter
    `(?:does not|doesn't|not) (?:support|accept|take) (?:any )?(?:image|vision|picture|multimodal)(?:s|_url)?(?![/\\w])(?!(?: inputs?)? ${OF_SOME})`,
    "image inputs? (?:modality )?(?:is|are) not", // Mistral, Google, llama.cpp
    "images are not supported",
    "not a (?:multimodal|vision) model", // vLLM
    "at most 0 images?", // vLLM
    "unknown variant .?image_url", // DeepSeek
    "content must be a string", // Groq
    "missing data required for image input", // Ollama
    "image/\\w+['\"]? functionality not supported", // the providers themselves
  ].join("|"),
  "i",
);

/**
 * Whether the model, or its provider, says that it cannot see pictures; asked only where it was given one. A filter that refuses
 * the content may say that it takes no such pictures: that is about this one alone.
 */
export function saysItIsBlind(error: unknown): boolean {
  if (!NO_IMAGES.test(messageOf(error)) && !NO_IMAGES.test(bodyOf(error))) return false;
  return classifyError(error, "describe", "DESCRIBE_FAILED").code !== "CONTENT_REFUSED";
}

function bodyOf(error: unknown): string {
  const body = Object(error).responseBody;
  return typeof body === "string" ? body.slice(0, 10_000) : "";
}

/** Every upload would fail by it: so it is the deployment's fault, and ends a batch at once. */
export function blindModel(adapter: string, model: string, cause: unknown): ConfigurationError {
  const message = `${adapter}: the model ${model} cannot see pictures; give a vision model as \`model\`. It says: ${messageOf(cause)}`;
  return new ConfigurationError(message, { stage: "describe", cause });
}
