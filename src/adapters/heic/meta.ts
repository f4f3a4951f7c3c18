import { type Box, boxesIn, damaged, fullBox } from "./reader.js";

/** Where a part of an item stands in the file. */
interface Extent {
  readonly offset: number;
  /** 0: up to the end of the file. */
  readonly length: number;
}

/** A picture in the file, or what one is made of. */
export interface Item {
  /** `hvc1`, `grid`, `Exif`. */
  readonly type: string;
  /** In the order in which they are applied. */
  readonly properties: readonly Box[];
  /** In the file itself; none where the data stands in the header. */
  readonly extents: readonly Extent[];
}

/** What the header of the file tells of its items. */
export interface Meta {
  readonly primary: number;
  readonly items: ReadonlyMap<number, Item>;
  /** From an item to those that it refers to. */
  readonly references: readonly { readonly type: string; readonly from: number; readonly to: readonly number[] }[];
}

/**
 * Reads the box `meta`: its work is bounded by its length.
 *
 * @throws UploadError `INVALID_MEDIA`
 */
export function readMeta(body: Uint8Array): Meta {
  const found = new Map<string, Uint8Array>();
  const { reader } = fullBox(body);
  for (const box of boxesIn(reader.bytes(reader.left))) if (!found.has(box.type)) found.set(box.type, box.body);
  const need = (type: string): Uint8Array => {
    const box = found.get(type);
    if (box === undefined) throw damaged(`its header has no ${type}`);
    return box;
  };
  const types = readTypes(need("iinf"));
  const properties = readProperties(need("iprp"));
  const locations = readLocations(need("iloc"));
  const items = new Map<number, Item>();
  for (const [id, type] of types)
    items.set(id, { type, properties: properties.get(id) ?? [], extents: locations.get(id) ?? [] });
  const references = found.get("iref");
  return {
    primary: readPrimary(need("pitm")),
    items,
    references: references === undefined ? [] : readReferences(references),
  };
}

function readPrimary(body: Uint8Array): number {
  const { version, reader } = fullBox(body);
  return reader.number(version === 0 ? 2 : 4);
}

function readTypes(body: Uint8Array): Map<number, string> {
  const types = new Map<number, string>();
  const { version, reader } = fullBox(body);
  reader.skip(version === 0 ? 2 : 4); // how many: the box ends behind the last one
  for (const box of boxesIn(reader.bytes(reader.left))) {
    if (box.type !== "infe") continue;
    const entry = fullBox(box.body);
    if (entry.version < 2) continue; // those have no type
    const id = entry.reader.number(entry.version === 2 ? 2 : 4);
    entry.reader.skip(2);
    types.set(id, entry.reader.name());
  }
  return types;
}

function readProperties(body: Uint8Array): Map<number, Box[]> {
  const boxes = [...boxesIn(body)];
  const all = boxes.filter(({ type }) => type === "ipco").flatMap((box) => [...boxesIn(box.body)]);
  const byItem = new Map<number, Box[]>();
  for (const box of boxes) {
    if (box.type !== "ipma") continue;
    const { version, flags, reader } = fullBox(box.body);
    for (let count = reader.number(4); count > 0; count--) {
      const id = reader.number(version === 0 ? 2 : 4);
      const properties = byItem.get(id) ?? [];
      byItem.set(id, properties);
      for (let left = reader.number(1); left > 0; left--) {
        const index = (flags & 1) === 1 ? reader.number(2) & 0x7fff : reader.number(1) & 0x7f;
        const property = all[index - 1]; // 0 is none
        if (property !== undefined) properties.push(property);
      }
    }
  }
  return byItem;
}

function readLocations(body: Uint8Array): Map<number, Extent[]> {
  const { version, reader } = fullBox(body);
  const sizes = reader.number(2);
  const [offsetSize, lengthSize, baseSize] = [sizes >> 12, (sizes >> 8) & 15, (sizes >> 4) & 15];
  const indexSize = version === 0 ? 0 : sizes & 15;
  const idSize = version < 2 ? 2 : 4;
  const byItem = new Map<number, Extent[]>();
  for (let count = reader.number(idSize); count > 0; count--) {
    const id = reader.number(idSize);
    const method = version === 0 ? 0 : reader.number(2) & 15;
    reader.skip(2);
    const base = reader.number(baseSize);
    const extents: Extent[] = [];
    let left = reader.number(2);
    // Extents without a size take no bytes, so that the length of the box would not bound them.
    if (offsetSize + lengthSize + indexSize === 0) left = Math.min(left, 1);
    for (; left > 0; left--) {
      reader.skip(indexSize);
      const offset = base + reader.number(offsetSize);
      extents.push({ offset, length: reader.number(lengthSize) });
    }
    if (method === 0) byItem.set(id, extents);
  }
  return byItem;
}

function readReferences(body: Uint8Array): { type: string; from: number; to: number[] }[] {
  const { version, reader } = fullBox(body);
  const idSize = version === 0 ? 2 : 4;
  const references: { type: string; from: number; to: number[] }[] = [];
  for (const box of boxesIn(reader.bytes(reader.left))) {
    const entry = fullBox(box.body).reader;
    entry.position = 0; // these have no version
    const from = entry.number(idSize);
    const to: number[] = [];
    for (let count = entry.number(2); count > 0; count--) to.push(entry.number(idSize));
    references.push({ type: box.type, from, to });
  }
  return references;
}
