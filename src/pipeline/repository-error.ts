import { Interrupted } from "../async/time.js";
import type { StageName } from "../contracts/upload.js";
import {
  ConfigurationError,
  classifyError,
  isFault,
  isRefusal,
  messageOf,
  RepositoryError,
  UploadError,
} from "../errors.js";

/** What a failed call of the repository comes to. */
export function repositoryError(thrown: unknown, what: string, stage: StageName): Error {
  if (thrown instanceof Interrupted) return thrown;
  if (isRefusal(thrown)) return refusal(thrown, what);
  const classified = classifyError(thrown, stage, "REPOSITORY_FAILED");
  if (isFault(classified, "deployment")) {
    const said = UploadError.isInstance(thrown) ? classified.message : `${what}: ${classified.message}`;
    return new ConfigurationError(said, { stage, cause: thrown });
  }
  return new RepositoryError(`${what}: ${messageOf(thrown)}`, { stage, cause: thrown });
}

function refusal(thrown: unknown, what: string): UploadError {
  if (UploadError.isInstance(thrown) && thrown.code === "RESULT_REFUSED" && thrown.stage !== null) return thrown;
  return new UploadError(`${what}: ${messageOf(thrown)}`, { code: "RESULT_REFUSED", stage: "save", cause: thrown });
}
