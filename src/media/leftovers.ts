import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";
import { type Owner, ownerOf, stateOf } from "./owner.js";
import { removeDirectory } from "./remove-directory.js";

/** A directory whose owner cannot be asked for is removed when nothing was done in it for so long. */
const ABANDONED_MS = 24 * 60 * 60 * 1000;

/**
 * Removes the temporary directories of processes that were killed (SIGKILL, a crash of the decoder, power loss), of the
 * same user and in the same folder. Never rejects: whatever cannot be read or removed stays for the next process.
 */
export async function removeLeftovers(folder: string, self: Owner): Promise<void> {
  try {
    for await (const entry of await opendir(folder)) {
      const owner = ownerOf(entry.name);
      // A link is no directory here, so nothing outside of the folder is removed.
      if (owner === null || !entry.isDirectory()) continue;
      const directory = join(folder, entry.name);
      if (await isLeftover(directory, owner, self)) await removeDirectory(directory).catch(() => {});
    }
  } catch {
    // The folder cannot be read.
  }
}

async function isLeftover(directory: string, owner: Owner, self: Owner): Promise<boolean> {
  try {
    const { uid, mtimeMs } = await lstat(directory);
    if (process.getuid !== undefined && uid !== process.getuid()) return false;
    const state = await stateOf(owner, self);
    return state === "dead" || (state === "unknown" && Date.now() - mtimeMs > ABANDONED_MS);
  } catch {
    return false;
  }
}
