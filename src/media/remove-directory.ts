import { rm } from "node:fs/promises";

/** Windows refuses to remove a file for as long as a decoder has it open, so it is tried a few times. */
export function removeDirectory(directory: string): Promise<void> {
  return rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}
