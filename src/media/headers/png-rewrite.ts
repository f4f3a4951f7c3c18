import { deflateSync } from "node:zlib";
import type { PngHeader } from "./png.js";

/** What a profile takes the place of. */
const COLOURS: ReadonlySet<string> = new Set(["cICP", "iCCP", "sRGB", "gAMA", "cHRM"]);

/** A copy of a PNG as if its writer had put this profile, and these chunks, before the pixels. */
export function withChunks(
  file: Uint8Array,
  { chunks }: Pick<PngHeader, "chunks">,
  { profile, others }: { readonly profile: Buffer | undefined; readonly others: readonly Buffer[] },
): Buffer {
  const [first, ...rest] = chunks;
  const afterFirst = first?.end ?? 8;
  const pixels = chunks.at(-1)?.end ?? 8;
  const kept = rest.filter(({ type }) => profile === undefined || !COLOURS.has(type));
  const made = profile === undefined ? [] : [profileChunk(profile)];
  return Buffer.concat([
    file.subarray(0, afterFirst),
    ...made,
    ...kept.map(({ start, end }) => file.subarray(start, end)),
    ...others,
    file.subarray(pixels),
  ]);
}

function profileChunk(profile: Buffer): Buffer {
  const name = Buffer.from("tags\0\0", "latin1"); // and how it is packed: Deflate
  return chunk("iCCP", Buffer.concat([name, deflateSync(profile, { level: 1 })]));
}

function chunk(type: string, content: Buffer): Buffer {
  const whole = Buffer.alloc(content.length + 12);
  whole.writeUInt32BE(content.length);
  whole.write(type, 4, "latin1");
  content.copy(whole, 8);
  whole.writeUInt32BE(crc32(whole.subarray(4, -4)), whole.length - 4);
  return whole;
}

/** Node 20 has none of its own. */
function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0);
  return ~crc >>> 0;
}

const TABLE = Int32Array.from({ length: 256 }, (_, index) => {
  let entry = index;
  for (let bit = 0; bit < 8; bit++) entry = entry & 1 ? (entry >>> 1) ^ 0xedb88320 : entry >>> 1;
  return entry;
});
