import { read, textAt } from "./inspect.js";

/** A body is looked into up to this length. */
const LONGEST_BODY = 100_000;
/** What a service says stands at the beginning; further on it may repeat what it was sent. */
const LONGEST_SAID = 1000;
/** Of a list, say of Google's details, more is not looked at. */
const MOST_OF_LIST = 16;
/** A page comes from a proxy: its words are not those of the service. */
const PAGE = /^\s*<|<(?:!doctype|html)\b/i;

/** The codes, types and reasons that a service gives, in the error itself and in the body of its answer. */
export function wordsOf(error: unknown): readonly string[] {
  const words = placesOf(error).flatMap((place) => {
    const reasons = listOf(read(place, "details")).map((detail) => textAt(detail, "reason"));
    return [textAt(place, "code"), textAt(place, "type"), ...reasons];
  });
  return words.filter((word) => word !== "");
}

/** What a service says in words, in the error itself and in the body of its answer. */
export function textsOf(error: unknown): readonly string[] {
  return [textAt(error, "message"), ...textsOfBody(error)].filter((text) => text !== "");
}

/** The same of the body alone. */
export function textsOfBody(error: unknown): readonly string[] {
  const texts = [read(error, "error"), ...bodiesOf(error)].flatMap((place) => {
    const inner = read(place, "error");
    return [place, inner, ...[place, inner].flatMap((one) => [read(one, "message"), read(one, "detail")])];
  });
  return texts
    .filter((text) => typeof text === "string")
    .filter((text) => text.trim() !== "" && !PAGE.test(text))
    .map((text) => text.slice(0, LONGEST_SAID));
}

/** The body of the answer, wherever clients keep it. Google's endpoint for OpenAI's clients puts it into an array. */
export function bodiesOf(error: unknown): readonly unknown[] {
  const response = read(error, "response");
  const texts = [read(error, "responseBody"), read(error, "body"), read(response, "data"), read(response, "body")];
  return [read(error, "data"), ...texts.map(parsed)].map((body) => listOf(body)[0] ?? body);
}

function placesOf(error: unknown): readonly unknown[] {
  return [error, ...bodiesOf(error)].flatMap((place) => [place, read(place, "error")]);
}

function parsed(body: unknown): unknown {
  if (typeof body !== "string" || body.length > LONGEST_BODY || !body.includes("{")) return body;
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** Empty for what is no list, or does not let itself be looked at. */
function listOf(value: unknown): readonly unknown[] {
  try {
    return Array.isArray(value) ? value.slice(0, MOST_OF_LIST) : [];
  } catch {
    return [];
  }
}
