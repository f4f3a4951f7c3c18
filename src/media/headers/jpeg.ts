import type { ByteSource } from "./byte-source.js";

/** What the frame header of a JPEG tells. */
export interface JpegHeader {
  /** In pixels; the height is 0 where it stands behind the first scan. */
  readonly width: number;
  readonly height: number;
  /** Bits of a sample. */
  readonly precision: number;
  readonly process: "sequential" | "progressive" | "lossless" | "hierarchical";
  readonly arithmetic: boolean;
  /** Whether its picture comes in more than one scan: then the decoder keeps all coefficients until the last. */
  readonly severalScans: boolean;
  /** What the coefficients of a pixel take in memory, in bytes: 3 for colour at 4:2:0, 6 at 4:4:4. */
  readonly coefficientBytes: number;
}

/** What is looked at before the picture; an Extended XMP of 16 MB has 250. */
const MOST_SEGMENTS = 100_000;
/** Read at once where the next marker is looked for, in bytes. */
const SEARCH_BYTES = 4096;
const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;

/**
 * Reads the header of the first picture in a JPEG, as the decoder does: bytes between two segments are skipped. `null` where there is
 * none that the decoder could understand, or not within reach.
 */
export async function readJpegHeader({ read }: ByteSource): Promise<JpegHeader | null> {
  let frame: Omit<JpegHeader, "severalScans"> | undefined;
  let components = 0;
  let at = 2;
  for (let left = MOST_SEGMENTS; left > 0; left--) {
    const found = await findMarker(read, at);
    if (found === null) return null;
    const { marker, end } = found;
    at = end;
    if (marker === EOI || marker === SOI) return null;
    if (STANDS_ALONE.has(marker)) continue;
    const head = await read(at, 2);
    if (head.length < 2) return null;
    const length = head.readUInt16BE(0);
    if (marker === SOS) {
      const inScan = (await read(at + 2, 1))[0];
      if (frame === undefined || inScan === undefined) return null;
      const severalScans = frame.process === "progressive" || inScan < components;
      return { ...frame, severalScans };
    }
    if (isFrame(marker) && frame === undefined) {
      const body = await read(at + 2, length - 2);
      components = body[5] ?? 0;
      frame = readFrame(marker, body);
      if (frame === undefined) return null;
    }
    at += Math.max(length, 2);
  }
  return null;
}

/** Those without a length: 0 is none, but a byte of data. */
const STANDS_ALONE: ReadonlySet<number> = new Set([0, 1, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7]);

/** The next 0xff from `from` on, and the marker behind it; before a marker stand any number of these. */
async function findMarker(
  read: ByteSource["read"],
  from: number,
): Promise<{ readonly marker: number; readonly end: number } | null> {
  let inMarker = false;
  for (let at = from; ; ) {
    const bytes = await read(at, at === from ? 2 : SEARCH_BYTES);
    if (bytes.length === 0) return null;
    for (let index = 0; index < bytes.length; index++) {
      const byte = bytes[index] ?? 0;
      if (inMarker && byte !== 0xff) return { marker: byte, end: at + index + 1 };
      inMarker = byte === 0xff;
    }
    at += bytes.length;
  }
}

/** Between the markers of frames there are three of tables and extensions. */
const NO_FRAME: ReadonlySet<number> = new Set([0xc4, 0xc8, 0xcc]);
const isFrame = (marker: number): boolean => marker >= 0xc0 && marker <= 0xcf && !NO_FRAME.has(marker);

function readFrame(marker: number, body: Buffer): Omit<JpegHeader, "severalScans"> | undefined {
  const components = body[5];
  if (components === undefined || body.length < 6 + 3 * components) return undefined;
  let samples = 0;
  let [across, down] = [1, 1];
  for (let at = 6; at < 6 + 3 * components; at += 3) {
    const factors = body.readUInt8(at + 1);
    samples += (factors >> 4) * (factors & 15);
    across = Math.max(across, factors >> 4);
    down = Math.max(down, factors & 15);
  }
  const hierarchical = (marker & 4) !== 0;
  const kind = (["sequential", "sequential", "progressive", "lossless"] as const)[marker & 3] ?? "sequential";
  return {
    width: body.readUInt16BE(3),
    height: body.readUInt16BE(1),
    precision: body.readUInt8(0),
    process: hierarchical ? "hierarchical" : kind,
    arithmetic: marker > 0xc8,
    coefficientBytes: (2 * samples) / (across * down),
  };
}
