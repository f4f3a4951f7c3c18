import type { AIAdapter, Audit, Price } from "../../contracts/ai.js";
import { ConfigurationError, unknownOption } from "../../errors.js";
import type { TokenPrices } from "../models/price.js";
import type { Prompt } from "../models/prompt.js";
import type { EmbeddingModelLike, LanguageModelLike } from "./model-types.js";

export interface AiSdkOptions {
  /** What describes: a language model that takes pictures. */
  readonly model: LanguageModelLike;
  /** What makes vectors. @default none: no embed stage */
  readonly embeddingModel?: EmbeddingModelLike | undefined;
  /**
   * What is asked: a text, or a function of the media. Ask for JSON with a `description`, and its other members, such as tags
   * or an alternative text, are kept in `metadata`. @default a description of two to five sentences for a search in words
   */
  readonly prompt?: Prompt | undefined;
  /** Of one answer, its reasoning included, in tokens. @default the provider's */
  readonly maxOutputTokens?: number | undefined;
  /** @default the provider's */
  readonly temperature?: number | undefined;
  /** Handed to both models as they are, by the provider's name: `{ openai: { reasoningEffort: "low" } }`. @default none */
  readonly providerOptions?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
  /** The length that every vector must have. @default any */
  readonly dimensions?: number | undefined;
  /**
   * A stamp of model and prompt. The default does not look into a prompt that is a function: give one that you count up when
   * it changes. @default provider and model of both stages, and a hash of prompt and options
   */
  readonly version?: AIAdapter["version"];
  /** What calls cost: a function, or prices for one million tokens. @default not known */
  readonly price?: Price | TokenPrices | undefined;
  /** What looks at descriptions before they are stored. @default none */
  readonly audit?: Audit | undefined;
  /**
   * How a video is described: `"per-frame"`, a question for each of up to 10 frames and one for the whole; `"one-call"`, one
   * question with all frames, for models that take many pictures. @default "per-frame"
   */
  readonly video?: "per-frame" | "one-call" | undefined;
  /**
   * Whether progress tells the text while it is written, as the `message` of `upload:progress`. Whoever may watch the upload reads it
   * before it is audited and stored. @default false
   */
  readonly reportText?: boolean | undefined;
}

const KNOWN: readonly (keyof AiSdkOptions)[] = [
  "model",
  "embeddingModel",
  "prompt",
  "maxOutputTokens",
  "temperature",
  "providerOptions",
  "dimensions",
  "version",
  "price",
  "audit",
  "video",
  "reportText",
];

/**
 * A copy of the options, each of which is read once: what is used is what was checked.
 *
 * @throws ConfigurationError for an option that is unknown, or of the wrong kind; the models are judged elsewhere
 */
export function readOptions(given: AiSdkOptions): AiSdkOptions {
  if (typeof given !== "object" || given === null) throw unfit("options", "an object with a model", given);
  const options = { ...given };
  for (const name of Object.keys(options))
    if (!(KNOWN as readonly string[]).includes(name)) throw unknownOption("aiSdk", name, KNOWN);
  const { prompt, maxOutputTokens, temperature, providerOptions, dimensions, version, price, audit } = options;
  const { video, reportText } = options;
  if (prompt !== undefined && typeof prompt !== "function" && (typeof prompt !== "string" || prompt.trim() === ""))
    throw unfit("prompt", "a text that is not empty or a function", prompt);
  requireCount("maxOutputTokens", maxOutputTokens);
  requireCount("dimensions", dimensions);
  if (temperature !== undefined && !(typeof temperature === "number" && temperature >= 0))
    throw unfit("temperature", "a number of at least 0", temperature);
  if (providerOptions !== undefined && !isRecordOfRecords(providerOptions))
    throw unfit("providerOptions", "an object of objects, by the provider's name", providerOptions);
  if (version !== undefined && !isVersion(version))
    throw unfit("version", "a text, or { describe, embed } of texts", version);
  if (price !== undefined && typeof price !== "function") requirePrices(price);
  if (audit !== undefined && typeof Object(audit).check !== "function")
    throw unfit("audit", "an object with a function `check`, such as descriptionQuality()", audit);
  if (video !== undefined && video !== "per-frame" && video !== "one-call")
    throw unfit("video", '"per-frame" or "one-call"', video);
  if (reportText !== undefined && typeof reportText !== "boolean")
    throw unfit("reportText", "true or false", reportText);
  return options;
}

function requireCount(name: string, value: number | undefined): void {
  if (value !== undefined && !(Number.isSafeInteger(value) && value > 0))
    throw unfit(name, "a whole number above 0", value);
}

function requirePrices(price: TokenPrices): void {
  const { input, output, embed = 0 } = Object(price) as TokenPrices;
  for (const [name, value] of Object.entries({ input, output, embed }))
    if (!(typeof value === "number" && value >= 0 && Number.isFinite(value)))
      throw unfit(`price.${name}`, "the price of one million tokens, a number of at least 0", value);
}

function isVersion(value: unknown): boolean {
  const isText = (each: unknown) => typeof each === "string" && each.trim() !== "";
  return isText(value) || [Object(value).describe, Object(value).embed].every(isText);
}

function isRecordOfRecords(value: unknown): boolean {
  const isObject = (each: unknown) => typeof each === "object" && each !== null && !Array.isArray(each);
  return isObject(value) && Object.values(value as object).every(isObject);
}

function unfit(option: string, expected: string, given: unknown): ConfigurationError {
  const shown = typeof given === "string" ? JSON.stringify(given.slice(0, 60)) : given === null ? "null" : typeof given;
  const told = typeof given === "number" ? given : shown;
  return new ConfigurationError(`aiSdk: ${option}: expected ${expected}, got ${told}`);
}
