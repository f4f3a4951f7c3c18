/** A picture as ffmpeg gives it: a byte for each channel of a pixel, row by row. */
export interface Picture {
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** 4 with alpha. */
  readonly channels: 3 | 4;
}

/** Longer than it is with the largest sizes. */
const LONGEST_HEAD = 128;

/**
 * Takes PAM files apart that come one after the other. What is cut off is left out.
 *
 * @param maxSide of each, in pixels: nothing longer is read
 */
export async function* readPam(chunks: AsyncIterable<Buffer>, maxSide: number): AsyncGenerator<Picture> {
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
        const { width, height, channels, end } = size;
        picture = { pixels: new Uint8Array(width * height * channels), width, height, channels, filled: 0 };
        rest = rest.subarray(end - before);
        head = Buffer.alloc(0);
      }
      const { pixels } = picture;
      const taken = rest.subarray(0, pixels.length - picture.filled);
      pixels.set(taken, picture.filled);
      picture.filled += taken.length;
      rest = rest.subarray(taken.length);
      if (picture.filled < pixels.length) continue;
      const { width, height, channels } = picture;
      picture = undefined;
      yield { pixels, width, height, channels };
    }
  }
}

function sizeOf(head: Buffer): (Omit<Picture, "pixels"> & { readonly end: number }) | undefined {
  const [whole, width, height, depth] = HEAD.exec(head.toString("latin1")) ?? [];
  if (whole === undefined) return undefined;
  return { width: Number(width), height: Number(height), channels: depth === "4" ? 4 : 3, end: whole.length };
}

const HEAD = /^P7\nWIDTH (\d+)\nHEIGHT (\d+)\nDEPTH ([34])\nMAXVAL 255\nTUPLTYPE RGB(?:_ALPHA)?\nENDHDR\n/;
