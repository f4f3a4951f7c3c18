import type { ByteSource } from "./byte-source.js";

/** A directory of a TIFF, as far as it decides what can be shown. A tag that is not there is `undefined` or empty. */
export interface TiffDirectory {
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** Of each sample of a pixel. */
  readonly bits: readonly number[];
  /** Of each sample: 1 unsigned, 2 signed, 3 floating point, 4 nothing told, 5 and 6 complex. */
  readonly formats: readonly number[];
  readonly compression: number;
  readonly photometric: number | undefined;
  readonly samples: number;
  readonly extraSamples: readonly number[];
  readonly inkSet: number | undefined;
  /** In tiles, not in strips of whole rows. */
  readonly isTiled: boolean;
  /** Whether each sample of the pixels has a plane of its own. */
  readonly isPlanar: boolean;
  /** Whether it is a smaller copy of another one. */
  readonly isReduced: boolean;
  /** Whether it has a tag that only DNG has. */
  readonly isDng: boolean;
  /** Where further directories stand: in tag 330, and the next one of the chain. */
  readonly others: readonly number[];
}

export interface TiffHeader {
  /** The first one; where that is a smaller copy, the first that is none. */
  readonly shown: TiffDirectory;
  /** Where that stands, unless it is the first one. */
  readonly shownAt: number | undefined;
  /** Whether any directory that was looked at holds what a sensor has measured, before it is made a picture. */
  readonly isRaw: boolean;
}

/** A camera's file has about five. */
const MOST_DIRECTORIES = 16;
/** The decoder takes no more. */
const MOST_ENTRIES = 4096;
/** Of an entry: no picture has more samples. */
const MOST_VALUES = 16;

const SENSOR_PHOTOMETRICS: ReadonlySet<number> = new Set([32803, 34892]);
/** Of Nikon, Sony, Samsung, Pentax, Kodak and Canon; and of lossy DNG. */
const SENSOR_COMPRESSIONS: ReadonlySet<number> = new Set([34713, 32767, 32770, 32772, 65535, 65000, 34892]);

/** Reads the directories of a TIFF or BigTIFF. `null` where its first one cannot be understood. */
export async function readTiffHeader(source: ByteSource): Promise<TiffHeader | null> {
  const head = await source.read(0, 16);
  if (head.length < 8) return null;
  const numbers = new Numbers(head[0] === 0x49, head[2] === 43 || head[3] === 43);
  if (numbers.big && head.length < 16) return null;
  const seen = new Set<number>();
  const waiting = [numbers.big ? numbers.read(head, 8, 8) : numbers.read(head, 4, 4)];
  let first: TiffDirectory | undefined;
  let full: Pick<TiffHeader, "shown" | "shownAt"> | undefined;
  let isRaw = false;
  for (let at = waiting.shift(); at !== undefined && seen.size < MOST_DIRECTORIES; at = waiting.shift()) {
    if (seen.has(at)) continue;
    seen.add(at);
    const directory = await readDirectory(source, numbers, at);
    if (directory === null) {
      if (first === undefined) return null;
      continue;
    }
    first ??= directory;
    if (first.isReduced && isWhole(directory)) full ??= { shown: directory, shownAt: at };
    isRaw ||= holdsSensorData(directory);
    waiting.push(...directory.others);
  }
  return first === undefined ? null : Object.assign({ shown: first, shownAt: undefined, isRaw }, full);
}

/** Whether it is a picture of its own, not a smaller copy or a mask of one. */
function isWhole({ isReduced, photometric, width = 0, height = 0 }: TiffDirectory): boolean {
  return !isReduced && photometric !== 4 && width > 0 && height > 0;
}

/** A copy of a TIFF that begins with the directory at this place. */
export function beginningAt(file: Uint8Array, place: number): Buffer {
  const copy = Buffer.from(file);
  const isLittle = copy[0] === 0x49;
  if (copy[2] === 43 || copy[3] === 43) {
    if (isLittle) copy.writeBigUInt64LE(BigInt(place), 8);
    else copy.writeBigUInt64BE(BigInt(place), 8);
  } else if (isLittle) copy.writeUInt32LE(place, 4);
  else copy.writeUInt32BE(place, 4);
  return copy;
}

