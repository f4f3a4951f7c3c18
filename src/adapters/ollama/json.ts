import { type Asked, refusalOf, unusable } from "./failures.js";

/** @throws UploadError which says what came instead of an object; or the error that the answer is, whatever its status */
export function requireJson(text: string, asked: Asked): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    const what = /^\s*</.test(text) ? "a page of HTML, probably of a proxy in front of it" : "what is no JSON";
    throw unusable(asked, `answered with ${what}`, error);
  }
  if (typeof parsed !== "object" || parsed === null) throw unusable(asked, "answered with JSON that is no object");
  const answer = parsed as Record<string, unknown>;
  const told = errorIn(answer);
  if (told !== undefined) throw refusalOf(asked, { text: told, status: statusIn(answer), body: text });
  return answer;
}

/** What an answer says of itself as an error: a text of Ollama's, or a gateway's object with a message. */
export function errorIn(answer: object): string | undefined {
  const { error } = answer as { readonly error?: unknown };
  // Servers that always name the field leave it empty beside a whole answer.
  if (error === undefined || error === null || error === false || error === "") return undefined;
  const told = typeof error === "object" ? Reflect.get(error, "message") : error;
  return typeof told === "string" && told !== "" ? told : JSON.stringify(error);
}

/** Told beside the error, or in a gateway's own, as its status or its code. */
function statusIn({ status, error }: Readonly<Record<string, unknown>>): number | undefined {
  if (typeof status === "number") return status;
  const own = Object(error);
  const inner = [own.status, own.code].find((value) => /^[45]\d\d$/.test(String(value)));
  return inner === undefined ? undefined : Number(inner);
}
