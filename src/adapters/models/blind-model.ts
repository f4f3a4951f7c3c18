import { ConfigurationError, messageOf } from "../../errors.js";

/** How services and providers say that a model takes no pictures. */
const NO_IMAGES = new RegExp(
  [
    "image_url is only supported", // OpenAI
    "no endpoints found that support image", // OpenRouter
    "(?:does not|doesn't|not) (?:support|accept|take) (?:any )?(?:image|vision|picture|multimodal)(?:s|_url)?(?: input)?s?(?! (?:format|type|size|of|with|larger))\\b",
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

/** Whether the model, or its provider, says that it cannot see pictures; asked only where it was given one. */
export function saysItIsBlind(error: unknown): boolean {
  return NO_IMAGES.test(messageOf(error)) || NO_IMAGES.test(bodyOf(error));
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
