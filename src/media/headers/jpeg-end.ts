/** A copy of a JPEG with the marker that ends it. */
export function withEndMarker(file: Uint8Array): Buffer {
  return Buffer.concat([file, Buffer.from([0xff, 0xd9])]);
}

const SOS = 0xda;
/** Of what is decoded: sequential and progressive, by Huffman and by arithmetic coding. */
const FRAMES: readonly number[] = [0xc0, 0xc1, 0xc2, 0xc9, 0xca];
/** With it, 64 coefficients for each of so many components. */
const MOST_COMPONENTS = 256;

/**
 * Whether the scans of a JPEG together hold every coefficient to its last bit. The decoder does not miss a scan that is not
 * there: it shows a progressive picture as far as it has come, and one without its colours in grey.
 */
export function hasAllScans(file: Uint8Array): boolean {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  let components = 0;
  let progressive = false;
  /** Of each component and coefficient: whether its lowest bit came. */
  const done = new Uint8Array(64 * MOST_COMPONENTS);
  const seen = new Set<number>();
  for (let at = bytes.indexOf(0xff, 2); at >= 0 && at + 4 <= bytes.length; at = bytes.indexOf(0xff, at)) {
    const marker = bytes.readUInt8(at + 1);
    // Behind 0xff in the data of a scan comes 0, or one of eight markers that stand between its parts.
    if (marker === 0 || marker === 0xff || marker === 1 || (marker >= 0xd0 && marker <= 0xd9)) {
      at += marker === 0xff ? 1 : 2;
      continue;
    }
    const body = bytes.subarray(at + 4, at + 2 + bytes.readUInt16BE(at + 2));
    if (FRAMES.includes(marker) && components === 0) {
      components = body[5] ?? 0;
      progressive = marker === 0xc2 || marker === 0xca;
    }
    if (marker === SOS) markScan(body, done, seen);
    at += 2 + Math.max(2, body.length + 2);
  }
  if (components === 0 || seen.size < components) return false;
  if (!progressive) return true;
  return [...seen].every((id) => done.subarray(64 * id, 64 * (id + 1)).every((bit) => bit === 1));
}

function markScan(body: Buffer, done: Uint8Array, seen: Set<number>): void {
  const count = body[0] ?? 0;
  if (body.length < 4 + 2 * count) return;
  const [first = 0, last = 63, bits = 0] = body.subarray(1 + 2 * count);
  for (let index = 0; index < count; index++) {
    const id = body[1 + 2 * index] ?? 0;
    seen.add(id);
    if ((bits & 15) === 0) done.fill(1, 64 * id + first, 64 * id + Math.min(last, 63) + 1);
  }
}
