import { stat } from "node:fs/promises";
import type { VideoFacts } from "./facts.js";

/** Of so many files what was read is remembered: more than are in work at once. */
const MOST = 256;

/**
 * What is known of the files that were decoded last: ffmpeg tells it with the first frame, and so no process of ffprobe is needed
 * for it afterwards.
 */
export class RecentFacts {
  readonly #facts = new Map<string, VideoFacts>();

  /** `undefined` for a file that is not known, or was changed since. */
  async of(path: string): Promise<VideoFacts | undefined> {
    const key = await keyOf(path);
    return key === undefined ? undefined : this.#facts.get(key);
  }

  async keep(path: string, facts: VideoFacts): Promise<void> {
    const key = await keyOf(path);
    if (key === undefined) return;
    this.#facts.delete(key);
    this.#facts.set(key, facts);
    const [oldest] = this.#facts.keys();
    if (this.#facts.size > MOST && oldest !== undefined) this.#facts.delete(oldest);
  }
}

/** `undefined` when it cannot be read: whoever decodes it tells why. */
async function keyOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = await stat(path);
    return [dev, ino, size, mtimeMs, ctimeMs, path].join(" ");
  } catch {
    return undefined;
  }
}
