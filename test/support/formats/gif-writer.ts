/** What a GIF begins with: its size, and a palette of four colours. */
export function gifScreen(width: number, height: number, palette: readonly number[]): Buffer {
  const screen = Buffer.from([...Buffer.from("GIF89a"), 0, 0, 0, 0, 0x81, 0, 0, ...palette]);
  screen.writeUInt16LE(width, 6);
  screen.writeUInt16LE(height, 8);
  return screen;
}

interface GifFrame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** The number of a colour. */
  readonly colourAt: (x: number, y: number) => number;
}

/** Coded without LZW's table: it is cleared before it has anything. */
export function gifFrame({ left, top, width, height, colourAt }: GifFrame): Buffer {
  const [clear, end, bits] = [4, 5, 3];
  const codes: number[] = [];
  for (let index = 0; index < width * height; index++) {
    if (index % 2 === 0) codes.push(clear);
    codes.push(colourAt(index % width, Math.floor(index / width)));
  }
  codes.push(end);
  const data = Buffer.alloc(Math.ceil((codes.length * bits) / 8));
  for (const [index, code] of codes.entries())
    for (let bit = 0; bit < bits; bit++) {
      const at = index * bits + bit;
      if (((code >> bit) & 1) === 1) data.writeUInt8(data.readUInt8(at >> 3) | (1 << (at & 7)), at >> 3);
    }
  const blocks: Buffer[] = [];
  for (let at = 0; at < data.length; at += 255) {
    const block = data.subarray(at, at + 255);
    blocks.push(Buffer.from([block.length]), block);
  }
  const place = Buffer.alloc(8);
  for (const [index, value] of [left, top, width, height].entries()) place.writeUInt16LE(value, 2 * index);
  const control = Buffer.from([0x21, 0xf9, 4, 0, 10, 0, 0, 0]);
  return Buffer.concat([control, Buffer.from([0x2c]), place, Buffer.from([0, 2]), ...blocks, Buffer.from([0])]);
}
