import type { ColourSpace, Transfer } from "./cicp.js";
import { lightOf } from "./light.js";
import { D50, toD50 } from "./primaries.js";

/** How many steps a curve has. */
const STEPS = 4096;

/** An ICC profile of a colour space: the decoder converts by it as by one that a camera has written. */
export function makeProfile({ primaries, transfer }: ColourSpace): Buffer {
  const matrix = toD50(primaries);
  const column = (index: 0 | 1 | 2) => xyz([matrix[index], matrix[index + 3] ?? 0, matrix[index + 6] ?? 0]);
  const curve = curveOf(transfer);
  return assemble("RGB ", {
    rXYZ: column(0),
    gXYZ: column(1),
    bXYZ: column(2),
    rTRC: curve,
    gTRC: curve,
    bTRC: curve,
  });
}

/** As {@link makeProfile}, for images of grey. */
export const makeGreyProfile = ({ transfer }: ColourSpace): Buffer => assemble("GRAY", { kTRC: curveOf(transfer) });

function curveOf(transfer: Transfer): Buffer {
  const light = lightOf(transfer);
  const curve = Buffer.alloc(12 + 2 * STEPS);
  curve.write("curv");
  curve.writeUInt32BE(STEPS, 8);
  for (let step = 0; step < STEPS; step++) {
    const value = Math.min(1, Math.max(0, light(step / (STEPS - 1))));
    curve.writeUInt16BE(Math.round(65_535 * value), 12 + 2 * step);
  }
  return curve;
}

function xyz(values: readonly number[]): Buffer {
  const tag = Buffer.alloc(20);
  tag.write("XYZ ");
  values.forEach((value, index) => void tag.writeInt32BE(Math.round(value * 65_536), 8 + 4 * index));
  return tag;
}

function assemble(space: "RGB " | "GRAY", own: Readonly<Record<string, Buffer>>): Buffer {
  const white = xyz(D50);
  const tags = Object.entries({ desc: text("by the tags of the file"), cprt: text("none"), wtpt: white, ...own });
  const header = Buffer.alloc(128 + 4 + 12 * tags.length);
  header.writeUInt32BE(0x0420_0000, 8); // version 4.2
  header.write(`mntr${space}XYZ `, 12, "latin1");
  header.write("acsp", 36);
  white.copy(header, 68, 8);
  header.writeUInt32BE(tags.length, 128);
  const bodies: Buffer[] = [];
  let at = header.length;
  tags.forEach(([name, body], index) => {
    const entry = 132 + 12 * index;
    header.write(name, entry, "latin1");
    header.writeUInt32BE(at, entry + 4);
    header.writeUInt32BE(body.length, entry + 8);
    const padding = Buffer.alloc(-body.length & 3);
    bodies.push(body, padding);
    at += body.length + padding.length;
  });
  header.writeUInt32BE(at, 0);
  return Buffer.concat([header, ...bodies]);
}

/** A `multiLocalizedUnicodeType` of one text. */
function text(words: string): Buffer {
  const characters = Buffer.from(words, "utf16le").swap16();
  const head = Buffer.alloc(28);
  head.write("mluc");
  head.writeUInt32BE(1, 8);
  head.writeUInt32BE(12, 12);
  head.write("enUS", 16);
  head.writeUInt32BE(characters.length, 20);
  head.writeUInt32BE(28, 24);
  return Buffer.concat([head, characters]);
}
