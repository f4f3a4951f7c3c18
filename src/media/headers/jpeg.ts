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

/** More than any camera writes before the picture; an Extended XMP of 16 MB has 250. */
const MOST_SEGMENTS = 2000;
const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;

/** Reads the header of the first picture in a JPEG. `null` where there is none that can be understood. */
export async function readJpegHeader({ read }: ByteSource): Promise<JpegHeader | null> {
  let frame: Omit<JpegHeader, "severalScans"> | undefined;
  let components = 0;
  let at = 2;
  for (let left = MOST_SEGMENTS; left > 0; left--) {
    const head = await read(at, 4);
    if (head.length < 4 || head[0] !== 0xff) return null;
    const marker = head.readUInt8(1);
    if (marker === 0xff) {
      at += 1; // markers may have any number of these before them
      continue;
    }
    if (marker === EOI || (marker >= 0xd0 && marker <= SOI) || marker === 0) return null;
    const length = head.readUInt16BE(2);
    if (marker === SOS) {
      const inScan = (await read(at + 4, 1))[0];
      if (frame === undefined || inScan === undefined) return null;
      const severalScans = frame.process === "progressive" || inScan < components;
      return { ...frame, severalScans };
    }
    if (isFrame(marker) && frame === undefined) {
      const body = await read(at + 4, length - 2);
      components = body[5] ?? 0;
      frame = readFrame(marker, body);
      if (frame === undefined) return null;
    }
    at += 2 + Math.max(length, 2);
  }
  return null;
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
