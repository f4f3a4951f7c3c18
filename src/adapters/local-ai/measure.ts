import type { Pixels } from "../../media/pixels.js";
import { countColours, type NamedColour, nameColour } from "./colours.js";
import { gradientsOf } from "./gradients.js";
import { type LabPixels, toLab } from "./lab.js";

/** What can be measured of an image without knowing what it shows. */
export interface Measurements {
  /** Mean lightness, 0 black to 100 white. */
  readonly brightness: number;
  /** Standard deviation of the lightness: 0 flat, above 25 strong. */
  readonly contrast: number;
  /** Mean chroma: below 5 as good as grey, above 35 vivid. */
  readonly colourfulness: number;
  /** The colours with at least 1 % of the image, the largest first. */
  readonly colours: readonly NamedColour[];
  /** Mean change of lightness from pixel to pixel: below 0.5 smooth, above 5 full of fine structure. */
  readonly detail: number;
  /** Where the detail is on average: fractions of the width and the height. */
  readonly focus: { readonly x: number; readonly y: number };
  /** How far the detail is spread around the focus: 0 a point, 1 evenly over the image. */
  readonly spread: number;
  /** The strips along the edges, a sixth of the image each. */
  readonly edges: Readonly<Record<Edge, Strip>>;
}

export type Edge = "top" | "bottom" | "left" | "right";

/** A part of the image. */
export interface Strip {
  /** The share of it in which nothing changes much, 0 to 1. */
  readonly plain: number;
  /** Its largest colour. */
  readonly colour: NamedColour;
}

/** The longest side at which an image is measured, in pixels: coarse enough to see areas, not grain. */
export const MEASURED_SIDE = 192;

/** A change of lightness a pixel that is seen as structure. */
const STRUCTURE = 2.5;
const SMALLEST_SHARE = 0.01;

export function measure(pixels: Pixels): Measurements {
  const lab = toLab(pixels);
  const { strength } = gradientsOf(lab);
  const names = Array.from(lab.lightness, (lightness, pixel) =>
    nameColour(lightness, lab.a[pixel] as number, lab.b[pixel] as number),
  );
  const brightness = mean(lab.lightness);
  return {
    brightness: rounded(brightness),
    contrast: rounded(Math.sqrt(mean(lab.lightness.map((lightness) => (lightness - brightness) ** 2)))),
    colourfulness: rounded(mean(lab.a.map((a, pixel) => Math.hypot(a, lab.b[pixel] as number)))),
    colours: countColours(names).filter(({ share }) => share >= SMALLEST_SHARE),
    detail: rounded(mean(strength)),
    ...distribution(strength, lab),
    edges: stripsOf(strength, names, lab),
  };
}

/** Centre and spread of the detail, as of a distribution of mass. */
function distribution(strength: Float32Array, { width, height }: LabPixels): Pick<Measurements, "focus" | "spread"> {
  let [mass, sumX, sumY, sumXX, sumYY] = [0, 0, 0, 0, 0];
  for (let pixel = 0; pixel < strength.length; pixel++) {
    const weight = strength[pixel] as number;
    const x = ((pixel % width) + 0.5) / width;
    const y = (Math.floor(pixel / width) + 0.5) / height;
    mass += weight;
    sumX += weight * x;
    sumY += weight * y;
    sumXX += weight * x * x;
    sumYY += weight * y * y;
  }
  if (mass === 0) return { focus: { x: 0.5, y: 0.5 }, spread: 1 };
  const [x, y] = [sumX / mass, sumY / mass];
  const variance = sumXX / mass - x * x + (sumYY / mass - y * y);
  // Evenly over the unit square it would be a twelfth each way.
  const spread = Math.min(1, Math.sqrt(Math.max(0, variance) * 6));
  return { focus: { x: rounded(x), y: rounded(y) }, spread: rounded(spread) };
}

function stripsOf(strength: Float32Array, names: readonly string[], { width, height }: LabPixels): Record<Edge, Strip> {
  const strip = (isInside: (x: number, y: number) => boolean): Strip => {
    const inside = names.flatMap((_, pixel) =>
      isInside((pixel % width) / width, Math.floor(pixel / width) / height) ? pixel : [],
    );
    const plain = inside.filter((pixel) => (strength[pixel] as number) < STRUCTURE).length / inside.length;
    const [colour] = countColours(inside.map((pixel) => names[pixel] as string));
    return { plain: rounded(plain), colour: colour as NamedColour };
  };
  return {
    top: strip((_, y) => y < 1 / 6),
    bottom: strip((_, y) => y >= 5 / 6),
    left: strip((x) => x < 1 / 6),
    right: strip((x) => x >= 5 / 6),
  };
}

/** They are stored, and more digits than these mean nothing. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function mean(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
