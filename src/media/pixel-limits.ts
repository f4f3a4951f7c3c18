/**
 * The most pixels that are let in by default, by what decoding takes in memory: a decoder has at most about a gigabyte. Measured
 * figures stand in formats.md.
 */
export const PIXEL_LIMITS = {
  /** Decoded row by row, and scaled down while it is. */
  jpeg: 250_000_000,
  png: 200_000_000,
  /** Kept whole until its last pass. */
  pngInterlaced: 100_000_000,
  /** The same, with samples of 16 bits. */
  pngInterlacedDeep: 50_000_000,
  tiff: 100_000_000,
  webp: 100_000_000,
  gif: 100_000_000,
  /** AVIF and HEIC: 19 bytes for each pixel. */
  heif: 50_000_000,
  /** Whatever else a build of sharp or another decoder decodes. */
  other: 100_000_000,
} as const;

/** What a decoder other than sharp is let decode by default, by the MIME type. */
export const decoderPixelLimit = (mimeType: string): number =>
  /^image\/(?:hei[cf]|avif)/.test(mimeType) ? PIXEL_LIMITS.heif : PIXEL_LIMITS.other;

/** What the coefficients of a JPEG in several scans may take in memory, in bytes: 200 megapixels at 4:2:0. */
const MOST_COEFFICIENT_BYTES = 600_000_000;

/** @param coefficientBytes of a pixel, where the decoder keeps them all; else 0 */
export function jpegPixelLimit(coefficientBytes: number): number {
  if (coefficientBytes <= 0) return PIXEL_LIMITS.jpeg;
  return Math.min(PIXEL_LIMITS.jpeg, Math.floor(MOST_COEFFICIENT_BYTES / coefficientBytes));
}
