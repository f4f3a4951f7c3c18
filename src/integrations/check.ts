import { ConfigurationError } from "../index.js";

/** The error for a value that is not what it should be. The core has the same, but integrations import its public root alone. */
export function expected(name: string, what: string, given: unknown): ConfigurationError {
  return new ConfigurationError(`${name}: expected ${what}, got ${show(given)}`);
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

/** @throws ConfigurationError unless `value` is an object, or a function, with these methods */
export function requireMethods(name: string, value: unknown, methods: readonly string[]): void {
  if (Object(value) !== value) throw expected(name, "an object", value);
  for (const method of methods) {
    const given: unknown = (value as Record<string, unknown>)[method];
    if (typeof given !== "function") throw expected(`${name}.${method}`, "a function", given);
  }
}

/** @throws ConfigurationError for what is no object, or has an option that is not known */
export function requireOptions(name: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== "object" || options === null) throw expected(name, "an object", options);
  for (const [key, given] of Object.entries(options)) {
    if (given !== undefined && !known.includes(key))
      throw new ConfigurationError(`${name}.${key}: unknown; known are ${known.join(", ")}`);
  }
}

/** The longest time that a timer can wait for, in milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;

/** @throws ConfigurationError unless `value` is undefined or a span that a timer can wait for */
export function milliseconds(name: string, value: number | undefined, byDefault: number, most = LONGEST_MS): number {
  const given = value ?? byDefault;
  if (Number.isFinite(given) && given >= 1 && given <= most) return given;
  throw expected(name, `milliseconds from 1 to ${most}`, value);
}
