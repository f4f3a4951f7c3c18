import { UploadError, type WireEvent } from "../../index.js";

/** How many characters of each text are left, step by step. The last one leaves those that are one of a few words whole. */
const TEXT_LIMITS = [200, 50, 20] as const;

type Json = Record<string, unknown>;

/**
 * The event as JSON of at most so many bytes. One that is larger is cut, and says so by `truncated: true`: first the fields of the
 * record are dropped but for its id, then texts (messages, names) are shortened, then lists of warnings, failures and stages emptied.
 *
 * @throws UploadError for one that is too large even so, by the ids in it
 */
export function fitPayload(event: WireEvent, mostBytes: number): string {
  const whole = JSON.stringify(event);
  if (Buffer.byteLength(whole) <= mostBytes) return whole;
  for (const cut of cuts(event)) {
    const text = JSON.stringify(Object.assign(cut, { truncated: true }));
    if (Buffer.byteLength(text) <= mostBytes) return text;
  }
  const message = `An event of ${Buffer.byteLength(whole)} bytes cannot be cut to the ${mostBytes} that the channel carries`;
  throw new UploadError(message, { code: "NOT_COMPLETED", fault: "deployment", retryable: false });
}

/** Ever less of the event, and always one that can be read. */
function* cuts(event: WireEvent): Generator<Json> {
  const small: Json = { ...event };
  if (isObject(small.upload)) small.upload = { id: small.upload.id };
  yield small;
  for (const most of TEXT_LIMITS) yield shortened(small, most) as Json;
  for (const name of ["warnings", "failures", "stages"]) if (Array.isArray(small[name])) small[name] = [];
  for (const name of ["usage", "usageByStage", "counts"]) if (isObject(small[name])) small[name] = {};
  yield shortened(small, Math.min(...TEXT_LIMITS)) as Json;
}

const TEXTS = ["message", "fileName", "reason"];

/** The same with every text for people shortened, wherever it stands. */
function shortened(value: unknown, most: number): unknown {
  if (Array.isArray(value)) return value.map((item) => shortened(item, most));
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([name, given]) => {
    const isText = typeof given === "string" && TEXTS.includes(name);
    return [name, isText ? given.slice(0, most) : shortened(given, most)];
  });
  return Object.fromEntries(entries);
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
