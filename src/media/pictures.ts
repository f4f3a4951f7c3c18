import type { VisionImage } from "../contracts/ai.js";
import { type Measured, type OpenedPicture, openPicture, type PictureSource } from "./picture-source.js";
import { makePlaceholder } from "./placeholder.js";
import { loadSharp, type Sharp } from "./sharp.js";
import { encodePicture, makeThumbnail, type PictureSettings, type Thumbnail } from "./thumbnail.js";
import { encodeVisionImage, type VisionSettings, visionSize } from "./vision-image.js";

/** What is to be made of one decoding. */
export interface PicturesWanted {
  /** Thumbnail and renditions. */
  readonly pictures: readonly PictureSettings[];
  readonly placeholder: boolean;
  /** Also an image for the model. */
  readonly vision: boolean;
  /** Also what the header tells, where nothing else needs it. */
  readonly measure: boolean;
}

export interface PicturesMade {
  /** In the order in which they were wanted. */
  readonly pictures: readonly Thumbnail[];
  readonly placeholder?: string;
  readonly visionImage?: VisionImage;
  readonly measured?: Measured;
}

/**
 * Decodes once, to the largest size that is wanted, and makes everything of those pixels: they are kept for as long as this
 * takes, so their memory is bounded by how many are decoded at once. A small picture made of a larger one differs from one made of
 * all pixels by less than 1 of 255 on average; one of a JPEG that was decoded at a fraction of its size may differ by 2.
 *
 * A single picture is made in one go: a JPEG is then decoded at a fraction of its size.
 *
 * @throws UploadError as `openPicture` does
 */
export async function makePictures(
  source: PictureSource,
  wanted: PicturesWanted,
  settings: VisionSettings,
): Promise<PicturesMade> {
  const [only, ...others] = wanted.pictures;
  if (only !== undefined && others.length === 0 && !wanted.placeholder && !wanted.vision && !wanted.measure)
    return { pictures: [await makeThumbnail(source, { ...settings, ...only })] };
  return openPicture(source, settings, async (picture) => {
    const measured = await picture.measure();
    const sizes = wanted.pictures.map(({ size }) => insideSize(measured, size));
    if (wanted.placeholder) sizes.push(insideSize(measured, PLACEHOLDER_SIDE));
    if (wanted.vision) sizes.push(visionSize(measured, settings));
    if (sizes.length === 0) return { pictures: [], measured };
    // Of a long strip, the vision image may be higher than a rendition that is wider: nothing is ever enlarged.
    const largest = {
      width: Math.max(...sizes.map(({ width }) => width)),
      height: Math.max(...sizes.map(({ height }) => height)),
    };
    return { ...(await deriveAll(await reduce(picture, largest, settings), wanted, sizes, settings)), measured };
  });
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** A hash of a picture is made of at most so many pixels a side. */
const PLACEHOLDER_SIDE = 100;

/** At most `size` pixels a side, never enlarged. */
function insideSize({ width, height }: Size, size: number): Size {
  const scale = Math.min(1, size / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** Upright, opaque, sRGB pixels, eight bits a channel. */
interface Reduced extends Size {
  readonly data: Buffer;
  readonly channels: 1 | 2 | 3 | 4;
}

async function reduce(
  picture: OpenedPicture,
  { width, height }: Size,
  { background }: VisionSettings,
): Promise<Reduced> {
  const { data, info } = await picture
    .upright()
    .resize(width, height, { fit: "fill" })
    .flatten({ background })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels };
}

/** One after the other: each takes a thread of the pool, and there is one decode slot for all of them. */
async function deriveAll(
  reduced: Reduced,
  wanted: PicturesWanted,
  sizes: readonly Size[],
  settings: VisionSettings,
): Promise<PicturesMade> {
  const sharp = await loadSharp();
  const { data, width, height, channels } = reduced;
  let at = 0;
  const next = (): Sharp => {
    const size = sizes[at++] ?? reduced;
    const image = sharp(data, { raw: { width, height, channels } });
    return size.width === width && size.height === height
      ? image
      : image.resize(size.width, size.height, { fit: "fill" });
  };
  const pictures: Thumbnail[] = [];
  for (const each of wanted.pictures) pictures.push(await encodePicture(next(), each));
  const placeholder = wanted.placeholder ? await makePlaceholder(next()) : undefined;
  const visionImage = wanted.vision ? await encodeVisionImage(next(), settings) : undefined;
  return {
    pictures,
    ...(placeholder !== undefined && { placeholder }),
    ...(visionImage !== undefined && { visionImage }),
  };
}
