import { type Asked, unusable } from "./failures.js";

/** @throws UploadError which says what came instead */
export function requireJson(text: string, asked: Asked): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const what = /^\s*</.test(text) ? "a page of HTML, probably of a proxy in front of it" : "what is no JSON";
    throw unusable(asked, `answered with ${what}`, error);
  }
}
