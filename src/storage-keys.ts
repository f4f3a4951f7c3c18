import { unheld } from "./async/at-once.js";
import type { Logger } from "./contracts/logger.js";
import type { StorageAdapter } from "./contracts/storage.js";
import { keyProblem, refusedKey, shownKey, UploadError } from "./errors.js";

/**
 * The storage as the library calls it: the rules for keys stand above whatever it does with them, and it is told the
 * logger.
 */
export function guardKeys(storage: StorageAdapter, logger: Logger): StorageAdapter {
  const checked = <T>(key: string, call: () => Promise<T>): Promise<T> => {
    const problem = keyProblem(key);
    return problem === null ? call() : Promise.reject(refusedKey("The library", key, problem));
  };
  return {
    open(key, options) {
      // A record without a key has no original.
      if (typeof key !== "string") return Promise.resolve(null);
      return checked(key, () => storage.open(key, Object.assign(options, { logger })));
    },
    write: (key, data, options) => checked(key, () => storage.write(key, data, options)),
    delete: (key) => checked(key, () => storage.delete(key)),
  };
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
  const problem =
    key === originalKey ? "it is the upload's storageKey, where its original is" : keyProblem(unheld(key));
  if (problem === null) return key as string;
  const shown = shownKey(key);
  throw new UploadError(`${name}: the key${shown === "" ? "" : ` ${shown}`} cannot be used: ${problem}`, {
    code: "THUMBNAIL_FAILED",
    stage: "thumbnail",
    retryable: false,
  });
}
