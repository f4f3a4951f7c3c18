import { readFileSync } from "node:fs";
import { deflateSync } from "node:zlib";
import sharp, { type Sharp } from "sharp";

/** One of the photographs that the examples use. */
export function photo(name: string): Buffer {
  return readFileSync(new URL(`../../examples/photos/${name}`, import.meta.url));
}

export type Rgb = readonly [red: number, green: number, blue: number];

/** A picture in four flat quarters, clockwise from the top left: red, green, blue, white. One can see how it was turned. */
export function quarters(width: number, height: number): Sharp {
  const colours: readonly Rgb[] = [
    [220, 30, 30],
    [30, 180, 40],
    [30, 50, 200],
    [255, 255, 255],
  ];
  const pixels = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const left = x < width / 2;
      const quarter = y < height / 2 ? (left ? 0 : 1) : left ? 3 : 2;
      pixels.set(colours[quarter] as Rgb, (y * width + x) * 3);
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

/** What colour a picture shows at a place, given in fractions of its sides. */
export async function colourAt(image: Uint8Array, across: number, down: number): Promise<Rgb> {
  const { data, info } = await sharp(image).toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
  const offset = (Math.floor(down * info.height) * info.width + Math.floor(across * info.width)) * info.channels;
  return [data[offset] ?? -1, data[offset + 1] ?? -1, data[offset + 2] ?? -1];
}

/** An animation of flat frames, one in each colour. */
export function animation(format: "gif" | "webp", colours: readonly Rgb[], side = 32): Promise<Buffer> {
  const pixels = Buffer.concat(colours.map((colour) => Buffer.alloc(side * side * 3, Buffer.from(colour))));
  const raw = { width: side, height: side * colours.length, channels: 3, pageHeight: side } as const;
  return sharp(pixels, { raw }).toFormat(format, { lossless: true }).toBuffer();
}

/** A PNG of 110 kB that is 900 megapixels: valid, black, one bit a pixel. */
export function pixelBomb(side = 30_000): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    return Buffer.concat([uint32(data.length), body, uint32(crc32(body))]);
  };
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const header = Buffer.concat([uint32(side), uint32(side), Buffer.from([1, 0, 0, 0, 0])]);
  const rows = deflateSync(Buffer.alloc((1 + Math.ceil(side / 8)) * side));
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", rows), chunk("IEND", Buffer.alloc(0))]);
}

function crc32(data: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

export const html = Buffer.from("\ufeff \n<!DOCTYPE html><html><script>alert(1)</script></html>");
export const svg = Buffer.from(
  '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><script>alert(1)</script></svg>',
);
export const pdf = Buffer.from("%PDF-1.7\n%\u00e2\u00e3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n", "latin1");
export const mp4 = Buffer.concat([
  box("ftyp", "isom", uint32(0x200), "isomiso2avc1mp41"),
  box("free", Buffer.alloc(64)),
]);

/** A HEIC file in all its parts but the picture, which is coded in HEVC. */
export function heic(): Buffer {
  const hevcConfiguration = Buffer.alloc(23);
  hevcConfiguration[0] = 1;
  const picture = Buffer.alloc(64, 0x26);
  const head = box("ftyp", "heic", uint32(0), "mif1heic");
  const meta = (offset: number) =>
    fullBox(
      "meta",
      0,
      fullBox("hdlr", 0, uint32(0), "pict", Buffer.alloc(13)),
      fullBox("pitm", 0, uint16(1)),
      // One item, 4-byte offsets and lengths, one extent.
      fullBox(
        "iloc",
        0,
        uint16(0x4400),
        uint16(1),
        uint16(1),
        uint16(0),
        uint16(1),
        uint32(offset),
        uint32(picture.length),
      ),
      fullBox("iinf", 0, uint16(1), fullBox("infe", 2, uint16(1), uint16(0), "hvc1", Buffer.alloc(1))),
      box(
        "iprp",
        box("ipco", fullBox("ispe", 0, uint32(64), uint32(64)), box("hvcC", hevcConfiguration)),
        fullBox("ipma", 0, uint32(1), uint16(1), Buffer.from([2, 0x01, 0x82])),
      ),
    );
  const offset = head.length + meta(0).length + 8;
  return Buffer.concat([head, meta(offset), box("mdat", picture)]);
}

function box(type: string, ...parts: readonly (string | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : part)));
  return Buffer.concat([uint32(body.length + 8), Buffer.from(type, "latin1"), body]);
}

function fullBox(type: string, version: number, ...parts: readonly (string | Buffer)[]): Buffer {
  return box(type, Buffer.from([version, 0, 0, 0]), ...parts);
}

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
