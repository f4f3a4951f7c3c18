import type { Description } from "../contracts/ai.js";
import type { UploadRecord, UploadStage } from "../contracts/upload.js";
import { ConfigurationError, messageOf, UploadError, type UploadErrorCode } from "../errors.js";
import type { MediaFacts } from "./media.js";

/** In characters, of a description and of its metadata as JSON: a model that does not stop must not fill the database. */
const LONGEST_TEXT = 1_000_000;
/** Six times what pgvector takes. An object may say that it has a thousand million, and the memory for them would be asked for. */
const MOST_DIMENSIONS = 100_000;

type Json = Readonly<Record<string, unknown>>;

/** What `describe` answered, fit to be stored. @throws UploadError `EMPTY_DESCRIPTION`, `DESCRIBE_FAILED` */
export function readDescription(answer: string | Description): { readonly text: string; readonly metadata?: Json } {
  return understood("describe", "DESCRIBE_FAILED", () => {
    const { text, metadata, usage } = typeof answer === "string" ? ({ text: answer } as Description) : (answer ?? {});
    if (typeof text !== "string") throw new Error(`expected a text or an object with a text, got ${kindOf(answer)}`);
    if (text.length > LONGEST_TEXT) throw new Error(`expected at most ${LONGEST_TEXT} characters, got ${text.length}`);
    if (text.trim() === "") {
      const message = "The model answered with an empty description";
      throw new UploadError(message, { code: "EMPTY_DESCRIPTION", stage: "describe" });
    }
    if (metadata == null && usage == null) return { text };
    if (!isObject(metadata ?? {})) throw new Error(`expected metadata to be an object, got ${kindOf(metadata)}`);
    return { text, metadata: asJson({ ...metadata, ...(usage && { usage }) }) };
  });
}

/** What `embed` answered, as plain numbers. @throws UploadError `INVALID_EMBEDDING` */
export function readVector(vector: ArrayLike<number> | undefined, dimensions: number | undefined): number[] {
  return understood("embed", "INVALID_EMBEDDING", () => {
    const wanted = `expected a vector of ${dimensions ?? "at least 1"} finite numbers`;
    // Not Array.from: it would ask an iterator for as many as it likes to give.
    const length = vector?.length;
    const fits =
      dimensions === undefined ? Number(length) >= 1 && Number(length) <= MOST_DIMENSIONS : length === dimensions;
    if (vector === undefined || length === undefined || !fits) throw new Error(`${wanted}, got ${length ?? 0} numbers`);
    const numbers = new Array<number>(length);
    for (let index = 0; index < length; index++) {
      const number = vector[index];
      if (number === undefined || !Number.isFinite(number))
        throw new Error(`${wanted}, got ${length} numbers, not all of them finite`);
      numbers[index] = number;
    }
    return numbers;
  });
}

/**
 * What is stored as `metadata`: what stood there, beneath what the model said, beneath what was measured. A key `__proto__`,
 * which JSON may have, is left out: assigned, it would become the prototype, and the model say what no key says.
 */
export function mergeMetadata(
  stored: UploadRecord["metadata"],
  described: Json | undefined,
  media: MediaFacts | null,
): Record<string, unknown> {
  if (stored != null && !isObject(stored))
    throw new ConfigurationError(`repository: expected metadata that is an object or null, got ${kindOf(stored)}`);
  const merged: Record<string, unknown> = {};
  for (const part of [stored, described]) {
    if (part == null) continue;
    for (const key of Object.keys(part)) if (key !== "__proto__") merged[key] = part[key];
  }
  merged.media = media;
  return merged;
}

/** Whatever an answer does when it is looked at is an error of its stage, and the same answer would do it again. */
function understood<T>(stage: UploadStage, code: UploadErrorCode, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    if (UploadError.isInstance(thrown)) throw thrown;
    throw new UploadError(`${stage}: ${messageOf(thrown)}`, { code, stage, retryable: false, cause: thrown });
  }
}

/** A copy of what JSON keeps of it, which is what databases keep. @throws TypeError for a cycle or a BigInt */
function asJson(value: object): Json {
  const json = JSON.stringify(value);
  if (json.length > LONGEST_TEXT)
    throw new Error(`expected metadata of at most ${LONGEST_TEXT} characters, got ${json.length}`);
  const plain: unknown = json.includes('"__proto__"') ? JSON.parse(json, dropPrototype) : JSON.parse(json);
  if (!isObject(plain)) throw new Error(`expected metadata to be an object, got ${kindOf(plain)}`);
  return plain;
}

function dropPrototype(key: string, value: unknown): unknown {
  return key === "__proto__" ? undefined : value;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : typeof value;
}
