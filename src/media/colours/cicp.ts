/** Colours as ITU-T H.273 numbers them, in the containers that have no profile. */

/** Red, green, blue and white, as x and y each. */
export type Chromaticities = readonly [
  ...red: [x: number, y: number],
  ...green: [x: number, y: number],
  ...blue: [x: number, y: number],
  ...white: [x: number, y: number],
];

const D65 = [0.3127, 0.329] as const;
const C = [0.31, 0.316] as const;

export const SRGB_PRIMARIES: Chromaticities = [0.64, 0.33, 0.3, 0.6, 0.15, 0.06, ...D65];

/** By their number. What is not here is not told, or is no set of primaries. */
const PRIMARIES: Readonly<Record<number, Chromaticities>> = {
  4: [0.67, 0.33, 0.21, 0.71, 0.14, 0.08, ...C],
  5: [0.64, 0.33, 0.29, 0.6, 0.15, 0.06, ...D65],
  6: [0.63, 0.34, 0.31, 0.595, 0.155, 0.07, ...D65],
  7: [0.63, 0.34, 0.31, 0.595, 0.155, 0.07, ...D65],
  8: [0.681, 0.319, 0.243, 0.692, 0.145, 0.049, ...C],
  9: [0.708, 0.292, 0.17, 0.797, 0.131, 0.046, ...D65], // BT.2020
  10: [1, 0, 0, 1, 0, 0, 1 / 3, 1 / 3],
  11: [0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.314, 0.351],
  12: [0.68, 0.32, 0.265, 0.69, 0.15, 0.06, ...D65], // Display P3
  22: [0.63, 0.34, 0.295, 0.605, 0.155, 0.077, ...D65],
};

/** How samples become light. */
export type Transfer =
  | { readonly kind: "srgb" | "pq" | "hlg" }
  | { readonly kind: "gamma" /** Light is the sample to this power. */; readonly exponent: number };

/** Colours that are not sRGB's. */
export interface ColourSpace {
  readonly primaries: Chromaticities;
  readonly transfer: Transfer;
}

const SRGB: Transfer = { kind: "srgb" };
/**
 * By their number. The curves of video cameras (1, 6, 7, 11 to 15) are shown as sRGB's is: that is what viewers do, and
 * what those who tag a picture so have seen.
 */
const TRANSFERS: Readonly<Record<number, Transfer>> = {
  4: { kind: "gamma", exponent: 2.2 },
  5: { kind: "gamma", exponent: 2.8 },
  8: { kind: "gamma", exponent: 1 },
  16: { kind: "pq" },
  18: { kind: "hlg" },
};
/** Logarithmic ones, and that of digital cinema. */
const NOT_CONVERTED: ReadonlySet<number> = new Set([9, 10, 17]);

/**
 * What these numbers mean.
 *
 * @returns `null` when it is sRGB, or is not told; `"unknown"` when it cannot be shown rightly
 */
export function colourSpaceOf(primaries: number, transfer: number): ColourSpace | null | "unknown" {
  if (NOT_CONVERTED.has(transfer)) return "unknown";
  const space = { primaries: PRIMARIES[primaries] ?? SRGB_PRIMARIES, transfer: TRANSFERS[transfer] ?? SRGB };
  return space.primaries === SRGB_PRIMARIES && space.transfer === SRGB ? null : space;
}
