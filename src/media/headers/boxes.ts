/** A box of an ISO base media file (HEIF, AVIF, MP4) inside a buffer. */
export interface Box {
  readonly type: string;
  /** Where it begins, with its length. */
  readonly start: number;
  /** Where its content begins. */
  readonly body: number;
  readonly end: number;
}

const MOST_BOXES = 2000;

/** The boxes between two places, one behind the other, until one does not fit. */
export function boxesIn(bytes: Buffer, start: number, end: number): Box[] {
  const boxes: Box[] = [];
  let at = start;
  while (at + 8 <= end && boxes.length < MOST_BOXES) {
    const box = boxAt(bytes, at, end);
    if (box === null || box.end > end) break;
    boxes.push(box);
    at = box.end;
  }
  return boxes;
}

/** The box at this place; it may end behind the buffer. `null` where there is none. */
export function boxAt(bytes: Buffer, at: number, fileEnd: number): Box | null {
  if (at + 8 > bytes.length) return null;
  const type = bytes.toString("latin1", at + 4, at + 8);
  const short = bytes.readUInt32BE(at);
  if (short === 1) {
    if (at + 16 > bytes.length) return null;
    const length = Number(bytes.readBigUInt64BE(at + 8));
    return length < 16 ? null : { type, start: at, body: at + 16, end: at + length };
  }
  if (short === 0) return { type, start: at, body: at + 8, end: fileEnd };
  return short < 8 ? null : { type, start: at, body: at + 8, end: at + short };
}

/** A box made of its parts. */
export function makeBox(type: string, ...parts: readonly Uint8Array[]): Buffer {
  const head = Buffer.alloc(8);
  head.write(type, 4, "latin1");
  const box = Buffer.concat([head, ...parts]);
  box.writeUInt32BE(box.length);
  return box;
}
