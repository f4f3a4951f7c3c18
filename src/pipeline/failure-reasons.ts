import type { UploadChanges } from "../contracts/repository.js";
import type { UploadError } from "../errors.js";

/**
 * How the reason of a failure is stored, each to be tried when the store refuses the one before: a store that refuses letters of a
 * description may refuse them in the reason as well, and a column may be too short for the code. An upload that could not be
 * settled at all would hold up its batch for ever.
 */
export function reasonsOf({
  code: errorCode,
  stage: errorStage,
  message: errorMessage,
}: UploadError): readonly UploadChanges[] {
  const plain = errorMessage.replace(/[^\x20-\x7e]+/g, "?");
  const reasons: UploadChanges[] = [errorMessage, plain, null].map((message) => ({
    errorCode,
    errorStage,
    errorMessage: message,
  }));
  reasons.push({ errorMessage: plain }, {});
  return reasons;
}
