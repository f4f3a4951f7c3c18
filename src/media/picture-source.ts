import { type DecodeLimits, decodeImage, type ImageSource, inputOf } from "./decode-image.js";
import { type FrameSource, openFrame } from "./frame-image.js";
import { inspectImage } from "./inspect/inspect-image.js";
import { loadSharp, type Sharp } from "./sharp.js";

/** What pictures are made of: an original that sharp decodes, or a frame that a decoder has given. */
export type PictureSource = ImageSource | FrameSource;

/** What the header of a source tells. */
export interface Measured {
  /** Of the upright image, in pixels. */
  readonly width: number;
  /** Of the upright image, in pixels. */
  readonly height: number;
  /** As it stands in the file. */
  readonly exif?: Uint8Array;
}

/** An opened source. */
export interface OpenedPicture {
  readonly image: Sharp;
  /** The image as it is looked at: an original by its EXIF orientation, a frame as it is. */
  readonly upright: () => Sharp;
  readonly measure: () => Promise<Measured>;
}

/**
 * Opens a source for `work`: its first frame that shows something, and no more than the limits let in. `work` may be called again,
 * as `decodeImage` says.
 *
 * @throws UploadError as `decodeImage` and `openFrame` do
 */
export function openPicture<T>(
  source: PictureSource,
  limits: DecodeLimits,
  work: (picture: OpenedPicture) => Promise<T>,
): Promise<T> {
  if ("frame" in source) {
    return openFrame(source, (image) => {
      const measure = async () => {
        const { width, height } = await image.metadata();
        return { width, height };
      };
      return work({ image, upright: () => image, measure });
    });
  }
  return decodeImage(source, limits, (image) => {
    const measure = async () => {
      const { autoOrient, exif } = await image.metadata();
      const { width, height } = autoOrient;
      return exif === undefined ? { width, height } : { width, height, exif };
    };
    return work({ image, upright: () => image.autoOrient(), measure });
  });
}

/** The EXIF of an original, as it stands in the file; `undefined` where there is none that can be read. */
export async function readFileExif(source: ImageSource): Promise<Uint8Array | undefined> {
  const sharp = await loadSharp();
  try {
    // What sharp is not to show may be decoded by another decoder, and its EXIF is wanted all the same.
    const inspection = source.inspection ?? (await inspectImage(source.input, source.mimeType).catch(() => undefined));
    const input = inspection === undefined ? source.input : await inputOf(source, inspection);
    return (await sharp(input, { limitInputPixels: false }).metadata()).exif;
  } catch {
    return undefined; // whoever decodes it says what is wrong with it
  }
}
