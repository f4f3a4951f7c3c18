import { keyProblem, refusedKey } from "../../errors.js";

/** What S3 allows of a key, in bytes. */
const MAX_KEY_BYTES = 1024;

/**
 * The key of an object in the bucket. No key leads out of the prefix, whatever a proxy on the way makes of `..` and `//`.
 *
 * @throws UploadError
 */
export function objectKey(prefix: string, key: string): string {
  const problem = keyProblem(key) ?? ownProblem(prefix + key);
  if (problem !== null) throw refusedKey("s3Storage", key, problem);
  return prefix + key;
}

function ownProblem(key: string): string | null {
  if (/\p{Surrogate}/u.test(key)) return "it has half a surrogate pair in it, which has no UTF-8";
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) return `with its prefix it is longer than ${MAX_KEY_BYTES} bytes`;
  return null;
}
