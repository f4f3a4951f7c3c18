import { cleanText } from "../clean-text.js";
import type { Description, EmbeddedVector, EmbeddedVectors } from "../contracts/ai.js";
import type { StageName } from "../contracts/upload.js";
import { messageOf, UploadError, type UploadErrorCode } from "../errors.js";

/** In characters, of a description and of its metadata as JSON: a model that does not stop must not fill the database. */
const LONGEST_TEXT = 1_000_000;
/** Six times what pgvector takes. An object may say that it has a thousand million, and the memory for them would be asked for. */
const MOST_DIMENSIONS = 100_000;

export type Json = Readonly<Record<string, unknown>>;

/** A description that is fit to be stored, and what is told beside it. */
export interface Described {
  readonly text: string;
  readonly metadata: Json | undefined;
  readonly prompt: string | undefined;
  /** The model's name, where the adapter tells it. */
  readonly model: string | undefined;
}

/**
 * What `describe` answered, fit to be stored.
 *
 * @throws UploadError `EMPTY_DESCRIPTION`, `DESCRIPTION_TRUNCATED`, `CONTENT_REFUSED`, `DESCRIBE_FAILED`
 */
export function readDescription(answer: string | Description): Described {
  return understood("describe", "DESCRIBE_FAILED", () => {
    const { text, metadata, finish, prompt } =
      typeof answer === "string" ? ({ text: answer } as Description) : (answer ?? {});
    if (finish === "refused") throw refused("CONTENT_REFUSED", "The model, or its provider, declined to describe it");
    if (finish === "length")
      throw refused("DESCRIPTION_TRUNCATED", "The model was cut off before its description ended");
    if (typeof text !== "string") throw new Error(`expected a text or an object with a text, got ${kindOf(answer)}`);
    if (text.length > LONGEST_TEXT) throw new Error(`expected at most ${LONGEST_TEXT} characters, got ${text.length}`);
    if (!VISIBLE.test(text) && INVISIBLE.test(text))
      throw refused("EMPTY_DESCRIPTION", "The model answered with an empty description");
    if (metadata != null && !isObject(metadata))
      throw new Error(`expected metadata to be an object, got ${kindOf(metadata)}`);
    return {
      text: cleanText(text),
      metadata: metadata == null ? undefined : asJson(metadata),
      prompt: typeof prompt === "string" ? prompt : undefined,
      model: modelOf(answer),
    };
  });
}

/** Whatever the usage does when it is looked at is no failure of the description. */
function modelOf(answer: string | Description): string | undefined {
  try {
    const model: unknown = typeof answer === "string" ? undefined : answer.usage?.model;
    return typeof model === "string" ? cleanText(model) : undefined;
  } catch {
    return undefined;
  }
}

/** What `embed` answered, as plain numbers that a 32-bit float can hold. @throws UploadError `INVALID_EMBEDDING` */
export function readVector(
  answer: ArrayLike<number> | EmbeddedVector | undefined,
  dimensions: number | undefined,
): number[] {
  return understood("embed", "INVALID_EMBEDDING", () => {
    const wanted = `expected a vector of ${dimensions ?? "at least 1"} finite numbers`;
    const vector = isEmbedded(answer) ? answer.vector : answer;
    // Not Array.from: it would follow an iterator, which may never end.
    const length = vector?.length;
    const fits =
      dimensions === undefined ? Number(length) >= 1 && Number(length) <= MOST_DIMENSIONS : length === dimensions;
    if (typeof vector !== "object" || vector === null || length === undefined)
      throw new Error(`${wanted}, or { vector }, got ${shapeOf(answer)}`);
    if (!fits) throw new Error(`${wanted}, got ${length} numbers`);
    const numbers = new Array<number>(length);
    for (let index = 0; index < length; index++) {
      const number = vector[index];
      // Databases store them as 32-bit floats, in which 1e39 is infinite.
      if (typeof number !== "number" || !Number.isFinite(Math.fround(number)))
        throw new Error(`${wanted}, got ${length} numbers, not all of them finite`);
      numbers[index] = number;
    }
    return numbers;
  });
}

