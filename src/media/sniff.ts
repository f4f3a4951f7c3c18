import { ConfigurationError, messageOf } from "../errors.js";

/** How many of the first bytes {@link sniff} wants to see: what `file-type` samples of a stream. */
export const HEAD_BYTES = 4100;

let loading: Promise<typeof import("file-type")> | undefined;

/** ESM only, so it is imported on first use: that also works from the CommonJS build. */
function fileType(): Promise<typeof import("file-type")> {
  loading ??= import("file-type").catch((error) => {
    throw new ConfigurationError(
      `file-type could not be loaded (Jest needs NODE_OPTIONS=--experimental-vm-modules for that): ${messageOf(error)}`,
    );
  });
  return loading;
}

/**
 * Tells the MIME type of a file by its content, whatever its name or its uploader claims.
 *
 * @param head the first {@link HEAD_BYTES} bytes, or fewer if there are no more
 * @returns `null` when the content is nothing that is known
 * @example
 * await sniff(new Uint8Array([0xff, 0xd8, 0xff, 0xe0])); // "image/jpeg"
 */
export async function sniff(head: Uint8Array): Promise<string | null> {
  if (isJpeg(head)) return "image/jpeg";
  const markup = sniffMarkup(head);
  if (markup !== null) return markup;
  const { fileTypeFromBuffer } = await fileType();
  try {
    const found = await fileTypeFromBuffer(head);
    return found?.mime ?? (isTiff(head) ? "image/tiff" : null);
  } catch {
    // It reads the structures of many formats, and stumbles over crafted ones: those are no media.
    return null;
  }
}

/**
 * The first tag that tells what a document of markup is. `file-type` knows XML at most, and an HTML page or an SVG that
 * calls itself a photo should be named as what it is when it is refused.
 */
const TELLING_TAG = /<(?:!doctype\s+(html|svg)\b|(?:[\w-]+:)?(svg|html)[\s/>]|(script|head|body|iframe)[\s/>])/i;
const LESS_THAN = 0x3c;

function sniffMarkup(head: Uint8Array): string | null {
  // Almost everything ends here: an image has no "<" behind nothing but a byte order mark and white space.
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

/** Most uploads are JPEGs, and `file-type` makes a copy of the head and a dozen promises before it says so. */
function isJpeg(head: Uint8Array): boolean {
  return head[0] === 0xff && head[1] === 0xd8 && head[2] === 0xff && head[3] !== 0xf7; // that one is JPEG-LS
}

/** Most TIFF files have their directory at the end, where `file-type` looks for it: from the head it does not know them. */
function isTiff([a, b, c, d]: Uint8Array): boolean {
  const littleEndian = a === 0x49 && b === 0x49 && c === 42 && d === 0;
  const bigEndian = a === 0x4d && b === 0x4d && c === 0 && d === 42;
  return littleEndian || bigEndian;
}
