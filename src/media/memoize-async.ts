import { UploadError } from "../errors.js";

/**
 * Runs `make` once and gives its result to all callers, concurrent and later ones. A failure that may pass is
 * forgotten, so that the next caller tries again; a permanent one is kept like a result.
 */
export function memoizeAsync<Arguments extends unknown[], T>(
  make: (...args: Arguments) => Promise<T>,
): (...args: Arguments) => Promise<T> {
  let made: Promise<T> | undefined;
  return (...args) => {
    made ??= make(...args).catch((error: unknown) => {
      if (!UploadError.isInstance(error) || error.retryable) made = undefined;
      throw error;
    });
    return made;
  };
}
