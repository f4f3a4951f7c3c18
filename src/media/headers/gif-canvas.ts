import type { ByteSource } from "./byte-source.js";
import { blocksFrom, EXTENSION, FRAME, tableBytes } from "./gif-frames.js";

const SCREEN_BYTES = 13;
const CONTROL = 0xf9;
const TRAILER = 0x3b;
/** Before the first frame: comments and metadata, in blocks of 255 bytes. */
const MOST_BLOCKS = 20_000;

/**
 * Whether the first frame of a GIF fills its canvas. Where it does not, and no frame is transparent, the decoder shows black where
 * there is nothing.
 */
export async function fillsCanvas({ read }: ByteSource): Promise<boolean> {
  const screen = await read(0, SCREEN_BYTES);
  if (screen.length < SCREEN_BYTES) return true;
  let at = SCREEN_BYTES + tableBytes(screen.readUInt8(10));
  let isInBlocks = false;
  for (let left = MOST_BLOCKS; left > 0; left--) {
    const head = await read(at, 9);
    if (head.length < 9) return true;
    if (isInBlocks) {
      isInBlocks = head.readUInt8(0) > 0;
      at += 1 + head.readUInt8(0);
    } else if (head[0] === EXTENSION) {
      isInBlocks = true;
      at += 2;
    } else {
      const word = (place: number) => head.readUInt16LE(place);
      const isFull =
        word(1) === 0 && word(3) === 0 && word(5) >= screen.readUInt16LE(6) && word(7) >= screen.readUInt16LE(8);
      return head[0] !== FRAME || isFull;
    }
  }
  return true;
}

/** A frame of one transparent pixel: the decoder gives alpha to all frames of a file that has one. */
const TRANSPARENT_FRAME = [EXTENSION, CONTROL, 4, 1, 0, 0, 0, 0, FRAME, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0];

/** A copy with such a frame at its end, so that there is nothing where there is no frame. A file that is cut off stays as it is. */
export function withTransparency(file: Uint8Array): Uint8Array {
  const byte = (at: number) => file[at] ?? 0;
  let at = SCREEN_BYTES + tableBytes(byte(10));
  while (byte(at) === EXTENSION || byte(at) === FRAME)
    at = blocksFrom(file, byte(at) === EXTENSION ? at + 2 : at + 11 + tableBytes(byte(at + 9))).end;
  if (byte(at) !== TRAILER) return file;
  return Buffer.concat([file.subarray(0, at), Buffer.from(TRANSPARENT_FRAME), file.subarray(at)]);
}
