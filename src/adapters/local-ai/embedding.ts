import type { Pixels } from "../../media/pixels.js";
import { type Gradients, gradientsOf } from "./gradients.js";
import { type LabPixels, toLab } from "./lab.js";

/** The side of the square in which every image is looked at, whatever its aspect, in pixels. */
export const EMBEDDING_SIDE = 96;

/** Bins of the colour histogram: lightness, green to red, blue to yellow. */
const LIGHTNESS_BINS = 4;
const TINT_BINS = 6;
/** The grid in which colours are averaged. */
const LAYOUT_CELLS = 6;
/** The grids in which edges are counted by their direction, from coarse to fine. */
const EDGE_GRIDS = [1, 2, 4] as const;
const EDGE_DIRECTIONS = 8;

/** How much each part counts: found by trying on crops, smaller versions and re-encodings of photos, among many other images. */
const WEIGHTS = { colours: 1.1, layout: 0.35, edges: { 1: 0.3, 2: 0.4, 4: 1.5 } };

const EDGE_CELLS = EDGE_GRIDS.reduce((sum, side) => sum + side * side, 0);
const COLOURS = LIGHTNESS_BINS * TINT_BINS * TINT_BINS;
const LAYOUT = LAYOUT_CELLS * LAYOUT_CELLS * 3;

/** The length of every vector. */
export const DIMENSIONS = COLOURS + LAYOUT + EDGE_CELLS * EDGE_DIRECTIONS;

/**
 * What an image looks like, as a vector of length 1: which colours it has, where they are, and which way its edges run. Two
 * versions of one photo (smaller, cropped, compressed, brightened) are closer to each other than to another photo.
 */
export function embedPixels(pixels: Pixels): Float32Array {
  const lab = toLab(pixels);
  const gradients = gradientsOf(lab);
  const parts = [
    weighted(colourHistogram(lab), WEIGHTS.colours),
    weighted(colourLayout(lab), WEIGHTS.layout),
    ...EDGE_GRIDS.map((grid) => weighted(edgeHistograms(gradients, lab, grid), WEIGHTS.edges[grid])),
  ];
  const vector = new Float32Array(DIMENSIONS);
  let offset = 0;
  for (const part of parts) {
    vector.set(part, offset);
    offset += part.length;
  }
  return weighted(vector, 1);
}

/** Which colours there are, wherever: a crop hardly changes that. Soft bins, so that a small shift changes little. */
function colourHistogram({ lightness, a, b }: LabPixels): Float32Array {
  const bins = new Float32Array(COLOURS);
  for (let pixel = 0; pixel < lightness.length; pixel++) {
    const [l, lShare] = softBin((lightness[pixel] as number) / 100, LIGHTNESS_BINS);
    const [u, uShare] = softBin(((a[pixel] as number) + 60) / 120, TINT_BINS);
    const [v, vShare] = softBin(((b[pixel] as number) + 60) / 120, TINT_BINS);
    for (let corner = 0; corner < 8; corner++) {
      const [dl, du, dv] = [corner & 1, (corner >> 1) & 1, corner >> 2];
      const bin = ((l + dl) * TINT_BINS + u + du) * TINT_BINS + v + dv;
      const share = (dl ? lShare : 1 - lShare) * (du ? uShare : 1 - uShare) * (dv ? vShare : 1 - vShare);
      if (share > 0) bins[bin] = (bins[bin] as number) + share;
    }
  }
  // Square roots keep one large area from drowning out everything else.
  return bins.map((count) => Math.sqrt(count));
}

/** The lower of the two bins that a value from 0 to 1 lies between, and the share of the upper one. */
function softBin(value: number, bins: number): [bin: number, share: number] {
  const position = Math.min(Math.max(value * bins - 0.5, 0), bins - 1);
  const bin = Math.min(Math.floor(position), bins - 2);
  return [bin, position - bin];
}

/** Where the colours are. Lightness counts relative to the mean, so that a brighter version stays close. */
function colourLayout({ lightness, a, b, width, height }: LabPixels): Float32Array {
  const sums = new Float32Array(LAYOUT);
  let mean = 0;
  for (const value of lightness) mean += value / lightness.length;
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * LAYOUT_CELLS) / height) * LAYOUT_CELLS;
    for (let x = 0; x < width; x++) {
      const pixel = y * width + x;
      const cell = (row + Math.floor((x * LAYOUT_CELLS) / width)) * 3;
      sums[cell] = (sums[cell] as number) + (lightness[pixel] as number) - mean;
      sums[cell + 1] = (sums[cell + 1] as number) + (a[pixel] as number);
      sums[cell + 2] = (sums[cell + 2] as number) + (b[pixel] as number);
    }
  }
  return sums;
}

/** Which way the edges run in each cell of a grid. */
function edgeHistograms(
  { strength, direction }: Gradients,
  { width, height }: LabPixels,
  grid: (typeof EDGE_GRIDS)[number],
): Float32Array {
  const bins = new Float32Array(grid * grid * EDGE_DIRECTIONS);
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * grid) / height) * grid;
    for (let x = 0; x < width; x++) {
      const pixel = y * width + x;
      const cell = (row + Math.floor((x * grid) / width)) * EDGE_DIRECTIONS;
      const position = ((direction[pixel] as number) / Math.PI) * EDGE_DIRECTIONS;
      const share = position - Math.floor(position);
      // The last direction is a neighbour of the first.
      const lower = cell + (Math.floor(position) % EDGE_DIRECTIONS);
      const upper = cell + (Math.ceil(position) % EDGE_DIRECTIONS);
      bins[lower] = (bins[lower] as number) + (strength[pixel] as number) * (1 - share);
      bins[upper] = (bins[upper] as number) + (strength[pixel] as number) * share;
    }
  }
  return centred(bins.map((count) => Math.sqrt(count)));
}

function centred(v: Float32Array): Float32Array {
  const m = v.reduce((s, x) => s + x, 0) / v.length;
  return v.map((x) => x - m);
}
/** Scaled to this length; nothing but zeros stays so. */
function weighted(vector: Float32Array, length: number): Float32Array {
  const norm = Math.hypot(...vector);
  return norm === 0 ? vector : vector.map((value) => (value / norm) * length);
}
