/** A JPEG with further segments behind its first marker. */
export function withSegments(jpeg: Buffer, ...segments: readonly Buffer[]): Buffer {
  return Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)]);
}

export function segment(marker: number, content: string | Buffer): Buffer {
  const body = Buffer.from(content as string, "latin1");
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([head, body]);
}

/** The directory of a file with several pictures (CIPA DC-007): a JPEG that stands behind the first one. */
export function multiPicture(first: Buffer, second: Buffer): Buffer {
  const index = Buffer.alloc(4 + 8 + 2 + 3 * 12 + 4 + 32);
  index.write("MPF\0II", "latin1");
  index.set([42, 0, 8, 0, 0, 0, 3, 0], 6);
  const entry = (at: number, tag: number, type: number, count: number, value: number) => {
    index.writeUInt16LE(tag, at);
    index.writeUInt16LE(type, at + 2);
    index.writeUInt32LE(count, at + 4);
    index.writeUInt32LE(value, at + 8);
  };
  entry(14, 0xb000, 7, 4, 0x30303130);
  entry(26, 0xb001, 4, 1, 2);
  entry(38, 0xb002, 7, 32, 50);
  index.writeUInt32LE(0x030000, 54);
  index.writeUInt32LE(first.length + index.length + 4, 58);
  index.writeUInt32LE(second.length, 74);
  index.writeUInt32LE(first.length + index.length + 4 - 10, 78);
  return Buffer.concat([withSegments(first, segment(0xe2, index)), second]);
}

/**
 * A grey JPEG of squares of 8 × 8 pixels, each of one shade.
 *
 * @param bits of a sample, 8 or 12
 * @param shadeOf of a square, from 0 to 1
 */
export function squaresJpeg(
  columns: number,
  rows: number,
  bits: 8 | 12,
  shadeOf: (column: number, row: number) => number,
): Buffer {
  const frame = Buffer.from([bits, 0, 0, 0, 0, 1, 1, 0x11, 0]);
  frame.writeUInt16BE(8 * rows, 1);
  frame.writeUInt16BE(8 * columns, 3);
  const quantization = Buffer.concat([Buffer.from([0]), Buffer.alloc(64, 8)]);
  // Sixteen sizes of a difference, each as a code of five bits; of the other coefficients the end alone, in one bit.
  const dc = Buffer.from([0, 0, 0, 0, 0, 16, ...Array(11).fill(0), ...Array(16).keys()]);
  const ac = Buffer.from([0x10, 1, ...Array(15).fill(0), 0]);
  let data = "";
  let before = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const value = Math.round((shadeOf(column, row) - 0.5) * (2 ** bits - 1));
      const difference = value - before;
      before = value;
      const size = difference === 0 ? 0 : Math.floor(Math.log2(Math.abs(difference))) + 1;
      const code = difference < 0 ? difference + 2 ** size - 1 : difference;
      data += size.toString(2).padStart(5, "0");
      if (size > 0) data += code.toString(2).padStart(size, "0");
      data += "0";
    }
  }
  const padded = data.padEnd(Math.ceil(data.length / 8) * 8, "1");
  const bytes = padded.match(/.{8}/g)?.flatMap((byte) => {
    const value = Number.parseInt(byte, 2);
    return value === 0xff ? [0xff, 0] : [value];
  });
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    segment(0xdb, quantization),
    segment(bits === 8 ? 0xc0 : 0xc1, frame),
    segment(0xc4, dc),
    segment(0xc4, ac),
    segment(0xda, Buffer.from([1, 1, 0, 0, 63, 0])),
    Buffer.from(bytes ?? []),
    Buffer.from([0xff, 0xd9]),
  ]);
}

/** A JPEG with more in front of its frame header. */
export function beforeFrame(jpeg: Buffer, more: Buffer): Buffer {
  const at = frameOf(jpeg);
  return Buffer.concat([jpeg.subarray(0, at), more, jpeg.subarray(at)]);
}

/** A JPEG whose height stands behind its picture. */
export function withHeightBehind(jpeg: Buffer): Buffer {
  const copy = Buffer.from(jpeg);
  const height = copy.subarray(frameOf(copy) + 5, frameOf(copy) + 7);
  const behind = segment(0xdc, Buffer.from(height));
  height.fill(0);
  return Buffer.concat([copy.subarray(0, -2), behind, copy.subarray(-2)]);
}

export const withoutLastScan = (jpeg: Buffer): Buffer => jpeg.subarray(0, jpeg.lastIndexOf(Buffer.from([0xff, 0xda])));

/** A copy of a file in which these bytes are zeros, from one part of it to another. */
export function blanked(file: Buffer, from: number, to = 1): Buffer {
  return Buffer.from(file).fill(0, Math.floor(file.length * from), Math.floor(file.length * to));
}

/** Where the header of a baseline JPEG's frame begins. */
const frameOf = (jpeg: Buffer): number => jpeg.indexOf(Buffer.from([0xff, 0xc0]));