function holdsSensorData({ isDng, photometric, compression }: TiffDirectory): boolean {
  return isDng || SENSOR_PHOTOMETRICS.has(photometric ?? -1) || SENSOR_COMPRESSIONS.has(compression);
}

async function readDirectory(source: ByteSource, numbers: Numbers, at: number): Promise<TiffDirectory | null> {
  const { countBytes, entryBytes, placeBytes } = numbers;
  const counted = await source.read(at, countBytes);
  if (counted.length < countBytes) return null;
  const count = numbers.read(counted, 0, countBytes);
  if (count > MOST_ENTRIES) return null;
  const entries = await source.read(at + countBytes, count * entryBytes + placeBytes);
  if (entries.length < count * entryBytes) return null;

  const tags = new Map<number, readonly number[]>();
  for (let index = 0; index < count; index++) {
    const tag = numbers.read(entries, index * entryBytes, 2);
    // The decoder goes by the first one of a tag.
    if (WANTED.has(tag) && !tags.has(tag))
      tags.set(tag, await valuesOf(source, numbers, entries.subarray(index * entryBytes)));
  }
  const all = (tag: number) => tags.get(tag) ?? [];
  const one = (tag: number) => tags.get(tag)?.[0];
  const end = count * entryBytes;
  const next = entries.length < end + placeBytes ? 0 : numbers.read(entries, end, placeBytes);
  return {
    width: one(TAG.width),
    height: one(TAG.height),
    bits: all(TAG.bits),
    formats: all(TAG.format),
    compression: one(TAG.compression) ?? 1,
    photometric: one(TAG.photometric),
    samples: one(TAG.samples) ?? 1,
    extraSamples: all(TAG.extraSamples),
    inkSet: one(TAG.inkSet),
    isTiled: tags.has(TAG.tileWidth) || tags.has(TAG.tileHeight),
    isPlanar: one(TAG.planes) === 2 && (one(TAG.samples) ?? 1) > 1,
    isReduced: ((one(TAG.kind) ?? 0) & 1) === 1,
    isDng: tags.has(TAG.dngVersion),
    others: [...all(TAG.subDirectories), next].filter((place) => place > 0),
  };
}

const TAG = {
  kind: 254,
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  samples: 277,
  planes: 284,
  tileWidth: 322,
  tileHeight: 323,
  subDirectories: 330,
  inkSet: 332,
  extraSamples: 338,
  format: 339,
  dngVersion: 50706,
};
const WANTED: ReadonlySet<number> = new Set(Object.values(TAG));

/** By the type of an entry: bytes, shorts, longs, places of directories, the eight-byte ones of BigTIFF; and all with a sign. */
const BYTES_OF_TYPE: Readonly<Record<number, number>> = {
  ...{ 1: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8 },
  ...{ 6: 1, 8: 2, 9: 4, 17: 8 },
};

async function valuesOf(source: ByteSource, numbers: Numbers, entry: Buffer): Promise<readonly number[]> {
  const bytes = BYTES_OF_TYPE[numbers.read(entry, 2, 2)];
  if (bytes === undefined) return [];
  const { placeBytes } = numbers;
  const count = numbers.read(entry, 4, placeBytes);
  const length = bytes * Math.min(count, MOST_VALUES);
  const inline = bytes * count <= placeBytes;
  const value = entry.subarray(4 + placeBytes, 4 + 2 * placeBytes);
  const values = inline ? value : await source.read(numbers.read(value, 0, placeBytes), length);
  return Array.from({ length: Math.floor(Math.min(values.length, length) / bytes) }, (_, index) =>
    numbers.read(values, index * bytes, bytes),
  );
}

/** How numbers are written in a file, and how wide those of its directories are. */
class Numbers {
  readonly countBytes: 2 | 8;
  readonly placeBytes: 4 | 8;
  readonly entryBytes: 12 | 20;

  constructor(
    readonly littleEndian: boolean,
    readonly big: boolean,
  ) {
    this.countBytes = big ? 8 : 2;
    this.placeBytes = big ? 8 : 4;
    this.entryBytes = big ? 20 : 12;
  }

  read(bytes: Buffer, at: number, length: number): number {
    if (length === 8) {
      // A place above 2^53 is in no file; as a number it is large all the same, and nothing is read there.
      return Number(this.littleEndian ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
    }
    return this.littleEndian ? bytes.readUIntLE(at, length) : bytes.readUIntBE(at, length);
  }
}
