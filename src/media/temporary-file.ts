import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeLeftovers } from "./leftovers.js";
import { currentOwner, directoryPrefix } from "./owner.js";
import { removeDirectory } from "./remove-directory.js";

/** A file that only this process reads. */
export interface TemporaryFile<T = unknown> {
  readonly path: string;
  /** What came of writing it. */
  readonly written: T;
  readonly remove: () => Promise<void>;
}

/**
 * Where the leftovers of other processes were looked for last. Per process, because it is about the processes before
 * it.
 */
let cleanedFolder: string | undefined;

/**
 * Makes a temporary file in a directory of its own, readable by nobody else. Nothing of its name comes from the user;
 * it tells which process made it, so that a later process can remove it when this one is killed. The first call of a
 * process removes, in the background, what killed processes have left.
 *
 * @param write fills the file; when it fails, nothing stays behind
 */
export async function createTemporaryFile<T>(write: (path: string) => Promise<T>): Promise<TemporaryFile<T>> {
  const folder = tmpdir();
  const owner = await currentOwner();
  if (folder !== cleanedFolder) {
    cleanedFolder = folder;
    void removeLeftovers(folder, owner);
  }
  const directory = await mkdtemp(join(folder, directoryPrefix(owner)));
  const remove = () => removeDirectory(directory);
  const path = join(directory, "original");
  try {
    return { path, written: await write(path), remove };
  } catch (error) {
    // What went wrong first is what the caller has to know.
    await remove().catch(() => {});
    throw error;
  }
}
