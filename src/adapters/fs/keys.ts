import { realpath } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { hasCode, refusedKey, type UploadError } from "../../errors.js";
import { meaningOnWindows } from "./windows.js";

/** What file systems allow of one name, in bytes. */
const MAX_SEGMENT_BYTES = 255;
/**
 * What object stores allow of a key, in bytes; it leaves room for the root in what operating systems allow of a path.
 */
const MAX_KEY_BYTES = 1024;

/**
 * The path that a key stands for. Keys are data, possibly of an attacker: only plain names below the root are taken,
 * and no two keys have the same path. (A file system may still take two paths for the same: upper and lower case,
 * composed and decomposed letters.)
 *
 * @throws UploadError
 */
export function pathOfKey(root: string, key: string): string {
  if (typeof key !== "string") throw refused(key, "it is no text");
  if (key === "") throw refused(key, "it is empty");
  if (key.includes("\0")) throw refused(key, "it has a NUL character in it");
  // In a path every half surrogate becomes U+FFFD, so two different keys would have one file.
  if (/\p{Surrogate}/u.test(key)) throw refused(key, "it has half a surrogate pair in it");
  if (key.includes("\\")) throw refused(key, "it has a backslash in it; folders are separated by /");
  if (key.startsWith("/") || /^[a-z]:/i.test(key)) throw refused(key, "it is absolute");
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) throw refused(key, `it is longer than ${MAX_KEY_BYTES} bytes`);
  const segments = key.split("/");
  for (const segment of segments) {
    if (segment === "" || segment === "." || segment === "..") throw refused(key, `a folder in it is "${segment}"`);
    if (Buffer.byteLength(segment) > MAX_SEGMENT_BYTES)
      throw refused(key, `a name in it is longer than ${MAX_SEGMENT_BYTES} bytes`);
    const meaning = sep === "\\" ? meaningOnWindows(segment) : undefined;
    if (meaning !== undefined) throw refused(key, meaning);
  }
  return join(root, ...segments);
}

/**
 * Follows the symbolic links in a path below the root, as far as it exists.
 *
 * @throws UploadError when they lead out of the root
 */
export async function resolveInside(root: string, path: string, key: string): Promise<string> {
  const realRoot = await realpath(root);
  let existing = path;
  let real = await realpathIfThere(existing);
  while (real === null && existing !== root) {
    existing = dirname(existing);
    real = await realpathIfThere(existing);
  }
  if (real === null || existing === root) return join(realRoot, relative(root, path));
  if (!real.startsWith(realRoot.endsWith(sep) ? realRoot : realRoot + sep))
    throw refused(key, "a symbolic link leads it out of the root");
  return join(real, relative(existing, path));
}

async function realpathIfThere(path: string): Promise<string | null> {
  try {
    return await realpath(path);
  } catch (error) {
    if (isNotThere(error)) return null;
    throw error;
  }
}

/** Also when what should be a folder is a file: then nothing can be below it. */
export function isNotThere(error: unknown): boolean {
  return hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR");
}

const refused = (key: unknown, why: string): UploadError => refusedKey("fileStorage", key, why);
