import type { VisionImage } from "../contracts/ai.js";
import { type DecodeLimits, decodeImage, type ImageSource } from "./decode-image.js";

/** How an image is prepared for a vision model. */
export interface VisionSettings extends DecodeLimits {
  /** The longest side, in pixels; at least `multipleOf`. */
  readonly maxSide: number;
  /** The patch of the model, in pixels. */
  readonly multipleOf: number;
  /** JPEG quality, 1 to 100. */
  readonly quality: number;
  /** The colour behind transparent parts. */
  readonly background: string;
}

/** A prepared image, with the size of the original. */
export interface PreparedImage {
  readonly image: VisionImage;
  /** Of the upright original, in pixels. */
  readonly originalSize: { readonly width: number; readonly height: number };
}

/**
 * Prepares an image for a vision model: upright, opaque, sRGB, no longer than `maxSide`, both sides multiples of
 * `multipleOf`, JPEG.
 *
 * A model that gets other sides resamples the image itself, with less quality, and it is charged by the patch. Scaling
 * changes the aspect by one patch at most; cropping would lose what is at the edge, and padding would be described.
 *
 * @throws UploadError as `decodeImage` does
 */
export function makeVisionImage(source: ImageSource, settings: VisionSettings): Promise<PreparedImage> {
  const { background, quality } = settings;
  return decodeImage(source, settings, async (image) => {
    const { autoOrient: originalSize } = await image.metadata();
    const { width, height } = visionSize(originalSize, settings);
    const data = await image
      .autoOrient()
      .resize(width, height, { fit: "fill" })
      .flatten({ background })
      .jpeg({ quality })
      .toBuffer();
    return { image: { data, mimeType: "image/jpeg", width, height }, originalSize };
  });
}

/** The size of a vision image: a side shorter than one patch becomes one patch; apart from that nothing is enlarged. */
export function visionSize(
  { width, height }: PreparedImage["originalSize"],
  { maxSide, multipleOf }: Pick<VisionSettings, "maxSide" | "multipleOf">,
): { width: number; height: number } {
  const longest = Math.floor(maxSide / multipleOf) * multipleOf;
  const scale = longest / Math.max(width, height);
  const side = (original: number) => {
    const nearest = Math.round((original * scale) / multipleOf);
    const patches = Math.min(nearest, Math.floor(original / multipleOf));
    return Math.max(1, patches) * multipleOf;
  };
  return { width: side(width), height: side(height) };
}
