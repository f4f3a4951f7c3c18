import { crc32 } from "../../../src/testing/fixtures/crc32.js";

/** A part that a file says the length of: a chunk, a segment, a box, an entry of a directory. */
export interface Part {
  readonly start: number;
  readonly end: number;
  /** Where its length or its count stands, and in how many bytes. */
  readonly field: { readonly at: number; readonly bytes: 2 | 4; readonly littleEndian: boolean };
}

/** The parts that a file is made of, as far as it can be read: the outermost ones, and those of boxes that hold boxes. */
export function partsOf(file: Buffer): readonly Part[] {
  if (isPng(file)) return chain(8, file, 4, (at) => ({ length: file.readUInt32BE(at) + 12, field: big(at, 4) }));
  if (file.toString("latin1", 0, 4) === "RIFF") {
    const even = (length: number) => length + (length % 2);
    return chain(12, file, 8, (at) => ({ length: even(file.readUInt32LE(at + 4)) + 8, field: little(at + 4, 4) }));
  }
  if (file[0] === 0xff && file[1] === 0xd8)
    return chain(2, file, 4, (at) => ({ length: file.readUInt16BE(at + 2) + 2, field: big(at + 2, 2) }));
  if (file.toString("latin1", 4, 8) === "ftyp") return boxesOf(file, 0, file.length);
  if (file.length > 8 && /^(?:II|MM)$/.test(file.toString("latin1", 0, 2))) return entriesOf(file);
  return [];
}

/** Makes the checksums of a PNG right again: without that almost nothing that is changed in one is ever looked at. */
export function repairChecksums(file: Buffer): void {
  if (!isPng(file)) return;
  for (const { start, end } of partsOf(file))
    if (end <= file.length) file.writeUInt32BE(crc32(file.subarray(start + 4, end - 4)), end - 4);
}

function isPng(file: Buffer): boolean {
  return file.toString("latin1", 1, 4) === "PNG";
}

const big = (at: number, bytes: 2 | 4) => ({ at, bytes, littleEndian: false });
const little = (at: number, bytes: 2 | 4) => ({ at, bytes, littleEndian: true });

function chain(
  start: number,
  file: Buffer,
  head: number,
  read: (at: number) => { readonly length: number; readonly field: Part["field"] },
): Part[] {
  const parts: Part[] = [];
  let at = start;
  while (at + head <= file.length) {
    const { length, field } = read(at);
    parts.push({ start: at, end: Math.min(at + length, file.length), field });
    at += Math.max(length, head);
  }
  return parts;
}

const HOLDS_BOXES: Readonly<Record<string, number>> = {
  meta: 12,
  iprp: 8,
  ipco: 8,
  iinf: 14,
  dinf: 8,
  moov: 8,
  trak: 8,
  mdia: 8,
  minf: 8,
  stbl: 8,
};

function boxesOf(file: Buffer, start: number, end: number): Part[] {
  const boxes = chain(start, file.subarray(0, end), 8, (at) => ({ length: file.readUInt32BE(at), field: big(at, 4) }));
  return boxes.flatMap((box) => {
    const inside = HOLDS_BOXES[file.toString("latin1", box.start + 4, box.start + 8)];
    return inside === undefined ? [box] : [box, ...boxesOf(file, box.start + inside, box.end)];
  });
}

function entriesOf(file: Buffer): Part[] {
  const littleEndian = file[0] === 0x49;
  const at = littleEndian ? file.readUInt32LE(4) : file.readUInt32BE(4);
  if (at + 2 > file.length) return [];
  const count = littleEndian ? file.readUInt16LE(at) : file.readUInt16BE(at);
  const parts: Part[] = [];
  for (let start = at + 2; parts.length < count && start + 12 <= file.length; start += 12)
    parts.push({ start, end: start + 12, field: { at: start + 4, bytes: 4, littleEndian } });
  return parts;
}
