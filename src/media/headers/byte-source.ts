import { type FileHandle, open, stat } from "node:fs/promises";

/** Reads pieces of an original, wherever it is. */
export interface ByteSource {
  /** In bytes. */
  readonly size: number;
  /** The bytes from `at`: fewer than `length` at the end of the original, none behind it. */
  readonly read: (at: number, length: number) => Promise<Buffer>;
}

/** The beginning of a file, read when it was admitted: whoever needs no more of it need not open it once more. */
export interface FileHead {
  readonly bytes: Uint8Array;
  /** Of the whole file, in bytes. */
  readonly size: number;
}

/** Read at once, in bytes: headers are read in small pieces, mostly one behind the other. */
const WINDOW_BYTES = 16 * 1024;

/**
 * Lets `work` read an original. A file is opened at the first piece that is not in its head, and closed behind `work`.
 *
 * Errors of the file system are thrown as they are.
 */
export async function withByteSource<T>(
  input: string | Uint8Array,
  head: FileHead | undefined,
  work: (source: ByteSource) => Promise<T>,
): Promise<T> {
  if (typeof input !== "string") return work(ofBytes(input));
  const file = new FileSource(input, head ?? { bytes: new Uint8Array(), size: (await stat(input)).size });
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

export function ofBytes(bytes: Uint8Array): ByteSource {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { size: buffer.length, read: async (at, length) => buffer.subarray(at, at + length) };
}

class FileSource implements ByteSource {
  readonly size: number;
  #window: Buffer;
  #start = 0;
  #file: FileHandle | undefined;

  constructor(
    private readonly path: string,
    { bytes, size }: FileHead,
  ) {
    this.size = size;
    this.#window = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** A function, not a method: who reads headers takes it from its source. */
  readonly read = async (at: number, length: number): Promise<Buffer> => {
    const wanted = Math.max(0, Math.min(length, this.size - at));
    if (wanted === 0) return Buffer.alloc(0);
    if (at < this.#start || at + wanted > this.#start + this.#window.length) await this.#move(at, wanted);
    return this.#window.subarray(at - this.#start, at - this.#start + wanted);
  };

  async close(): Promise<void> {
    await this.#file?.close();
  }

  async #move(at: number, wanted: number): Promise<void> {
    this.#file ??= await open(this.path);
    const { buffer, bytesRead } = await this.#file.read(Buffer.alloc(Math.max(wanted, WINDOW_BYTES)), { position: at });
    this.#start = at;
    this.#window = buffer.subarray(0, bytesRead);
  }
}
