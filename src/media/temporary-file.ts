import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file that only this process reads. */
export interface TemporaryFile<T = unknown> {
  readonly path: string;
  /** What came of writing it. */
  readonly written: T;
  readonly remove: () => Promise<void>;
}

/**
 * Makes a temporary file in a directory of its own, readable by nobody else. Nothing of its name comes from the user.
 *
 * @param write fills the file; when it fails, nothing stays behind
 */
export async function createTemporaryFile<T>(write: (path: string) => Promise<T>): Promise<TemporaryFile<T>> {
  const directory = await mkdtemp(join(tmpdir(), "upload-processor-"));
  // Windows refuses to remove a file for as long as a decoder has it open.
  const remove = () => rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  const path = join(directory, "original");
  try {
    return { path, written: await write(path), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
