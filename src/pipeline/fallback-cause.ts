import type { AuditVerdict } from "../contracts/ai.js";
import type { UploadError } from "../errors.js";

/** Why the next model of a chain would be asked: the one before it has failed, or its answer did not pass its audit. */
export type FallbackCause =
  | { readonly error: UploadError; readonly audit?: undefined }
  | { readonly audit: AuditVerdict; readonly error?: undefined };
