import { packageLoader } from "../load-package.js";

/** How many of the first bytes {@link sniff} needs: as many as `file-type` reads of a stream. */
export const HEAD_BYTES = 4100;

/** It is an ES module, which a dynamic import also loads from CommonJS. */
const loadFileType = packageLoader({
  name: "file-type",
  load: () => import("file-type"),
  advice:
    'Install it with "npm install file-type", and leave it out of bundles; Jest needs NODE_OPTIONS=--experimental-vm-modules',
});

/**
 * Tells the MIME type of a file by its content, whatever its name or its uploader claims.
 *
 * @param head the first {@link HEAD_BYTES} bytes, or fewer if there are no more
 * @returns `null` when the type is unknown
 * @example
 * await sniff(new Uint8Array([0xff, 0xd8, 0xff, 0xe0])); // "image/jpeg"
 */
export async function sniff(head: Uint8Array): Promise<string | null> {
  if (isJpeg(head)) return "image/jpeg";
  const markup = sniffMarkup(head);
  if (markup !== null) return markup;
  const { fileTypeFromBuffer } = await loadFileType();
  try {
    const found = await fileTypeFromBuffer(head);
    if (found === undefined) return isTiff(head) ? "image/tiff" : null;
    // It writes a few in capitals, "video/MP2P".
    return imageByBrands(head, found.mime) ?? found.mime.toLowerCase();
  } catch {
    // It parses the structures of many formats, and throws for crafted ones: those are no media.
    return null;
  }
}

/**
 * The first tag that tells HTML from SVG. `file-type` recognizes XML only, and when an HTML page or an SVG is uploaded
 * as a photo, the refusal should name what it really is.
 */
const TELLING_TAG = /<(?:!doctype\s+(html|svg)\b|(?:[\w-]+:)?(svg|html)[\s/>]|(script|head|body|iframe)[\s/>])/i;
const LESS_THAN = 0x3c;

function sniffMarkup(head: Uint8Array): string | null {
  // Markup begins with "<", behind a byte order mark and white space at most: for an image the check ends here.
  let start = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
  while (isWhiteSpace(head[start])) start++;
  if (head[start] !== LESS_THAN) return null;

  const text = Buffer.from(head.buffer, head.byteOffset + start, head.byteLength - start).toString("latin1");
  const tag = TELLING_TAG.exec(text);
  if (tag !== null) return (tag[1] ?? tag[2])?.toLowerCase() === "svg" ? "image/svg+xml" : "text/html";
  return /^<\?xml\s/i.test(text) ? "application/xml" : null;
}

function isWhiteSpace(byte: number | undefined): boolean {
  return byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d);
}

/** Most uploads are JPEGs, and for each `file-type` would copy the head and make a dozen promises. */
function isJpeg(head: Uint8Array): boolean {
  return head[0] === 0xff && head[1] === 0xd8 && head[2] === 0xff && head[3] !== 0xf7; // 0xf7 is JPEG-LS
}

/**
 * `file-type` tells by the first brand of a file alone, and takes what it does not know for a video. The first brand of an image may
 * be that it is a HEIF of some kind (`mif1`), of a profile (`MA1A`, `heim`), or of a maker: the kind is told by the brands behind it,
 * from the 16th byte on to the end of the box.
 */
function imageByBrands(head: Uint8Array, mime: string): string | undefined {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  const brandAt = (at: number) => bytes.toString("latin1", at, at + 4);
  const isHeif = mime === "image/heif" || mime === "image/heif-sequence";
  if (!isHeif && (mime !== "video/mp4" || brandAt(4) !== "ftyp" || VIDEO_BRAND.test(brandAt(8)))) return undefined;
  const brands = [brandAt(8)];
  const end = Math.min(bytes.length, bytes.readUInt32BE(0));
  for (let at = 16; at + 4 <= end; at += 4) brands.push(brandAt(at));
  const has = (brand: RegExp) => brands.some((one) => brand.test(one));
  if (has(/^avi[fso]$/)) return "image/avif";
  if (isHeif) return undefined;
  if (has(/^hei[cxms]$/)) return "image/heic";
  if (has(/^hev[cxms]$/)) return "image/heic-sequence";
  return has(/^(?:mif[12]|miaf)$/) ? "image/heif" : undefined;
}

/** MP4 by its versions. Their other brands may name a picture that comes along. */
const VIDEO_BRAND = /^(?:iso|mp4|avc1|dash)/;

/**
 * `file-type` looks for the directory of a TIFF, which most files have at the end: by the head alone it does not find
 * it.
 */
function isTiff([a, b, c, d]: Uint8Array): boolean {
  const littleEndian = a === 0x49 && b === 0x49 && c === 42 && d === 0;
  const bigEndian = a === 0x4d && b === 0x4d && c === 0 && d === 42;
  return littleEndian || bigEndian;
}
