import type { ByteSource } from "./byte-source.js";

/** A chunk of a PNG: where its length stands, and where the next chunk begins. */
export interface PngChunk {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

/** What a PNG tells before its pixels. */
export interface PngHeader {
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** Bits of a sample. */
  readonly depth: number;
  readonly isGrey: boolean;
  readonly interlaced: boolean;
  /** Those before the pixels; the first is `IHDR`, except in files of Apple's own kind. */
  readonly chunks: readonly PngChunk[];
  /** What stands in the chunks that tell of colours. */
  readonly cicp: Buffer | undefined;
  readonly gamma: Buffer | undefined;
  readonly chromaticities: Buffer | undefined;
}

const FIRST_CHUNK = 8;
/** Length, type and checksum. */
const CHUNK_EXTRA = 12;
/** What is looked at before the pixels; texts are a chunk each. */
const MOST_CHUNKS = 100_000;
/** What is looked at behind an `eXIf` that stands behind the pixels. */
const MOST_LAST_CHUNKS = 2000;

/** Reads the chunks of a PNG before its pixels. `null` where they cannot be understood. */
export async function readPngHeader({ read }: ByteSource): Promise<PngHeader | null> {
  const chunks: PngChunk[] = [];
  const contents = new Map<string, Buffer>();
  let at = FIRST_CHUNK;
  for (let left = MOST_CHUNKS; left > 0; left--) {
    const head = await read(at, 8);
    if (head.length < 8) return null;
    const length = head.readUInt32BE(0);
    const type = head.toString("latin1", 4, 8);
    if (type === "IDAT") return headerOf(chunks, contents);
    // The decoder goes by the first one of a type.
    if (WANTED.has(type) && !contents.has(type))
      contents.set(type, Buffer.from(await read(at + 8, Math.min(length, MOST_WANTED_BYTES))));
    chunks.push({ type, start: at, end: at + length + CHUNK_EXTRA });
    at += length + CHUNK_EXTRA;
  }
  return null;
}

const WANTED: ReadonlySet<string> = new Set(["IHDR", "cICP", "gAMA", "cHRM"]);
const MOST_WANTED_BYTES = 32;

function headerOf(chunks: readonly PngChunk[], contents: ReadonlyMap<string, Buffer>): PngHeader | null {
  const header = contents.get("IHDR");
  if (header === undefined || header.length < 13) return null;
  const colour = header.readUInt8(9);
  return {
    width: header.readUInt32BE(0),
    height: header.readUInt32BE(4),
    depth: header.readUInt8(8),
    isGrey: colour === 0 || colour === 4,
    interlaced: header.readUInt8(12) !== 0,
    chunks,
    cicp: withLength(contents.get("cICP"), 4),
    gamma: withLength(contents.get("gAMA"), 4),
    chromaticities: withLength(contents.get("cHRM"), 32),
  };
}

const withLength = (content: Buffer | undefined, length: number) => (content?.length === length ? content : undefined);

/** How far from the end an `eXIf` is looked for: such a chunk has 64 kB at most, and texts may follow. */
const TAIL_BYTES = 256 * 1024;

/**
 * Finds an `eXIf` behind the pixels: the whole chunk, or `null`. It is looked for from the end, because a file can have
 * thousands of chunks of pixels; from a true one, chunk follows chunk until the end.
 */
export async function readLateExif({ size, read }: ByteSource): Promise<Buffer | null> {
  const tail = await read(Math.max(0, size - TAIL_BYTES), TAIL_BYTES);
  let found = tail.lastIndexOf("eXIf");
  for (let left = 10; found >= 4 && left > 0; left--) {
    const start = found - 4;
    const end = start + tail.readUInt32BE(start) + CHUNK_EXTRA;
    if (leadsToTheEnd(tail, end)) return Buffer.from(tail.subarray(start, end));
    found = tail.lastIndexOf("eXIf", found - 1);
  }
  return null;
}

function leadsToTheEnd(tail: Buffer, from: number): boolean {
  let at = from;
  for (let left = MOST_LAST_CHUNKS; left > 0 && at + 8 <= tail.length; left--) {
    if (tail.toString("latin1", at + 4, at + 8) === "IEND") return true;
    at += tail.readUInt32BE(at) + CHUNK_EXTRA;
  }
  return false;
}
