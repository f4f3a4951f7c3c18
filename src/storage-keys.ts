import { UploadError } from "./errors.js";

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
  if (key.split("/").includes("")) return "it has an empty part: / at its start or end, or //";
  // On Windows a backslash separates the parts of a path, too.
  for (const part of key.split(/[/\\]/)) if (part === "." || part === "..") return `a part of it is "${part}"`;
  return null;
}

/**
 * Checks the key that a function of the user's gave for something that is made of an upload, such as its thumbnail.
 *
 * It guards the upload's own original. It does not know the keys of other uploads: to keep them apart, put the upload's
 * id into the key and originals into another folder, as the default does.
 *
 * @param name of the option, for the message, such as `thumbnail.key`
 * @throws UploadError `THUMBNAIL_FAILED`, not retryable
 */
export function requireDerivedKey(name: string, key: unknown, originalKey: string): string {
  const problem = key === originalKey ? "it is the upload's storageKey, where its original is" : keyProblem(key);
  if (problem === null) return key as string;
  const shown = typeof key === "string" ? ` ${JSON.stringify(key.length > 80 ? `${key.slice(0, 80)}…` : key)}` : "";
  throw new UploadError(`${name}: the key${shown} cannot be used: ${problem}`, {
    code: "THUMBNAIL_FAILED",
    stage: "thumbnail",
    retryable: false,
  });
}
