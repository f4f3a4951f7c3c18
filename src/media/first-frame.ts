import type { Sharp } from "./sharp.js";

/** Opens so many frames of an animation, from one on; the first has the number 0. */
export type OpenFrames = (reading: { readonly frame: number; readonly frames: number }) => Sharp;

/** What frames are judged at, in pixels a side. */
const SIDE = 64;
const ROW_BYTES = SIDE * 4;
/** Frames are scaled in one piece: so many rows show something of the frame before or behind, too. */
const EDGE = 4;
/** Colours that differ by less are the noise of a lossy coding. */
const NOISE = 4;
/** How much is decoded to find a frame that shows something, in pixels over all frames. */
const MOST_PIXELS = 50_000_000;
const MOST_FRAMES = 1000;

/**
 * The number of the first frame of an animation that is not blank; 0 where all that were looked at are, or where one is
 * damaged. A frame of one colour, or of none, shows nothing: many animations fade in from it.
 */
export async function firstFrameThatShows(open: OpenFrames): Promise<number> {
  try {
    return await search(open);
  } catch {
    return 0; // the decoding that follows tells what is wrong
  }
}

async function search(open: OpenFrames): Promise<number> {
  const { pages = 1, width, height, pageHeight = height } = await open({ frame: 0, frames: 1 }).metadata();
  const most = Math.min(pages, MOST_FRAMES, Math.floor(MOST_PIXELS / (width * pageHeight)));
  if (most < 2) return 0;
  // A decoder begins with the first frame whichever is asked for: so twice as many are asked for each time.
  for (let first = 0, count = 1; first < most; first += count, count = Math.min(2 * count, most - first)) {
    const frames = await samplesOf(open({ frame: first, frames: count }));
    for (let index = 0; index < count; index++) {
      const start = index * SIDE + EDGE;
      const rows = frames.subarray(start * ROW_BYTES, (start + SIDE - 2 * EDGE) * ROW_BYTES);
      if (!isBlank(rows)) return first + index;
    }
  }
  return 0;
}

/** Whether an image is of one colour, or of none. */
export const showsNothing = async (image: Sharp): Promise<boolean> => isBlank(await samplesOf(image));

/** Red, green, blue and alpha of each pixel, small; frame by frame. */
function samplesOf(image: Sharp): Promise<Buffer> {
  return image.resize(SIDE, SIDE, { fit: "fill" }).toColourspace("srgb").ensureAlpha().raw().toBuffer();
}

function isBlank(pixels: Buffer): boolean {
  const least = [255, 255, 255, 255];
  const most = [0, 0, 0, 0];
  for (let at = 0; at < pixels.length; at++) {
    const value = pixels[at] ?? 0;
    const channel = at & 3;
    if (value < (least[channel] ?? 0)) least[channel] = value;
    if (value > (most[channel] ?? 0)) most[channel] = value;
  }
  return most[3] === 0 || most.every((value, channel) => value - (least[channel] ?? 0) <= NOISE);
}
