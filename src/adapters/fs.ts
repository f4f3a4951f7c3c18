import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm, stat, unlink } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { StorageAdapter } from "../contracts/storage.js";
import { ConfigurationError, hasCode, refusedKey, UploadError } from "../errors.js";
import { isNotThere, pathOfKey, resolveInside } from "./fs/keys.js";

/**
 * A storage in a folder. A key is a path below it, with `/` between folders on every platform.
 *
 * - Originals are read where they are. Writes are atomic and on the disk when they resolve: a temporary file beside the
 *   target is synchronized and renamed. After a power cut such a file (`.upload-processor-….tmp`) may be left.
 * - Keys that leave the root are refused with an `UploadError` (`STORAGE_FAILED`, not retryable): `..`, absolute paths,
 *   backslashes, NUL, half surrogate pairs, and symbolic links that lead out of it; on Windows also what stands for a
 *   device, a drive or a stream. Links are checked before a file is opened; this does not guard against somebody
 *   who replaces folders by links at the same moment.
 * - Keys that differ only in what the file system does not tell apart (upper and lower case on Windows and macOS,
 *   composed and decomposed letters on macOS) share a file there: ids in keys should be of one case, as UUIDs are.
 * - The root itself may be a link. Where it is missing, a write creates it; reading and deleting fail
 *   (`STORAGE_FAILED`, retryable), because a volume that is not mounted must not look like one that has lost its
 *   originals.
 *
 * @param root a path, relative to the working directory at this moment, or a `file:` URL
 * @throws ConfigurationError when the root is neither
 * @example
 * const storage = fileStorage("/var/lib/photos");
 * await storage.write("originals/42.jpg", bytes, { contentType: "image/jpeg", signal });
 */
export function fileStorage(root: string | URL): StorageAdapter {
  const rootPath = pathOfRoot(root);

  return {
    async open(key, { signal }) {
      signal.throwIfAborted();
      const path = await resolveExisting(rootPath, pathOfKey(rootPath, key), key);
      return (await isFile(path)) ? { path } : null;
    },

    async write(key, data, { signal }) {
      signal.throwIfAborted();
      const target = pathOfKey(rootPath, key);
      await mkdir(rootPath, { recursive: true });
      // First the target, before folders are created for it, then its folder: both may be links, and a link outside of
      // the root may lead back into it.
      await resolveInside(rootPath, target, key);
      await mkdir(dirname(target), { recursive: true }).catch((error) => {
        if (!hasCode(error, "EEXIST") && !hasCode(error, "ENOTDIR")) throw error;
        throw refusedKey("fileStorage", key, "what should be a folder in it is a file");
      });
      const directory = await resolveInside(rootPath, dirname(target), key);
      await replaceFile(directory, basename(target), data, signal).catch((error) => {
        if (hasCode(error, "EISDIR")) throw refusedKey("fileStorage", key, "a folder is there");
        throw error;
      });
    },

    async delete(key) {
      const target = pathOfKey(rootPath, key);
      await resolveExisting(rootPath, target, key);
      const directory = await resolveExisting(rootPath, dirname(target), key);
      try {
        // A link is removed itself, not the file that it leads to.
        await unlink(join(directory, basename(target)));
      } catch (error) {
        // Where a folder is, there is no object to delete.
        if (!isNotThere(error) && !hasCode(error, "EISDIR")) throw error;
      }
    },
  };
}

function pathOfRoot(root: string | URL): string {
  try {
    if (root instanceof URL || root.startsWith("file:")) return resolve(fileURLToPath(root));
    if (root !== "") return resolve(root);
  } catch {
    // Neither a string nor a file: URL.
  }
  throw new ConfigurationError(
    `fileStorage: expected the path or the file: URL of a folder, got ${JSON.stringify(root)}`,
  );
}

async function resolveExisting(root: string, path: string, key: string): Promise<string> {
  try {
    return await resolveInside(root, path, key);
  } catch (error) {
    // resolveInside accepts that what is below the root is missing, so it is the root itself.
    if (!isNotThere(error)) throw error;
    throw new UploadError(`The root of fileStorage is missing: ${root}`, { code: "STORAGE_FAILED", cause: error });
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (isNotThere(error)) return false;
    throw error;
  }
}

/**
 * The temporary file has a name of its own: the target's may be as long as names can be, so nothing can be added to it.
 */
async function replaceFile(directory: string, name: string, data: Uint8Array, signal: AbortSignal): Promise<void> {
  const temporary = join(directory, `.upload-processor-${randomUUID()}.tmp`);
  try {
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(data, { signal });
      await file.sync();
    } finally {
      await file.close();
    }
    signal.throwIfAborted();
    await rename(temporary, join(directory, name));
  } catch (error) {
    // What went wrong first is what the caller has to know.
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  await syncDirectory(directory);
}

/** How systems say that a folder cannot be opened or synchronized at all: Windows, and file systems that need not. */
const CANNOT_SYNC = ["EPERM", "EACCES", "EISDIR", "EINVAL", "ENOTSUP"];

/** The rename is safe from a power cut when the folder is on the disk. */
async function syncDirectory(directory: string): Promise<void> {
  try {
    const handle = await open(directory);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!CANNOT_SYNC.some((code) => hasCode(error, code))) throw error;
  }
}
