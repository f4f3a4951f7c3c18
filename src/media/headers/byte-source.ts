import { type FileHandle, open } from "node:fs/promises";

/** Reads pieces of an original, wherever it is. */
export interface ByteSource {
  /** In bytes. */
  readonly size: number;
  /** The bytes from `at`: fewer than `length` at the end of the original, none behind it. */
  readonly read: (at: number, length: number) => Promise<Buffer>;
}

/** Read at once, in bytes: headers are read in small pieces, mostly one behind the other. */
const WINDOW_BYTES = 16 * 1024;

/**
 * Opens an original for as long as `work` takes.
 *
 * Errors of the file system are thrown as they are.
 */
export async function withByteSource<T>(
  input: string | Uint8Array,
  work: (source: ByteSource) => Promise<T>,
): Promise<T> {
  if (typeof input !== "string") return work(ofBytes(input));
  const file = await open(input);
  try {
    const { size } = await file.stat();
    return await work(ofFile(file, size));
  } finally {
    await file.close();
  }
}

export function ofBytes(bytes: Uint8Array): ByteSource {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { size: buffer.length, read: async (at, length) => buffer.subarray(at, at + length) };
}

function ofFile(file: FileHandle, size: number): ByteSource {
  let start = 0;
  let window = Buffer.alloc(0);
  return {
    size,
    async read(at, length) {
      const wanted = Math.max(0, Math.min(length, size - at));
      if (wanted === 0) return Buffer.alloc(0);
      if (at < start || at + wanted > start + window.length) {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.max(wanted, WINDOW_BYTES)), { position: at });
        start = at;
        window = buffer.subarray(0, bytesRead);
      }
      return window.subarray(at - start, at - start + wanted);
    },
  };
}
