import { type Box, boxAt, boxesIn, makeBox } from "./boxes.js";
import { associationsOf, type HeifHeader, itemBoxes, primaryItem } from "./heif.js";

/**
 * A copy of a HEIF file as if its writer had given the primary picture this profile. What tells of the items is written anew at the
 * end, and the old becomes free space: so all pixels stay where they are, and nothing that points to them changes.
 */
export function withProfile(file: Uint8Array, meta: NonNullable<HeifHeader["meta"]>, profile: Buffer): Buffer {
  const old = Buffer.from(file.subarray(meta.start, meta.end));
  const body = boxAt(old, 0, old.length)?.body ?? 8;
  const boxes = itemBoxes(old, body);
  const primary = primaryItem(old, boxes);
  const parts = boxes.map((box) =>
    box.type === "iprp" ? propertiesWith(old, box, primary, profile) : old.subarray(box.start, box.end),
  );
  const written = makeBox("meta", old.subarray(body, body + 4), ...parts);
  const copy = Buffer.concat([file, written]);
  closeLastBox(copy, file.length);
  copy.write("free", meta.start + 4, "latin1");
  return copy;
}

/** The last box may say 0 for its length: to the end of the file, and so with what is written behind it. */
function closeLastBox(copy: Buffer, end: number): void {
  const last = boxesIn(copy, 0, end).at(-1);
  if (last !== undefined && copy.readUInt32BE(last.start) === 0) copy.writeUInt32BE(end - last.start, last.start);
}

function propertiesWith(meta: Buffer, container: Box, primary: number, profile: Buffer): Buffer {
  const inside = boxesIn(meta, container.body, container.end);
  let number = 0;
  const parts = inside.map((box) => {
    const content = meta.subarray(box.body, box.end);
    if (box.type !== "ipco") return meta.subarray(box.start, box.end);
    number = boxesIn(meta, box.body, box.end).length + 1;
    return makeBox("ipco", content, makeBox("colr", Buffer.from("prof"), profile));
  });
  const associations = inside.filter(({ type }) => type === "ipma").flatMap((box) => associationsOf(meta, box));
  const others = parts.filter((_, index) => inside[index]?.type !== "ipma");
  const entries = associations.map(({ id, properties }) => {
    const all = id === primary ? [...properties, number] : properties;
    const entry = Buffer.alloc(5 + 2 * all.length);
    entry.writeUInt32BE(id);
    entry.writeUInt8(all.length & 0xff, 4);
    all.forEach((property, index) => void entry.writeUInt16BE(property, 5 + 2 * index));
    return entry;
  });
  const head = Buffer.from([1, 0, 0, 1, 0, 0, 0, 0]); // four bytes for the number of an item, two for that of a property
  head.writeUInt32BE(associations.length, 4);
  return makeBox("iprp", ...others, makeBox("ipma", head, ...entries));
}

/**
 * A copy of an AVIF of some other kind, such as an animated one, as if it were a still one: its primary picture. libvips knows still
 * ones alone, by the first brand.
 */
export function asStill(file: Uint8Array): Buffer {
  const copy = Buffer.from(file);
  copy.write("avif", 8, "latin1");
  return copy;
}
