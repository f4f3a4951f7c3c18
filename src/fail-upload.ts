import { Cancellation } from "./async/cancellation.js";
import type { RepositoryAdapter } from "./contracts/repository.js";
import type { UploadRecord } from "./contracts/upload.js";
import { UploadError } from "./errors.js";
import { acquireClaim } from "./pipeline/acquire.js";
import { resolveSettings } from "./pipeline/resolve-settings.js";
import { aName, expected } from "./validate.js";

/** Nothing is opened and nothing is paid. */
const unused = () => Promise.reject(new Error("not used"));

/**
 * Settles an upload as `failed`: for job runners, when they give up its job. It takes a claim first, so an upload that somebody works
 * on is left alone. An upload that was being done again becomes what it was before, and keeps its draft, as after any failure.
 *
 * @returns whether it was settled by this call
 * @throws RepositoryError the repository cannot be reached
 * @example
 * await failUpload(repository, id, new UploadError("The job stalled", { code: "ENGINE_GAVE_UP" }));
 */
export async function failUpload<U extends UploadRecord>(
  repository: RepositoryAdapter<U>,
  id: string,
  error: UploadError,
): Promise<boolean> {
  if (!aName(id)) throw expected("id", "the id of an upload", id);
  if (!UploadError.isInstance(error)) throw expected("error", "an UploadError", error);
  const storage = { open: unused, write: unused, delete: unused };
  const settings = resolveSettings<U>({ storage, ai: { describe: unused }, repository });
  const acquired = await acquireClaim(id, settings, new Cancellation());
  if (acquired.outcome !== "claimed") return false;
  try {
    return (await acquired.claim.fail(error)) === "saved";
  } finally {
    await acquired.claim.abandon(); // also where the store refuses every reason
  }
}
