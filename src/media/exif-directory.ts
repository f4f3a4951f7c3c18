/** A directory of a TIFF structure, as EXIF is one: each value is looked up when it is asked for. */
export interface Directory {
  /** An ASCII value. */
  text(tag: number): string | undefined;
  /** Unsigned fractions, at most three. */
  numbers(tag: number): readonly number[] | undefined;
  /** The directory that a tag refers to. */
  directory(tag: number): Directory | null;
}

const ASCII = 2;
const LONG = 4;
const RATIONAL = 5;
const ENTRY_BYTES = 12;
const MOST_ENTRIES = 500;
const LONGEST_TEXT = 1000;

/** @param exif with or without `Exif\0\0` before it. @returns `null` when it is none */
export function readDirectory(exif: Uint8Array): Directory | null {
  const prefix = Buffer.from(exif.buffer, exif.byteOffset, Math.min(6, exif.byteLength)).toString("latin1");
  const start = prefix === "Exif\0\0" ? 6 : 0;
  const bytes = new DataView(exif.buffer, exif.byteOffset + start, exif.byteLength - start);
  if (bytes.byteLength < 8) return null;
  const order = bytes.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return null;
  const isLittle = order === 0x4949;
  return bytes.getUint16(2, isLittle) === 42 ? directoryAt(bytes, bytes.getUint32(4, isLittle), isLittle) : null;
}

function directoryAt(bytes: DataView, offset: number, isLittle: boolean): Directory | null {
  if (offset + 2 > bytes.byteLength) return null;
  const entries = Math.min(bytes.getUint16(offset, isLittle), MOST_ENTRIES);

  /** Where the values of an entry are; `undefined` unless all of them are inside. */
  function find(tag: number, type: number, size: number): { at: number; count: number } | undefined {
    for (let entry = offset + 2; entry < offset + 2 + entries * ENTRY_BYTES; entry += ENTRY_BYTES) {
      if (entry + ENTRY_BYTES > bytes.byteLength) return undefined;
      if (bytes.getUint16(entry, isLittle) !== tag) continue;
      if (bytes.getUint16(entry + 2, isLittle) !== type) return undefined;
      const count = bytes.getUint32(entry + 4, isLittle);
      const at = count * size <= 4 ? entry + 8 : bytes.getUint32(entry + 8, isLittle);
      return at + count * size <= bytes.byteLength ? { at, count } : undefined;
    }
    return undefined;
  }

  return {
    text(tag) {
      const found = find(tag, ASCII, 1);
      if (found === undefined) return undefined;
      const length = Math.min(found.count, LONGEST_TEXT);
      const text = Buffer.from(bytes.buffer, bytes.byteOffset + found.at, length).toString("utf8");
      return text.split("\0", 1)[0];
    },
    numbers(tag) {
      const found = find(tag, RATIONAL, 8);
      if (found === undefined || found.count > 3) return undefined;
      const fraction = (_: unknown, index: number) => {
        const at = found.at + 8 * index;
        return bytes.getUint32(at, isLittle) / bytes.getUint32(at + 4, isLittle);
      };
      return Array.from({ length: found.count }, fraction);
    },
    directory(tag) {
      const found = find(tag, LONG, 4);
      return found?.count === 1 ? directoryAt(bytes, bytes.getUint32(found.at, isLittle), isLittle) : null;
    },
  };
}
