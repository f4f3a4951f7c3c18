import { read } from "./inspect.js";

/** setTimeout takes no more: longer ones would fire at once. In milliseconds. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A wait that somebody asks for, no longer than a timer can wait. */
export function waitOf(ms: unknown): number | undefined {
  return typeof ms === "number" && ms >= 0 ? Math.min(ms, LONGEST_TIMER_MS) : undefined;
}

/** The HTTP status of one error, 400 to 599, as number or text. */
export function statusOf(error: unknown): number | undefined {
  const response = read(error, "response");
  const places = [
    read(error, "status"),
    read(error, "statusCode"),
    read(error, "status_code"),
    read(response, "status"),
    read(response, "statusCode"),
    read(read(error, "$metadata"), "httpStatusCode"),
    read(read(error, "$response"), "statusCode"),
    read(error, "code"),
  ];
  return places.map(asStatus).find((status) => status !== undefined);
}

function asStatus(value: unknown): number | undefined {
  const status = typeof value === "string" && /^[45]\d\d$/.test(value) ? Number(value) : value;
  return typeof status === "number" && Number.isInteger(status) && status >= 400 && status < 600 ? status : undefined;
}

/** How long the service asks to wait, in milliseconds: `retryAfterMs`, else the headers `retry-after-ms` and `Retry-After`. */
export function hintOf(error: unknown): number | undefined {
  const own = waitOf(read(error, "retryAfterMs"));
  if (own !== undefined) return own;
  const everyHeaders = [
    read(error, "headers"),
    read(error, "responseHeaders"),
    read(read(error, "response"), "headers"),
    read(read(error, "$response"), "headers"),
  ];
  for (const headers of everyHeaders) {
    const wait = msOf(headerOf(headers, "retry-after-ms")) ?? secondsOrDateOf(headerOf(headers, "retry-after"));
    if (wait !== undefined) return wait;
  }
  return undefined;
}

function msOf(value: string | undefined): number | undefined {
  const ms = value === undefined || value.trim() === "" ? Number.NaN : Number(value);
  return Number.isNaN(ms) ? undefined : waitOf(Math.max(0, Math.round(ms)));
}

function secondsOrDateOf(value: string | undefined): number | undefined {
  if (value === undefined || value.trim() === "") return undefined;
  const seconds = Number(value);
  const ms = Number.isNaN(seconds) ? Date.parse(value) - Date.now() : seconds * 1000;
  return Number.isNaN(ms) ? undefined : waitOf(Math.max(0, Math.round(ms)));
}

/** Reads a header of a `Headers`, a `Map` or a plain object, whatever the case of its name. */
function headerOf(headers: unknown, name: string): string | undefined {
  if (typeof headers !== "object" || headers === null) return undefined;
  try {
    if ("get" in headers && typeof headers.get === "function") {
      const value: unknown = headers.get(name);
      if (typeof value === "string") return value;
    }
    // A Map keeps the case that its names were given.
    const entries: Iterable<[unknown, unknown]> =
      Symbol.iterator in headers ? (headers as Iterable<[unknown, unknown]>) : Object.entries(headers);
    for (const [key, value] of entries) if (String(key).toLowerCase() === name) return String(value);
    return undefined;
  } catch {
    return undefined;
  }
}
