import { UploadError } from "../../errors.js";

/** A file that is not as its format wants it. */
export function damaged(what: string): UploadError {
  return new UploadError(`The HEIC file is damaged: ${what}`, { code: "INVALID_MEDIA" });
}

/** Reads numbers of the file one after the other, and nothing behind the end. */
export class Reader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.position;
  }

  /** An unsigned number of 0, 1, 2, 4 or 8 bytes. One that does not fit into a double is rounded: it is too large for any use. */
  number(size: number): number {
    const at = this.#take(size);
    if (size === 0) return 0;
    if (size === 1) return this.#view.getUint8(at);
    if (size === 2) return this.#view.getUint16(at);
    if (size === 4) return this.#view.getUint32(at);
    if (size === 8) return this.#view.getUint32(at) * 2 ** 32 + this.#view.getUint32(at + 4);
    throw damaged(`a number of ${size} bytes`);
  }

  /** Four characters. */
  name(): string {
    const at = this.#take(4);
    return String.fromCharCode(...this.#bytes.subarray(at, at + 4));
  }

  skip(size: number): void {
    this.#take(size);
  }

  /** The bytes themselves, not a copy. */
  bytes(size: number): Uint8Array {
    const at = this.#take(size);
    return this.#bytes.subarray(at, at + size);
  }

  #take(size: number): number {
    if (size > this.left) throw damaged("a box ends too early");
    const at = this.position;
    this.position += size;
    return at;
  }
}

export interface Box {
  readonly type: string;
  /** What follows the size and the type. */
  readonly body: Uint8Array;
}

/** The boxes that stand one behind the other. */
export function* boxesIn(bytes: Uint8Array): Generator<Box> {
  const reader = new Reader(bytes);
  while (reader.left >= 8) {
    const start = reader.position;
    let size = reader.number(4);
    const type = reader.name();
    if (size === 1) size = reader.number(8);
    else if (size === 0) size = bytes.length - start;
    const header = reader.position - start;
    if (size < header) throw damaged(`the size of its box ${JSON.stringify(type)}`);
    yield { type, body: reader.bytes(size - header) };
  }
}

/** The version and the flags of a box that has them, and what follows. */
export function fullBox(body: Uint8Array): {
  readonly version: number;
  readonly flags: number;
  readonly reader: Reader;
} {
  const reader = new Reader(body);
  const word = reader.number(4);
  return { version: word >>> 24, flags: word & 0xff_ff_ff, reader };
}
