import { UploadError } from "../errors.js";

/**
 * Makes something once for everybody who asks. A failure that may pass is forgotten, so that the next one who asks tries
 * again; one that is there to stay is kept like a success.
 */
export function once<Arguments extends unknown[], T>(
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
