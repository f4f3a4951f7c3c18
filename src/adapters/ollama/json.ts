import { type Asked, unusable } from "./failures.js";

/** @throws UploadError which says what came instead of an object */
export function requireJson(text: string, asked: Asked): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    const what = /^\s*</.test(text) ? "a page of HTML, probably of a proxy in front of it" : "what is no JSON";
    throw unusable(asked, `answered with ${what}`, error);
  }
  if (typeof parsed === "object" && parsed !== null) return parsed as Record<string, unknown>;
  throw unusable(asked, "answered with JSON that is no object");
}
