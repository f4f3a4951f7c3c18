import type { StorageAdapter } from "../contracts/storage.js";
import { ConfigurationError } from "../errors.js";
import { isMissing } from "./flydrive/errors.js";
import { refusalOf, requireOwnKey } from "./flydrive/keys.js";
import { openStream } from "./flydrive/stream.js";

/** What is asked of a disk: flydrive's `Disk` has it. */
export interface FlydriveDisk {
  readonly getStream: (key: string) => Promise<NodeJS.ReadableStream>;
  readonly put: (key: string, contents: Uint8Array, options?: { contentType?: string }) => Promise<void>;
  readonly delete: (key: string) => Promise<void>;
}

const METHODS = ["getStream", "put", "delete"] as const;

/**
 * A storage over a `Disk` of flydrive 1.3, with whichever driver: folders, S3, Google Cloud Storage. Originals are streamed.
 *
 * - A disk takes letters from a to z, digits, spaces, and `/ . - _ !` in keys, and changes some keys before it uses them. What
 *   it refuses or would change is refused with an `UploadError` (`STORAGE_FAILED`, not retryable).
 * - A disk knows no signals. An abort ends the wait for a stream, and the stream; a `put` is waited for, because its object
 *   would come after all.
 * - `FSDriver` writes in place, so that a reader may see a part of an object: for a folder, use `fileStorage`.
 *
 * @throws ConfigurationError when it is no disk
 * @example
 * const storage = flydriveStorage(new Disk(new GCSDriver({ bucket: "photos", visibility: "private" })));
 */
export function flydriveStorage(disk: FlydriveDisk): StorageAdapter {
  for (const method of METHODS) {
    if (typeof disk?.[method] !== "function")
      throw new ConfigurationError(
        `flydriveStorage: expected a Disk of flydrive, with a function "${method}"; got ${disk === null ? "null" : typeof disk}`,
      );
  }

  return {
    async open(key, { signal }) {
      signal.throwIfAborted();
      requireOwnKey(key);
      try {
        const stream = await untilAborted(openStream(disk, key, signal), signal);
        return stream && { stream };
      } catch (error) {
        throw refusalOf(error, key) ?? error;
      }
    },

    async write(key, data, { contentType, signal }) {
      signal.throwIfAborted();
      requireOwnKey(key);
      await disk.put(key, data, { contentType }).catch((error) => {
        throw refusalOf(error, key) ?? error;
      });
    },

    async delete(key) {
      requireOwnKey(key);
      await disk.delete(key).catch((error) => {
        if (!isMissing(error)) throw refusalOf(error, key) ?? error;
      });
    },
  };
}

/** A disk that never answers is not waited for after an abort. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    work.catch(() => {});
  }
}
