import { type MemoryStorage, memoryStorage } from "../../adapters/memory.js";
import { requireKnown, requireMembers } from "../../validate.js";
import { sampleJpeg } from "../sample-jpeg.js";
import { type FakeControls, fake } from "./fake.js";

export type FakeStorage = MemoryStorage & FakeControls<MemoryStorage>;

export interface FakeStorageOptions {
  /** What it holds at first: pairs of key and bytes, or a `Map`. */
  readonly objects?: Iterable<readonly [key: string, data: Uint8Array]> | undefined;
  /** What `open` opens where nothing was put, written or deleted; `null`: there is nothing. @default a small JPEG */
  readonly original?: Uint8Array | null | undefined;
  /** The clock by which calls are recorded, in milliseconds. @default Date.now */
  readonly now?: (() => number) | undefined;
}

/**
 * A storage in memory that records its calls, and does what a script says. Every original is there, until it is deleted.
 *
 * @throws ConfigurationError an option that is unknown
 * @example
 * const storage = fakeStorage();
 * storage.script.write.throws(new Error("disk full"));   // once: the write is tried again
 * await processUploadWithRetry(upload, { storage, ai: fakeAI(), repository });   // completed, without a warning
 * assert.deepEqual(storage.calls.map(({ method }) => method), ["open", "write", "write"]);
 */
export function fakeStorage(options: FakeStorageOptions = {}): FakeStorage {
  requireMembers("fakeStorage", options, []);
  requireKnown("fakeStorage", options, ["objects", "original", "now"]);
  const { objects, original = sampleJpeg(), now } = options;
  const memory = memoryStorage(objects);
  const deleted = new Set<string>();
  const adapter: MemoryStorage = {
    ...memory,
    async open(key, { signal }) {
      const opened = await memory.open(key, { signal });
      return opened === null && original !== null && !deleted.has(key) ? { bytes: new Uint8Array(original) } : opened;
    },
    async delete(key) {
      await memory.delete(key);
      deleted.add(key);
    },
  };
  return fake(adapter, now);
}
