import { makeBox } from "../../../src/media/headers/boxes.js";

/** A HEIF file of one item, in whatever coding: its picture in `data`, described by properties. */
export function heifOf(
  coding: string,
  data: Buffer,
  size: { width: number; height: number },
  ...more: Buffer[]
): Buffer {
  const head = makeBox("ftyp", latin1("mif1\0\0\0\0mif1"));
  const properties = [full("ispe", uint32(size.width), uint32(size.height)), ...more];
  const associations = properties.map((_, index) => 0x80 | (index + 1));
  const meta = (at: number) =>
    full(
      "meta",
      full("hdlr", latin1("\0\0\0\0pict"), Buffer.alloc(13)),
      full("pitm", uint16(1)),
      full("iloc", uint16(0x4400), uint16(1), uint16(1), uint16(0), uint16(1), uint32(at), uint32(data.length)),
      full("iinf", uint16(1), makeBox("infe", Buffer.from([2, 0, 0, 0, 0, 1, 0, 0]), latin1(`${coding}\0`))),
      makeBox(
        "iprp",
        makeBox("ipco", ...properties),
        full("ipma", uint32(1), uint16(1), Buffer.from([associations.length, ...associations])),
      ),
    );
  const at = head.length + meta(0).length + 8;
  return Buffer.concat([head, meta(at), makeBox("mdat", data)]);
}

/** ISO/IEC 23001-17: three components of 8 bits, pixel by pixel. */
export function uncompressedHeif(pixels: Buffer, width: number, height: number): Buffer {
  const components = [4, 5, 6];
  const definition = makeBox("cmpd", uint32(3), ...components.map(uint16));
  const layout = components.map((_, index) => Buffer.concat([uint16(index), Buffer.from([7, 0, 0])]));
  const configuration = full("uncC", ...[uint32(0), uint32(3), ...layout, Buffer.from([0, 1, 0, 0]), Buffer.alloc(20)]);
  return heifOf("unci", pixels, { width, height }, definition, configuration);
}

/** An AVIF whose colours are told to be these. */
export function retagged(avif: Buffer, primaries: number, transfer: number): Buffer {
  const copy = Buffer.from(avif);
  const at = copy.indexOf("colrnclx");
  copy.writeUInt16BE(primaries, at + 8);
  copy.writeUInt16BE(transfer, at + 10);
  return copy;
}

/** A copy that tells that its colours are multiplied by its alpha, in the place of that it has one. */
export function multiplied(avif: Buffer): Buffer {
  const copy = Buffer.from(avif);
  const at = copy.indexOf("auxl");
  copy.write("prem", at, "latin1");
  const alpha = copy.readUInt16BE(at + 4);
  copy.writeUInt16BE(copy.readUInt16BE(at + 8), at + 4);
  copy.writeUInt16BE(alpha, at + 8);
  return copy;
}

/** A copy whose first brand is this, and its kind among those behind it. */
export function branded(heif: Buffer, brand: string): Buffer {
  const copy = Buffer.from(heif);
  copy.write(brand, 8, "latin1");
  return copy;
}

/** A copy whose last box, found by its type, says that it goes to the end of the file. */
export function withOpenEnd(file: Buffer, type: string): Buffer {
  const copy = Buffer.from(file);
  copy.writeUInt32BE(0, copy.lastIndexOf(type) - 4);
  return copy;
}

/** A copy in which a box, found by its type, is free space. */
export function without(file: Buffer, type: string): Buffer {
  const copy = Buffer.from(file);
  copy.write("free", copy.indexOf(type), "latin1");
  return copy;
}

const full = (type: string, ...parts: readonly Buffer[]): Buffer => makeBox(type, Buffer.alloc(4), ...parts);
const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
