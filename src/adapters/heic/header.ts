import { open } from "node:fs/promises";
import { UploadError } from "../../errors.js";
import { type Colours, coloursOf } from "./colours.js";
import { type Item, type Meta, readMeta } from "./meta.js";
import { damaged, fullBox, Reader } from "./reader.js";

/** What a HEIC file tells without being decoded. */
export interface Header {
  /** `hevc`, of the picture that is shown. */
  readonly codec: string;
  /** Of the upright picture, in pixels. */
  readonly width: number;
  readonly height: number;
  /** Of the largest picture that has to be decoded for it. */
  readonly pixels: number;
  readonly colours: Colours;
  /** Whether the picture is a part of what is coded, by `clap`. */
  readonly isCropped: boolean;
  /** Of the file. */
  readonly bytes: number;
}

/** Headers of phones have less than 100 kB, their profile included. */
const LARGEST_META = 4 * 1024 * 1024;
/** Of the boxes that make up the file. */
const MOST_BOXES = 100;

/**
 * Reads the header of a file, and checks that all that its picture is made of is there.
 *
 * @throws UploadError `INVALID_MEDIA` damaged or cut off; `UNSUPPORTED_MEDIA` a sequence without a picture
 */
export async function readHeader(path: string): Promise<Header> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const { offset, length } = await findMeta(async (at, bytes) => {
      const buffer = Buffer.alloc(bytes);
      const { bytesRead } = await file.read(buffer, 0, bytes, at);
      return buffer.subarray(0, bytesRead);
    }, size);
    if (length > LARGEST_META) throw damaged(`its header has ${length} bytes`);
    if (offset + length > size) throw damaged("it is cut off in its header");
    const body = new Uint8Array(length);
    await file.read(body, 0, length, offset);
    return describe(readMeta(body), size);
  } finally {
    await file.close();
  }
}

type ReadAt = (offset: number, bytes: number) => Promise<Uint8Array>;

async function findMeta(readAt: ReadAt, fileSize: number): Promise<{ offset: number; length: number }> {
  let hasMovie = false;
  for (let at = 0, count = 0; at + 8 <= fileSize && count < MOST_BOXES; count++) {
    const head = new Reader(await readAt(at, 16));
    let size = head.number(4);
    const type = head.name();
    if (at === 0 && type !== "ftyp") throw damaged("it does not begin with its type");
    if (size === 1) size = head.number(8);
    else if (size === 0) size = fileSize - at;
    if (size < head.position) throw damaged(`the size of its box ${JSON.stringify(type)}`);
    if (type === "meta") return { offset: at + head.position, length: size - head.position };
    if (type === "moov") hasMovie = true;
    at += size;
  }
  if (!hasMovie) throw damaged("it has no header");
  const message = "A HEIC sequence without a still picture cannot be decoded: convert it to a video";
  throw new UploadError(message, { code: "UNSUPPORTED_MEDIA" });
}

function describe(meta: Meta, fileSize: number): Header {
  const primary = meta.items.get(meta.primary);
  if (primary === undefined) throw damaged("it does not have the picture that it names");
  const parts = partsOf(meta);
  let pixels = 0;
  for (const { properties, extents } of parts) {
    for (const { offset, length } of extents)
      if (offset + length > fileSize || offset >= fileSize) throw damaged("it is cut off");
    const size = sizeIn(properties);
    if (size !== undefined) pixels = Math.max(pixels, size.width * size.height);
  }
  const coloured = parts.find(({ properties }) => properties.some(({ type }) => type === "colr"));
  return {
    codec: codecOf(parts),
    ...uprightSize(primary),
    pixels,
    colours: coloursOf((coloured ?? primary).properties),
    isCropped: parts.some(({ properties }) => properties.some(({ type }) => type === "clap")),
    bytes: fileSize,
  };
}

/** The primary picture, then what it is made of: the tiles of a grid, and its alpha. */
function partsOf({ primary, items, references }: Meta): readonly Item[] {
  const made = new Map<number, number[]>();
  for (const { type, from, to } of references) {
    const pairs = type === "dimg" ? to.map((id) => [from, id]) : type === "auxl" ? to.map((id) => [id, from]) : [];
    for (const [of = 0, part = 0] of pairs) {
      const known = made.get(of);
      if (known === undefined) made.set(of, [part]);
      else known.push(part);
    }
  }
  const seen = new Set([primary]);
  for (const id of seen) for (const part of made.get(id) ?? []) seen.add(part); // a Set goes on with what is added
  return [...seen].flatMap((id) => items.get(id) ?? []);
}

function sizeIn(properties: Item["properties"]): { width: number; height: number } | undefined {
  const ispe = properties.find(({ type }) => type === "ispe");
  if (ispe === undefined) return undefined;
  const { reader } = fullBox(ispe.body);
  return { width: reader.number(4), height: reader.number(4) };
}

function uprightSize({ properties }: Item): { width: number; height: number } {
  const size = sizeIn(properties);
  if (size === undefined || size.width === 0 || size.height === 0) throw damaged("its picture has no size");
  let { width, height } = size;
  for (const { type, body } of properties) {
    const reader = new Reader(body);
    if (type === "clap") {
      const [wide, wideBy, high, highBy] = [reader.number(4), reader.number(4), reader.number(4), reader.number(4)];
      width = Math.min(width, Math.max(1, Math.round(wide / wideBy) || width));
      height = Math.min(height, Math.max(1, Math.round(high / highBy) || height));
    } else if (type === "irot" && (reader.number(1) & 1) === 1) {
      [width, height] = [height, width];
    }
  }
  return { width, height };
}

const CODECS: Readonly<Record<string, string>> = {
  hvc1: "hevc",
  avc1: "h264",
  av01: "av1",
  vvc1: "vvc",
  jpeg: "jpeg",
  j2k1: "jpeg2000",
  unci: "uncompressed",
};

function codecOf(parts: readonly Item[]): string {
  for (const { type } of parts) {
    const codec = Object.hasOwn(CODECS, type) ? CODECS[type] : undefined;
    if (codec !== undefined) return codec;
  }
  return parts[0]?.type ?? "";
}
