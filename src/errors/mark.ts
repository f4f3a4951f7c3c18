import { read } from "./inspect.js";

/** The same symbol in every copy of the package. */
export const MARK = Symbol.for("upload-processor.UploadError");

/** Whether it is an UploadError, of whichever copy of the package. */
export function isUploadError(value: unknown): boolean {
  return read(value, MARK) === true;
}
