import type { UploadRecord } from "../contracts/upload.js";
import { messageOf, UploadError } from "../errors.js";
import type { UploadSource } from "./puller.js";

/**
 * The uploads that a caller hands in. What the caller's code throws is told as a failure of the input, whatever it says of itself:
 * the library's own sources throw what their repository does.
 */
export function inputOf<U extends UploadRecord>(source: UploadSource<U>): UploadSource<U> {
  return Symbol.asyncIterator in source
    ? { [Symbol.asyncIterator]: () => new AsyncInput(() => source[Symbol.asyncIterator]()) }
    : { [Symbol.iterator]: () => new Input(() => source[Symbol.iterator]()) };
}

/** Its iterator is made when it is first asked, where what that throws is caught. */
class Input<T, I extends Iterator<T> | AsyncIterator<T> = Iterator<T>> {
  #iterator: I | undefined;

  constructor(private readonly open: () => I) {}

  next(): ReturnType<I["next"]> {
    try {
      this.#iterator ??= this.open();
      return this.#iterator.next() as ReturnType<I["next"]>;
    } catch (thrown) {
      throw inputFailed(thrown);
    }
  }

  return(): ReturnType<NonNullable<I["return"]>> {
    return this.#iterator?.return?.() as ReturnType<NonNullable<I["return"]>>;
  }
}

class AsyncInput<T> extends Input<T, AsyncIterator<T>> {
  override async next(): Promise<IteratorResult<T>> {
    const pulled = super.next();
    try {
      return await pulled;
    } catch (thrown) {
      throw inputFailed(thrown);
    }
  }
}

function inputFailed(thrown: unknown): UploadError {
  const message = `The iterable given to processUploads threw: ${messageOf(thrown)}`;
  return new UploadError(message, { code: "INPUT_FAILED", stage: "claim", cause: thrown });
}
