import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import type { StorageAdapter } from "../../contracts/storage.js";

/** What each test of a storage works with. */
export interface Setup {
  readonly storage: StorageAdapter;
  /** A key that was never used before, in this run or another, and ends with this. */
  readonly newKey: (name?: string) => string;
  readonly write: (key: string, data: Uint8Array, signal?: AbortSignal) => Promise<void>;
  /** The whole object, in whichever way the storage opens it. */
  readonly read: (key: string) => Promise<Buffer | null>;
  readonly cleanUp: () => Promise<void>;
}

export function createSetup(storage: StorageAdapter): Setup {
  const { signal } = new AbortController();
  const prefix = `contract-${randomUUID()}`;
  const written = new Set<string>();
  return {
    storage,
    newKey: (name = `${randomUUID()}.bin`) => `${prefix}/${name}`,
    async write(key, data, given = signal) {
      if (key.startsWith(prefix)) written.add(key);
      try {
        await storage.write(key, data, { contentType: "application/octet-stream", signal: given });
      } catch (error) {
        if (isRefusal(error)) written.delete(key);
        throw error;
      }
    },
    async read(key) {
      const opened = await storage.open(key, { signal });
      if (opened === null) return null;
      try {
        if ("path" in opened) return await readFile(opened.path);
        // As a Buffer over the same bytes, so that a storage that hands out its own memory is found out.
        if ("stream" in opened) return await buffer(opened.stream);
        return Buffer.from(opened.bytes.buffer, opened.bytes.byteOffset, opened.bytes.byteLength);
      } finally {
        await opened.release?.();
      }
    },
    cleanUp: async () => {
      for (const key of written) await storage.delete(key);
    },
  };
}

/** Whether a key was refused for good. */
export const isRefusal = (error: unknown) => (error as { retryable?: unknown } | null)?.retryable === false;
