import { UploadError } from "./upload-error.js";

/** More of a key is not shown. */
const LONGEST_KEY = 80;

const EMPTY_PART = /^\/|\/\/|\/$/;
/** On Windows a backslash separates the parts of a path, too. */
const DOTS = /(?:^|[/\\])(\.\.?)(?:[/\\]|$)/;

/**
 * What no storage may be given as a key, whatever it makes of it: a part `..` or `.` leads to another object where keys
 * are paths, empty parts are dropped by some storages and kept by others, and a NUL ends a path.
 *
 * @returns what is wrong with the key, or `null`
 */
export function keyProblem(key: unknown): string | null {
  if (typeof key !== "string") return `it is ${key === null ? "null" : typeof key}, not a string`;
  if (key === "") return "it is empty";
  if (key.includes("\0")) return "it has a NUL character in it";
  if (EMPTY_PART.test(key)) return "it has an empty part: / at its start or end, or //";
  const [, part] = DOTS.exec(key) ?? [];
  return part === undefined ? null : `a part of it is "${part}"`;
}

/** A key as it is shown in messages, without the space that comes before it; nothing for what is no text. */
export function shownKey(key: unknown): string {
  if (typeof key !== "string") return "";
  return JSON.stringify(key.length > LONGEST_KEY ? `${key.slice(0, LONGEST_KEY)}…` : key);
}

/**
 * The error for a key that a storage does not take. It is the fault of the one upload that has it: the storage works, and
 * its breaker must not open by it.
 *
 * @param storage who refuses it, such as `fileStorage`
 */
export function refusedKey(storage: string, key: unknown, why: string): UploadError {
  const message = `${storage} does not take the key ${shownKey(key) || typeof key}: ${why}`;
  return new UploadError(message, { code: "STORAGE_FAILED", fault: "upload", retryable: false });
}
