import type { Raster } from "./job.js";

/**
 * Converts the colours of a wider gamut, or of another curve, to sRGB, in place. What is outside of sRGB is cut off at its border.
 *
 * Runs in a worker: uses nothing from outside of itself.
 *
 * @param gamut `undefined` is that of sRGB
 * @param exponent light is the number to this power; `undefined` is the curve of sRGB
 */
export function toSrgb(
  { pixels, channels }: Raster,
  gamut: "p3" | "bt2020" | undefined,
  exponent: number | undefined,
): void {
  // Linear light of one into that of the other, row by row, from the primaries of ITU-T H.273 with the white D65.
  const matrix =
    gamut === "p3"
      ? [1.22494, -0.22494, 0, -0.042057, 1.042057, 0, -0.019638, -0.078636, 1.098274]
      : gamut === "bt2020"
        ? [1.660491, -0.587641, -0.07285, -0.12455, 1.1329, -0.00835, -0.018151, -0.100579, 1.11873]
        : [1, 0, 0, 0, 1, 0, 0, 0, 1];
  const [rr = 0, rg = 0, rb = 0, gr = 0, gg = 0, gb = 0, br = 0, bg = 0, bb = 0] = matrix;
  const linear = Float64Array.from({ length: 256 }, (_, value) => {
    const share = value / 255;
    if (exponent !== undefined) return share ** exponent;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const steps = 4095;
  const curve = Uint8Array.from({ length: steps + 1 }, (_, step) => {
    const share = step / steps;
    return Math.round(255 * (share <= 0.0031308 ? share * 12.92 : 1.055 * share ** (1 / 2.4) - 0.055));
  });
  const encode = (light: number) => curve[Math.round(Math.min(1, Math.max(0, light)) * steps)] ?? 0;
  for (let at = 0; at < pixels.length; at += channels) {
    const red = linear[pixels[at] ?? 0] ?? 0;
    const green = linear[pixels[at + 1] ?? 0] ?? 0;
    const blue = linear[pixels[at + 2] ?? 0] ?? 0;
    pixels[at] = encode(rr * red + rg * green + rb * blue);
    pixels[at + 1] = encode(gr * red + gg * green + gb * blue);
    pixels[at + 2] = encode(br * red + bg * green + bb * blue);
  }
}
