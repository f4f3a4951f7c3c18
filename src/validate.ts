import { ConfigurationError, LONGEST_TIMER_MS, unknownOption } from "./errors.js";

/** @throws ConfigurationError unless `value` is undefined or an integer in the range. */
export function count(name: string, value: number | undefined, byDefault: number, min = 1, max = Infinity): number {
  const given = value === undefined ? byDefault : value;
  if (Number.isSafeInteger(given) && given >= min && given <= max) return given;
  throw expected(name, max === Infinity ? `an integer of at least ${min}` : `an integer from ${min} to ${max}`, value);
}

/**
 * @param least the option that `min` is the value of, for the message
 * @throws ConfigurationError unless `value` is undefined or a number in the range.
 */
export function number(
  name: string,
  value: number | undefined,
  byDefault: number,
  min: number,
  least?: string,
): number {
  const given = value === undefined ? byDefault : value;
  if (Number.isFinite(given) && given >= min) return given;
  const kind = value === Infinity ? "a finite number" : "a number";
  throw expected(name, `${kind} of at least ${least === undefined ? min : `${least}, which is ${min}`}`, value);
}

/** @throws ConfigurationError unless `value` is undefined or a span that a timer can wait for. */
export function timeout(name: string, value: number | undefined, byDefault: number, min = 1): number {
  const given = value === undefined ? byDefault : value;
  if (Number.isFinite(given) && given >= min && given <= LONGEST_TIMER_MS) return given;
  throw expected(name, `milliseconds from ${min} to ${LONGEST_TIMER_MS}`, value);
}

export const aFunction = (value: unknown) => typeof value === "function";
export const aBoolean = (value: unknown) => typeof value === "boolean";
export const aName = (value: unknown) => typeof value === "string" && value !== "";
export const aString = (value: unknown) => typeof value === "string";
export const aCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 1;
export const aSignal = (value: unknown) => hasFunction(value, "addEventListener") && "aborted" in Object(value);
/** Also of another copy of the package. Node's own, which has `setMaxListeners`, does not keep its listeners apart. */
export const anEmitter = (value: unknown) =>
  hasFunction(value, "emit") && hasFunction(value, "listenerCount") && !hasFunction(value, "setMaxListeners");
export const iterable = (value: unknown) =>
  typeof value === "object" && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);

function hasFunction(value: unknown, member: string): boolean {
  return typeof value === "object" && value !== null && aFunction((value as Record<string, unknown>)[member]);
}

/** @throws ConfigurationError unless `value` is undefined or passes. */
export function optional(name: string, value: unknown, passes: (value: unknown) => boolean, what: string): void {
  if (value !== undefined && !passes(value)) throw expected(name, what, value);
}

/** @throws ConfigurationError unless `value` is an object with these members. */
export function requireMembers(
  name: string,
  value: unknown,
  members: readonly string[],
  kind: "function" | "object" = "function",
): void {
  if (typeof value !== "object" || value === null) throw expected(name, "an object", value);
  for (const member of members) {
    const given = (value as Record<string, unknown>)[member];
    if (typeof given !== kind || given === null)
      throw expected(`${name}.${member}`, kind === "function" ? "a function" : "an object", given);
  }
}

/** @throws ConfigurationError unless `value` is an array of what passes: the first that does not is named by its index */
export function requireEach(name: string, value: unknown, passes: (one: unknown) => boolean, what: string): void {
  if (!Array.isArray(value)) throw expected(name, "an array", value);
  for (const [index, one] of value.entries()) if (!passes(one)) throw expected(`${name}[${index}]`, what, one);
}

/** The error for a value that is not what it should be. */
export function expected(name: string, what: string, given: unknown): ConfigurationError {
  return new ConfigurationError(`${name}: expected ${what}, got ${show(given)}`);
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint") return `${value}n`;
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

/** @throws ConfigurationError unless `upload` is an id or a record that has one */
export function requireUpload(name: string, upload: unknown): void {
  const isObject = typeof upload === "object" && upload !== null;
  const id = isObject ? (upload as { id?: unknown }).id : upload;
  if (typeof id === "string" && id !== "") return;
  if (hasFunction(upload, "then"))
    throw new ConfigurationError(`${name}: expected an upload record or its id, got a Promise; an await is missing`);
  if (isObject && !Array.isArray(upload)) throw expected(`${name}.id`, "a text that is not empty", id);
  throw expected(name, "an upload record or its id", upload);
}

/**
 * @param name of the object, for the message
 * @throws ConfigurationError for a key of its own that is not known and holds something: the nearest known one is named
 */
export function requireKnown(name: string, value: object, known: readonly string[]): void {
  for (const [key, given] of Object.entries(value))
    if (given !== undefined && !known.includes(key)) throw unknownOption(name, key, known);
}
