import type { Pixels } from "../../media/pixels.js";

/** Pixels in CIE L*a*b* (D65), where equal distances look about equally different: one array a channel. */
export interface LabPixels {
  /** 0 black to 100 white. */
  readonly lightness: Float32Array;
  /** About -100 green to 100 red. */
  readonly a: Float32Array;
  /** About -100 blue to 100 yellow. */
  readonly b: Float32Array;
  readonly width: number;
  readonly height: number;
}

/** What a byte of sRGB means in light. */
const LINEAR = Float32Array.from({ length: 256 }, (_, byte) => {
  const value = byte / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
});

export function toLab({ data, width, height }: Pixels): LabPixels {
  const count = width * height;
  const lightness = new Float32Array(count);
  const a = new Float32Array(count);
  const b = new Float32Array(count);
  for (let pixel = 0, offset = 0; pixel < count; pixel++, offset += 3) {
    const red = LINEAR[data[offset] as number] as number;
    const green = LINEAR[data[offset + 1] as number] as number;
    const blue = LINEAR[data[offset + 2] as number] as number;
    const x = compress((0.4124564 * red + 0.3575761 * green + 0.1804375 * blue) / 0.95047);
    const y = compress(0.2126729 * red + 0.7151522 * green + 0.072175 * blue);
    const z = compress((0.0193339 * red + 0.119192 * green + 0.9503041 * blue) / 1.08883);
    lightness[pixel] = 116 * y - 16;
    a[pixel] = 500 * (x - y);
    b[pixel] = 200 * (y - z);
  }
  return { lightness, a, b, width, height };
}

function compress(value: number): number {
  return value > 216 / 24389 ? Math.cbrt(value) : (24389 / 27 / 116) * value + 16 / 116;
}