/**
 * The vectors of `embedMany`, each still to be judged by itself.
 *
 * @throws UploadError `INVALID_EMBEDDING` when they are not as many as the texts
 */
export function readVectors(answer: EmbeddedVectors | undefined, texts: number): readonly ArrayLike<number>[] {
  return understood("embed", "INVALID_EMBEDDING", () => {
    const vectors: unknown = answer?.vectors;
    if (!Array.isArray(vectors)) throw new Error(`expected { vectors: [...] }, got ${kindOf(vectors ?? answer)}`);
    if (vectors.length !== texts)
      throw new Error(`expected ${texts} vectors, one for each text, got ${vectors.length}`);
    return vectors.slice();
  });
}

function isEmbedded(answer: ArrayLike<number> | EmbeddedVector | undefined): answer is EmbeddedVector {
  return typeof answer === "object" && answer !== null && "vector" in answer;
}

/** What a stage of the user's answered: an object as JSON keeps it. @throws UploadError `STAGE_FAILED` */
export function readStageResult(stage: StageName, answer: unknown): Json {
  return understood(stage, "STAGE_FAILED", () => {
    if (answer === undefined) return {};
    if (!isObject(answer)) throw new Error(`expected an object or nothing, got ${kindOf(answer)}`);
    return asJson(answer);
  });
}

/** Almost every text begins so. */
const VISIBLE = /^[!-~]/;
/** Nothing but white space, control characters, and what has no width. */
const INVISIBLE = /^[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]*$/u;

function refused(code: UploadErrorCode, message: string): UploadError {
  return new UploadError(message, { code, stage: "describe" });
}

/** Whatever an answer does when it is looked at is an error of its stage, and the same answer would do it again. */
function understood<T>(stage: StageName, code: UploadErrorCode, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    if (UploadError.isInstance(thrown)) throw thrown;
    const message = `${stage}: ${messageOf(thrown)}`;
    throw new UploadError(message, { code, stage, retryable: false, fault: "upload", cause: thrown });
  }
}

/** MySQL's JSON and MongoDB take no more, and copying by recursion ends somewhere. */
const DEEPEST = 100;

/**
 * A clean copy of what JSON keeps of it, which is what databases keep. A key `__proto__`, which JSON may have, is left out:
 * assigned, it would become the prototype.
 *
 * @throws TypeError for a cycle or a BigInt
 */
function asJson(value: object): Json {
  const json = JSON.stringify(value);
  if (json.length > LONGEST_TEXT)
    throw new Error(`expected metadata of at most ${LONGEST_TEXT} characters, got ${json.length}`);
  const plain: unknown = UNCLEAN.test(json) ? JSON.parse(json, clean) : JSON.parse(json);
  if (!isObject(plain)) throw new Error(`expected metadata to be an object, got ${kindOf(plain)}`);
  if (isDeeper(plain, DEEPEST)) throw new Error(`expected metadata that is nested at most ${DEEPEST} deep`);
  return plain;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((each) => isDeeper(each, levels - 1));
}

const UNCLEAN = /__proto__|\\u0000|\\ud[89a-f]/i;

function clean(key: string, value: unknown): unknown {
  if (key === "__proto__") return undefined;
  if (typeof value === "string") return cleanText(value);
  if (!isObject(value)) return value;
  for (const name of Object.keys(value)) {
    const cleaned = cleanText(name);
    if (cleaned === name) continue;
    const entries = Object.entries(value).map(([each, content]) => [cleanText(each), content] as const);
    return Object.fromEntries(entries);
  }
  return value;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An object by its keys, which show what was meant. */
function shapeOf(value: unknown): string {
  return isObject(value) ? `{ ${Object.keys(value).slice(0, 5).join(", ")} }` : kindOf(value);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : typeof value;
}
