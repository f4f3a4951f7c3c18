/** A picture as ffmpeg gives it: three bytes a pixel, row by row. */
export interface Picture {
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Longer than `P6\n65535 65535\n255\n`. */
const LONGEST_HEAD = 32;

/**
 * Takes PPM files apart that come one after the other. What is cut off is left out.
 *
 * @param maxSide of each, in pixels: nothing longer is read
 */
export async function* readPpm(chunks: AsyncIterable<Buffer>, maxSide: number): AsyncGenerator<Picture> {
  let head: Buffer = Buffer.alloc(0);
  let picture: (Picture & { filled: number }) | undefined;
  for await (const chunk of chunks) {
    let rest = chunk;
    while (rest.length > 0) {
      if (picture === undefined) {
        const before = head.length;
        head = Buffer.concat([head, rest.subarray(0, LONGEST_HEAD - before)]);
        const size = sizeOf(head);
        if (size === undefined && head.length < LONGEST_HEAD) break;
        if (size === undefined || Math.max(size.width, size.height) > maxSide)
          throw new Error(`ffmpeg wrote no picture of at most ${maxSide} pixels a side`);
        const { width, height, end } = size;
        picture = { pixels: new Uint8Array(width * height * 3), width, height, filled: 0 };
        rest = rest.subarray(end - before);
        head = Buffer.alloc(0);
      }
      const { pixels } = picture;
      const taken = rest.subarray(0, pixels.length - picture.filled);
      pixels.set(taken, picture.filled);
      picture.filled += taken.length;
      rest = rest.subarray(taken.length);
      if (picture.filled < pixels.length) continue;
      const { width, height } = picture;
      picture = undefined;
      yield { pixels, width, height };
    }
  }
}

function sizeOf(head: Buffer): { width: number; height: number; end: number } | undefined {
  const [whole, width, height] = /^P6\n(\d+) (\d+)\n255\n/.exec(head.toString("latin1")) ?? [];
  if (whole === undefined) return undefined;
  return { width: Number(width), height: Number(height), end: whole.length };
}
