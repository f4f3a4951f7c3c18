import { decodeImage } from "./decode-image.js";

/** The pixels of an image: red, green and blue, a byte each, row by row from the top left. */
export interface Pixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Vision images are much smaller: this only guards against another input. */
const LIMIT_INPUT_PIXELS = 100_000_000;

/**
 * Decodes an image, such as a vision image, at exactly this size; its aspect is not kept.
 *
 * @throws UploadError as `decodeImage` does
 */
export function decodePixels(
  image: { readonly data: Uint8Array; readonly mimeType: string },
  size: { readonly width: number; readonly height: number },
): Promise<Pixels> {
  const source = { input: image.data, mimeType: image.mimeType };
  return decodeImage(source, { limitInputPixels: LIMIT_INPUT_PIXELS }, async (decoder) => {
    const resized = decoder.resize(size.width, size.height, { fit: "fill" }).removeAlpha().toColourspace("srgb");
    const { data, info } = await resized.raw().toBuffer({ resolveWithObject: true });
    return { data, width: info.width, height: info.height };
  });
}
