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
 * Lets `work` read an original. A file is closed behind it.
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
    return await work(new FileSource(file, (await file.stat()).size));
  } finally {
    await file.close();
  }
}

/** @param size of the whole original, of which these may be the first bytes alone: to read behind them rejects then */
export function ofBytes(bytes: Uint8Array, size = bytes.byteLength): ByteSource {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = async (at: number, length: number) => {
    if (Math.min(at + length, size) > buffer.length) throw new Error("This is not among the first bytes");
    return buffer.subarray(at, at + length);
  };
  return { size, read };
}

class FileSource implements ByteSource {
  #window = Buffer.alloc(0);
  #start = 0;

  constructor(
    private readonly file: FileHandle,
    readonly size: number,
  ) {}

  /** A function, not a method: who reads headers takes it from its source. */
  readonly read = async (at: number, length: number): Promise<Buffer> => {
    const wanted = Math.max(0, Math.min(length, this.size - at));
    if (wanted === 0) return Buffer.alloc(0);
    if (at < this.#start || at + wanted > this.#start + this.#window.length) await this.#move(at, wanted);
    return this.#window.subarray(at - this.#start, at - this.#start + wanted);
  };

  async #move(at: number, wanted: number): Promise<void> {
    const { buffer, bytesRead } = await this.file.read(Buffer.alloc(Math.max(wanted, WINDOW_BYTES)), { position: at });
    this.#start = at;
    this.#window = buffer.subarray(0, bytesRead);
  }
}
