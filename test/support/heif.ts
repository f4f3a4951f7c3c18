import { readFileSync } from "node:fs";
import { readMeta } from "../../src/adapters/heic/meta.js";
import { boxesIn } from "../../src/adapters/heic/reader.js";

/** A HEIC file taken apart, to be changed and written again. */
export interface Heif {
  readonly brand: string;
  primary: number;
  readonly items: Map<number, HeifItem>;
  readonly references: { readonly type: string; readonly from: number; readonly to: readonly number[] }[];
}

export interface HeifItem {
  type: string;
  /** Whole boxes without their heads, in the order in which they are applied. */
  properties: { readonly type: string; readonly body: Uint8Array }[];
  data: Uint8Array;
}

/** One of the files in `test/support/heic`. */
export function heicFile(name: string): Buffer {
  return readFileSync(new URL(`./heic/${name}.heic`, import.meta.url));
}

export function readHeif(file: Uint8Array): Heif {
  const boxes = [...boxesIn(file)];
  const bodyOf = (type: string) => boxes.find((box) => box.type === type)?.body ?? new Uint8Array();
  const { primary, items, references } = readMeta(bodyOf("meta"));
  const taken = new Map<number, HeifItem>();
  for (const [id, { type, properties, extents }] of items) {
    const parts = extents.map(({ offset, length }) => file.subarray(offset, offset + length));
    taken.set(id, { type, properties: [...properties], data: Buffer.concat(parts) });
  }
  return {
    brand: Buffer.from(bodyOf("ftyp").subarray(0, 4)).toString("latin1"),
    primary,
    items: taken,
    references: [...references],
  };
}

export function writeHeif({ brand, primary, items, references }: Heif): Buffer {
  const head = box("ftyp", latin1(brand), uint(4, 0), latin1("mif1heic"));
  const entries = [...items];
  const properties: Buffer[] = [];
  const associations = entries.map(([id, item]) => {
    const indexes = item.properties.map(({ type, body }) => {
      const property = box(type, body);
      const known = properties.findIndex((each) => each.equals(property)); // libheif takes no more than a hundred
      return uint(2, (known < 0 ? properties.push(property) : known + 1) | 0x8000);
    });
    return Buffer.concat([uint(2, id), uint(1, indexes.length), ...indexes]);
  });
  const meta = (dataAt: number) => {
    let at = dataAt;
    const locations = entries.map(([id, { data }]) => {
      const location = Buffer.concat([uint(2, id), uint(2, 0), uint(2, 1), uint(4, at), uint(4, data.length)]);
      at += data.length;
      return location;
    });
    const infos = entries.map(([id, { type }]) =>
      full("infe", 2, 0, uint(2, id), uint(2, 0), latin1(type), uint(1, 0)),
    );
    const links = references.map(({ type, from, to }) =>
      box(type, uint(2, from), uint(2, to.length), ...to.map((id) => uint(2, id))),
    );
    return full(
      "meta",
      0,
      0,
      full("hdlr", 0, 0, uint(4, 0), latin1("pict"), Buffer.alloc(13)),
      full("pitm", 0, 0, uint(2, primary)),
      full("iloc", 0, 0, uint(2, 0x4400), uint(2, entries.length), ...locations),
      full("iinf", 0, 0, uint(2, entries.length), ...infos),
      full("iref", 0, 0, ...links),
      box("iprp", box("ipco", ...properties), full("ipma", 0, 1, uint(4, entries.length), ...associations)),
    );
  };
  const dataAt = head.length + meta(0).length + 8;
  return Buffer.concat([head, meta(dataAt), box("mdat", ...entries.map(([, { data }]) => data))]);
}

/** A file with its primary picture, or another item, changed. */
export function changed(name: string, change: (primary: HeifItem, heif: Heif) => void): Buffer {
  const heif = readHeif(heicFile(name));
  const item = heif.items.get(heif.primary);
  if (item === undefined) throw new Error(`${name} has no primary picture`);
  change(item, heif);
  return writeHeif(heif);
}

/** `ispe`: the size of a picture. */
export function sizeProperty(width: number, height: number): HeifItem["properties"][number] {
  return { type: "ispe", body: Buffer.concat([uint(4, 0), uint(4, width), uint(4, height)]) };
}

/** `irot`: a quarter turn to the left for each. */
export function turned(quarters: number): HeifItem["properties"][number] {
  return { type: "irot", body: uint(1, quarters) };
}

/** `colr`, by the numbers of ITU-T H.273. */
export function coloursProperty(primaries: number, transfer: number): HeifItem["properties"][number] {
  const body = Buffer.concat([latin1("nclx"), uint(2, primaries), uint(2, transfer), uint(2, 6), uint(1, 0x80)]);
  return { type: "colr", body };
}

/** The two halves of `tiles.heic`, 160 × 160 each, in turn over a grid; by default once, side by side. */
export function grid({ columns = 2, rows = 1 } = {}): Buffer {
  return changed("tiles", (left, heif) => {
    const ids = [...heif.items].filter(([, { type }]) => type === "hvc1").map(([id]) => id);
    const [width, height] = [columns * 160, rows * 160];
    const data = Buffer.concat([Buffer.from([0, 0, rows - 1, columns - 1]), uint(2, width), uint(2, height)]);
    const pixi = left.properties.filter(({ type }) => type === "pixi");
    heif.items.set(100, { type: "grid", data, properties: [sizeProperty(width, height), ...pixi] });
    const tiles = ids.flatMap((id) => heif.items.get(id) ?? []);
    // Each of its own: libheif takes no item twice.
    const to = Array.from({ length: columns * rows }, (_, index) => {
      const tile = tiles[index % tiles.length];
      if (tile !== undefined) heif.items.set(1000 + index, tile);
      return 1000 + index;
    });
    heif.references.push({ type: "dimg", from: 100, to });
    heif.primary = 100;
  });
}

export function uint(bytes: number, value: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}

function latin1(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

export function box(type: string, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([uint(4, body.length + 8), latin1(type), body]);
}

export function full(type: string, version: number, flags: number, ...parts: readonly Uint8Array[]): Buffer {
  return box(type, uint(1, version), uint(3, flags), ...parts);
}
