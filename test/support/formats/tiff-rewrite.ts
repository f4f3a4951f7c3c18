/** A TIFF as sharp writes it: little-endian, with its directory at the end. */

const ENTRY = 12;
const BYTES: Readonly<Record<number, number>> = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 12: 8 };
/** Where the strips or the tiles are. */
const PLACES = [273, 324];

/** With another value of a tag that has one short. */
export function retagged(file: Buffer, tag: number, value: number): Buffer {
  const changed = Buffer.from(file);
  const { start, count } = directoryOf(changed);
  for (let at = start + 2; at < start + 2 + count * ENTRY; at += ENTRY)
    if (changed.readUInt16LE(at) === tag) {
      changed.writeUInt16LE(value, at + 8);
      return changed;
    }
  throw new Error(`the file has no tag ${tag}`);
}

/** With its directory, and all that this points to, in front of the pixels: a file that is cut off still has it. */
export function directoryFirst(file: Buffer): Buffer {
  const { start, count } = directoryOf(file);
  const length = 2 + count * ENTRY + 4;
  const directory = Buffer.from(file.subarray(start, start + length));
  const entries = Array.from({ length: count }, (_, index) =>
    directory.subarray(2 + index * ENTRY, 14 + index * ENTRY),
  );
  const values = entries.map((entry) => {
    const bytes = (BYTES[entry.readUInt16LE(2)] ?? 1) * entry.readUInt32LE(4);
    return bytes <= 4
      ? Buffer.alloc(0)
      : Buffer.from(file.subarray(entry.readUInt32LE(8), entry.readUInt32LE(8) + bytes));
  });
  const shift = length + values.reduce((sum, value) => sum + value.length, 0);
  let at = 8 + length;
  entries.forEach((entry, index) => {
    const value = values[index] ?? Buffer.alloc(0);
    const isPlaces = PLACES.includes(entry.readUInt16LE(0));
    const inline = value.length === 0;
    const places = inline ? entry.subarray(8) : value;
    if (isPlaces)
      for (let place = 0; place < places.length; place += 4)
        places.writeUInt32LE(places.readUInt32LE(place) + shift, place);
    if (!inline) entry.writeUInt32LE(at, 8);
    at += value.length;
  });
  const head = Buffer.from(file.subarray(0, 8));
  head.writeUInt32LE(8, 4);
  return Buffer.concat([head, directory, ...values, file.subarray(8, start)]);
}

function directoryOf(file: Buffer): { readonly start: number; readonly count: number } {
  const start = file.readUInt32LE(4);
  return { start, count: file.readUInt16LE(start) };
}
