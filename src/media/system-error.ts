import { access } from "node:fs/promises";
import { classifyError, errorChain, hasCode, messageOf, read, UploadError } from "../errors.js";

/** What the operating system did not let the process do; disk, memory and files that have run out are told everywhere. */
const REFUSED = ["EACCES", "EPERM", "EROFS", "EIO"];
/** A thread that the system did not give. */
const NO_THREAD = "ERR_WORKER_INIT_FAILED";
/** How libvips words what the operating system answered, and what the process was not given. */
const SYSTEM_MESSAGE = /\b(?:system|unix|windows) error: |out of memory -- size|unable to create thread/i;

/**
 * What the system failed with while an original was read or decoded: that is no fault of the media, and `INVALID_MEDIA` would settle
 * its upload for good.
 *
 * @param path of the original, where it is a file
 * @returns `null` for any other error
 */
export async function systemError(thrown: unknown, path?: string): Promise<UploadError | null> {
  const chain = errorChain(thrown);
  if (chain.some((error) => hasCode(error, NO_THREAD)))
    return new UploadError(messageOf(thrown), { code: "STORAGE_FAILED", stage: "open", cause: thrown });
  if (!chain.some(isSystemError)) return null;
  if (chain.some((error) => hasCode(error, "ENOENT")) && (await isGone(path)))
    return new UploadError("The original vanished", { code: "MISSING_ORIGINAL", stage: "open", cause: thrown });
  return classifyError(thrown, "open", "STORAGE_FAILED");
}

/** An error of Node's functions, or of libvips. */
function isSystemError(thrown: unknown): boolean {
  if (read(thrown, "syscall") !== undefined) return true;
  return REFUSED.some((code) => hasCode(thrown, code)) || SYSTEM_MESSAGE.test(messageOf(thrown));
}

/** What is missing may be something else than the original. */
async function isGone(path: string | undefined): Promise<boolean> {
  if (path === undefined) return false;
  try {
    await access(path);
    return false;
  } catch (error) {
    return hasCode(error, "ENOENT");
  }
}
