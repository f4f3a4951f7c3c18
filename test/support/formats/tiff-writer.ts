/** Values of a tag, by their type: bytes, shorts, longs. */
export type TiffTags = Readonly<Record<number, readonly [type: 1 | 3 | 4 | 13, values: readonly number[]]>>;

export interface TiffPicture {
  readonly width: number;
  readonly height: number;
  /** All samples, in one strip. */
  readonly pixels: Buffer;
  /** In place of those of an RGB picture of 8 bits, or in addition to them. */
  readonly tags?: TiffTags;
}

const BYTES = { 1: 1, 3: 2, 4: 4, 13: 4 } as const;
const HEAD = 16;

/** A TIFF, or a BigTIFF; its directory stands at the end. Further pictures become directories that the first one points to. */
export function makeTiff(
  picture: TiffPicture,
  { big = false, sub = [], next }: { big?: boolean; sub?: readonly TiffPicture[]; next?: TiffPicture } = {},
): Buffer {
  const file = new TiffFile(big);
  const places = sub.map((one) => file.add(one));
  const nextPlace = next === undefined ? 0 : file.add(next);
  const tags = places.length === 0 ? picture.tags : { ...picture.tags, 330: [4, places] as const };
  return file.finish(file.add(tags === undefined ? picture : { ...picture, tags }, nextPlace));
}

class TiffFile {
  readonly #parts: Buffer[] = [Buffer.alloc(HEAD)];
  #length = HEAD;

  constructor(readonly big: boolean) {}

  /** @returns where the directory stands */
  add({ width, height, pixels, tags = {} }: TiffPicture, next = 0): number {
    const at = this.#append(pixels);
    const all: TiffTags = {
      256: [4, [width]],
      257: [4, [height]],
      258: [3, [8, 8, 8]],
      259: [3, [1]],
      262: [3, [2]],
      273: [4, [at]],
      277: [3, [3]],
      278: [4, [height]],
      279: [4, [pixels.length]],
      ...tags,
    };
    const place = this.big ? 8 : 4;
    const entries = Object.entries(all).map(([tag, [type, values]]) => {
      const entry = Buffer.alloc(4 + 2 * place);
      entry.writeUInt16LE(Number(tag));
      entry.writeUInt16LE(type, 2);
      entry.writeUIntLE(values.length, 4, 4);
      const bytes = Buffer.alloc(BYTES[type] * values.length);
      values.forEach((value, index) => void bytes.writeUIntLE(value, index * BYTES[type], BYTES[type]));
      if (bytes.length <= place) bytes.copy(entry, 4 + place);
      else entry.writeUInt32LE(this.#append(bytes), 4 + place);
      return entry;
    });
    const count = Buffer.alloc(this.big ? 8 : 2);
    count.writeUInt16LE(entries.length);
    const following = Buffer.alloc(place);
    following.writeUInt32LE(next);
    return this.#append(Buffer.concat([count, ...entries, following]));
  }

  finish(first: number): Buffer {
    const file = Buffer.concat(this.#parts);
    file.write("II", "latin1");
    file.writeUInt16LE(this.big ? 43 : 42, 2);
    if (this.big) file.writeUInt16LE(8, 4);
    file.writeUInt32LE(first, this.big ? 8 : 4);
    return file;
  }

  #append(bytes: Buffer): number {
    const at = this.#length;
    const padding = Buffer.alloc(bytes.length % 2);
    this.#parts.push(bytes, padding);
    this.#length += bytes.length + padding.length;
    return at;
  }
}
