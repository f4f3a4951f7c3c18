import { type Box, boxAt, boxesIn } from "./boxes.js";
import type { ByteSource } from "./byte-source.js";

/** Colours as numbers of ITU-T H.273; 2 is "not told". */
export interface Cicp {
  readonly primaries: number;
  readonly transfer: number;
}

/** What a HEIF file (AVIF, HEIC) tells of its primary picture. */
export interface HeifHeader {
  /** The kind of file: `avif`, `avis`, `heic`, `mif1`. */
  readonly brand: string;
  /** How the picture is coded, or a tile of it: `av01`, `hvc1`, `unci`. */
  readonly coding: string | undefined;
  /** As its properties say, before it is turned, in pixels. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly hasProfile: boolean;
  readonly colours: Cicp | undefined;
  /** Whether its colours are multiplied by its alpha. */
  readonly isPremultiplied: boolean;
  /** Where the box is that tells all this; without it the file has moving pictures alone. */
  readonly meta: Pick<Box, "start" | "end"> | undefined;
}

/** A box that is longer is no sensible one: it lists items, it does not hold their pixels. */
const MOST_META_BYTES = 8 * 1024 * 1024;
/** Before that box there are `ftyp` and perhaps some free space. */
const MOST_BOXES_BEFORE = 10_000;

/** Reads what a HEIF file tells of its primary picture. `null` where that cannot be understood. */
export async function readHeifHeader(source: ByteSource): Promise<HeifHeader | null> {
  let brand = "";
  let at = 0;
  for (let left = MOST_BOXES_BEFORE; left > 0; left--) {
    if (at === source.size && brand !== "") return { brand, ...NOTHING_TOLD };
    const box = boxAt(await source.read(at, 16), 0, source.size - at);
    if (box === null) return null;
    if (box.type === "ftyp") brand = (await source.read(at + box.body, 4)).toString("latin1");
    if (box.type === "meta") {
      if (box.end > MOST_META_BYTES) return null;
      const meta = Buffer.from(await source.read(at, box.end));
      if (meta.length < box.end) return null;
      return { brand, ...primaryOf(meta, box.body), meta: { start: at, end: at + box.end } };
    }
    at += box.end;
  }
  return null;
}

const NOTHING_TOLD = {
  coding: undefined,
  width: undefined,
  height: undefined,
  hasProfile: false,
  colours: undefined,
  isPremultiplied: false,
  meta: undefined,
};

/** The boxes of a `meta` box in which items are described. */
export function itemBoxes(meta: Buffer, body: number): readonly Box[] {
  return boxesIn(meta, body + FULL, meta.length);
}

/** Version and flags, which full boxes begin with. */
const FULL = 4;

function primaryOf(meta: Buffer, body: number): Omit<HeifHeader, "brand" | "meta"> {
  const boxes = itemBoxes(meta, body);
  const primary = primaryItem(meta, boxes);
  const codings = codingsOf(meta, boxes);
  const tile = referenceFrom(meta, boxes, primary, "dimg");
  const properties = propertiesOf(meta, boxes);
  const own = properties(primary);
  const colour = own.filter(({ type }) => type === "colr");
  const kindOf = (box: Box) => meta.toString("latin1", box.body, box.body + 4);
  const told = colour.find((box) => kindOf(box) === "nclx" && box.end >= box.body + 8);
  const size = own.find(({ type, body: start, end }) => type === "ispe" && end >= start + 12);
  return {
    coding: codings.get(tile ?? primary) ?? codings.get(primary),
    width: size && meta.readUInt32BE(size.body + FULL),
    height: size && meta.readUInt32BE(size.body + FULL + 4),
    hasProfile: colour.some((box) => kindOf(box) === "prof" || kindOf(box) === "rICC"),
    colours: told && {
      primaries: meta.readUInt16BE(told.body + 4),
      transfer: meta.readUInt16BE(told.body + 6),
    },
    isPremultiplied: referenceFrom(meta, boxes, primary, "prem") !== undefined,
  };
}

/** The number of the primary item; 0 where none is told. */
export function primaryItem(meta: Buffer, boxes: readonly Box[]): number {
  const box = boxes.find(({ type }) => type === "pitm");
  if (box === undefined) return 0;
  return numberAt(meta, box, box.body + FULL, meta[box.body] === 0 ? 2 : 4);
}

function codingsOf(meta: Buffer, boxes: readonly Box[]): ReadonlyMap<number, string> {
  const codings = new Map<number, string>();
  const list = boxes.find(({ type }) => type === "iinf");
  if (list === undefined) return codings;
  const entries = boxesIn(meta, list.body + FULL + (meta[list.body] === 0 ? 2 : 4), list.end);
  for (const entry of entries) {
    const wide = meta[entry.body] === 3 ? 4 : 2;
    const at = entry.body + FULL;
    if (entry.type !== "infe" || at + wide + 6 > entry.end) continue;
    codings.set(numberAt(meta, entry, at, wide), meta.toString("latin1", at + wide + 2, at + wide + 6));
  }
  return codings;
}

/** The first item that another one refers to: `dimg` to what a grid is made of, `prem` to the alpha that its colours are multiplied by. */
function referenceFrom(meta: Buffer, boxes: readonly Box[], item: number, type: "dimg" | "prem"): number | undefined {
  const list = boxes.find(({ type }) => type === "iref");
  if (list === undefined) return undefined;
  const wide = meta[list.body] === 0 ? 2 : 4;
  const made = boxesIn(meta, list.body + FULL, list.end).find(
    (box) => box.type === type && numberAt(meta, box, box.body, wide) === item,
  );
  return made && numberAt(meta, made, made.body + wide + 2, wide);
}

function propertiesOf(meta: Buffer, boxes: readonly Box[]): (item: number) => readonly Box[] {
  const container = boxes.find(({ type }) => type === "iprp");
  const inside = container === undefined ? [] : boxesIn(meta, container.body, container.end);
  const list = inside.find(({ type }) => type === "ipco");
  const all = list === undefined ? [] : boxesIn(meta, list.body, list.end);
  const associations = inside.filter(({ type }) => type === "ipma").flatMap((box) => associationsOf(meta, box));
  return (item) =>
    associations
      .filter(({ id }) => id === item)
      .flatMap(({ properties }) => properties.flatMap((number) => all[(number & 0x7fff) - 1] ?? []));
}

/** Which properties an item has: their numbers from 1 on, with 0x8000 for those that a reader has to know. */
export interface Association {
  readonly id: number;
  readonly properties: readonly number[];
}

export function associationsOf(meta: Buffer, box: Box): Association[] {
  const associations: Association[] = [];
  const wideId = meta[box.body] === 0 ? 2 : 4;
  const wide = ((meta[box.body + 3] ?? 0) & 1) === 1;
  const count = numberAt(meta, box, box.body + FULL, 4);
  let at = box.body + FULL + 4;
  while (associations.length < count && at + wideId + 1 <= box.end) {
    const id = numberAt(meta, box, at, wideId);
    const properties: number[] = [];
    at += wideId + 1;
    for (let left = meta[at - 1] ?? 0; left > 0; left--) {
      const number = numberAt(meta, box, at, wide ? 2 : 1);
      properties.push(wide ? number : ((number & 0x80) << 8) | (number & 0x7f));
      at += wide ? 2 : 1;
    }
    associations.push({ id, properties });
  }
  return associations;
}

/** 0 where the box is too short for it. */
function numberAt(meta: Buffer, box: Box, at: number, length: number): number {
  return at + length <= Math.min(box.end, meta.length) ? meta.readUIntBE(at, length) : 0;
}
