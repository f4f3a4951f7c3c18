/** In bytes, from the table of colours in a byte of flags. */
export const tableBytes = (flags: number): number => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);

/**
 * Whether the first frames of a GIF have all their pixels. The decoder warns of a file with anything behind its last frame as of one
 * whose picture ends too early.
 */
export function hasFrames(file: Uint8Array, count: number): boolean {
  const byte = (at: number) => file[at] ?? 0;
  const word = (at: number) => byte(at) + 256 * byte(at + 1);
  let left = count;
  let at = 13 + tableBytes(byte(10));
  while (left > 0) {
    const kind = byte(at);
    if (kind === EXTENSION) at = blocksFrom(file, at + 2).end;
    else if (kind === FRAME) {
      const codes = at + 10 + tableBytes(byte(at + 9));
      const { parts, end } = blocksFrom(file, codes + 1);
      const pixels = word(at + 5) * word(at + 7);
      if (pixelsIn(Buffer.concat(parts), byte(codes), pixels) < pixels) return false;
      at = end;
      left--;
    } else return false;
  }
  return true;
}

export const EXTENSION = 0x21;
export const FRAME = 0x2c;

/** Blocks that each begin with their length; one of length 0 ends them. */
export function blocksFrom(
  file: Uint8Array,
  start: number,
): { readonly parts: readonly Uint8Array[]; readonly end: number } {
  const parts: Uint8Array[] = [];
  let at = start;
  for (let length = file[at] ?? 0; length > 0; length = file[at] ?? 0) {
    parts.push(file.subarray(at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { parts, end: at + 1 };
}

const LONGEST_CODE = 12;

/** How many pixels these codes of LZW stand for, counted to `most`. */
function pixelsIn(data: Uint8Array, bits: number, most: number): number {
  if (bits < 1 || bits >= LONGEST_CODE) return 0;
  const clear = 1 << bits;
  const lengths = new Uint32Array(1 << LONGEST_CODE).fill(1, 0, clear);
  let pixels = 0;
  let [size, next, before] = [bits + 1, clear + 2, -1];
  let [held, heldBits] = [0, 0];
  for (const byte of data) {
    held |= byte << heldBits;
    heldBits += 8;
    while (heldBits >= size && pixels < most) {
      const code = held & ((1 << size) - 1);
      held >>>= size;
      heldBits -= size;
      if (code === clear + 1) return pixels;
      if (code === clear) {
        [size, next, before] = [bits + 1, clear + 2, -1];
        continue;
      }
      const added = 1 + (lengths[before] ?? 0);
      if (before < 0 ? code > clear : code > next) return pixels;
      pixels += code === next ? added : (lengths[code] ?? 0);
      if (before >= 0 && next < 1 << LONGEST_CODE) {
        lengths[next++] = added;
        if (next === 1 << size && size < LONGEST_CODE) size++;
      }
      before = code;
    }
  }
  return pixels;
}
