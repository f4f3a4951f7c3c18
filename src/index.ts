export type * from "./contracts/ai.js";
export type * from "./contracts/logger.js";
export type * from "./contracts/repository.js";
export type * from "./contracts/storage.js";
export type * from "./contracts/upload.js";
export {
  ConfigurationError,
  RepositoryError,
  UploadError,
  type UploadErrorCode,
  type UploadErrorJSON,
  type UploadErrorOptions,
} from "./errors.js";
export type * from "./options.js";
