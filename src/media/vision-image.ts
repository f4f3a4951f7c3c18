import type { VisionImage } from "../contracts/ai.js";
import type { DecodeLimits } from "./decode-image.js";
import { type Measured, openPicture, type PictureSource } from "./picture-source.js";
import type { Sharp } from "./sharp.js";

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

/** A prepared image, with what was measured of the original. */
export interface PreparedImage {
  readonly image: VisionImage;
  readonly measured: Measured;
}

/**
 * Prepares an image for a vision model: upright, opaque, sRGB, no longer than `maxSide`, both sides multiples of
 * `multipleOf`, JPEG.
 *
 * A model that gets other sides resamples the image itself, with less quality, and it is charged by the patch. Scaling
 * changes the aspect by one patch at most; cropping would lose what is at the edge, and padding would be described.
 *
 * @throws UploadError as `openPicture` does
 */
export function makeVisionImage(source: PictureSource, settings: VisionSettings): Promise<PreparedImage> {
  const { background } = settings;
  return openPicture(source, settings, async (picture) => {
    const measured = await picture.measure();
    const { width, height } = visionSize(measured, settings);
    const prepared = picture.upright().resize(width, height, { fit: "fill" }).flatten({ background });
    return { image: await encodeVisionImage(prepared, settings), measured };
  });
}

export async function encodeVisionImage(
  image: Sharp,
  { quality }: Pick<VisionSettings, "quality">,
): Promise<VisionImage> {
  const { data, info } = await image.jpeg({ quality }).toBuffer({ resolveWithObject: true });
  return { data, mimeType: "image/jpeg", width: info.width, height: info.height };
}

/** The size of a vision image: a side shorter than one patch becomes one patch; apart from that nothing is enlarged. */
export function visionSize(
  { width, height }: Pick<Measured, "width" | "height">,
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
