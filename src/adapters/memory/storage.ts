import type { StorageAdapter } from "../../contracts/storage.js";
import { ConfigurationError } from "../../errors.js";

/** What {@link memoryStorage} offers besides the contract. */
export interface MemoryStorage extends StorageAdapter {
  /** Puts an original there, as the upload endpoint of an application would. Overwrites. */
  readonly put: (key: string, data: Uint8Array) => void;
  /** A copy of the object, or `undefined` when there is none. */
  readonly get: (key: string) => Uint8Array | undefined;
  /** The keys of all objects, oldest first. */
  readonly keys: () => string[];
}

/**
 * A storage in memory, for tests, demos and small tools. Bytes are copied on the way in and on the way out.
 *
 * @param objects what it holds at first: pairs of key and bytes, or a `Map`
 * @throws ConfigurationError for what is neither
 * @example
 * const storage = memoryStorage([["originals/cat.jpg", await readFile("cat.jpg")]]);
 */
export function memoryStorage(objects: Iterable<readonly [key: string, data: Uint8Array]> = []): MemoryStorage {
  const stored = new Map<string, Uint8Array>();
  // Not `slice`: a Buffer's slice is a view of the same memory.
  const put = (key: string, data: Uint8Array) => void stored.set(key, new Uint8Array(data));
  const get = (key: string) => {
    const data = stored.get(key);
    return data && new Uint8Array(data);
  };
  if (typeof Object(objects)[Symbol.iterator] !== "function")
    throw new ConfigurationError("memoryStorage: expected pairs of key and bytes, or a Map");
  for (const [key, data] of objects) put(key, data);

  return {
    put,
    get,
    keys: () => [...stored.keys()],
    async open(key, { signal }) {
      signal.throwIfAborted();
      const bytes = get(key);
      return bytes === undefined ? null : { bytes };
    },
    async write(key, data, { signal }) {
      signal.throwIfAborted();
      put(key, data);
    },
    async delete(key) {
      stored.delete(key);
    },
  };
}
