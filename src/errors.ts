/**
 * Errors: what they are, and what is made of those that adapters throw. The one file to import them from, so that the CommonJS
 * build can keep one copy of the classes.
 */
export { errorChain, usageOf } from "./errors/chain.js";
export { classifyError } from "./errors/classify.js";
export { CODES, type Fault, type KnownCode, type UploadErrorCode } from "./errors/codes.js";
export { LONGEST_TIMER_MS, statusOf } from "./errors/hints.js";
export { hasCode, isA, read } from "./errors/inspect.js";
export { messageOf } from "./errors/message.js";
export { isRefusal } from "./errors/refusal.js";
export { keyProblem, refusedKey, shownKey } from "./errors/refused-key.js";
export { tellUnasked } from "./errors/unasked.js";
export { unknownOption } from "./errors/unknown-option.js";
export {
  ConfigurationError,
  isFault,
  RepositoryError,
  UploadError,
  type UploadErrorJSON,
  type UploadErrorOptions,
} from "./errors/upload-error.js";
