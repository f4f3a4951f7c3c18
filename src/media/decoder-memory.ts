import type { SharpConstructor } from "./sharp.js";

/**
 * libvips keeps the last hundred operations of the process for whoever repeats one, and with them what their decoders hold:
 * all pixels of a GIF or an AVIF, all coefficients of a progressive JPEG. Of that memory its own limit knows nothing. Five
 * GIFs of 67 kB and 99 megapixels kept 2.1 GB for good.
 *
 * The cache belongs to the process, so it is not ours to turn off (`sharp.cache(false)` in an application does it). Instead
 * it is filled with small operations, as any work would fill it, when the memory has grown by more than that.
 */
const GROWTH_BYTES = 64 * 2 ** 20;

/** The least memory that the process had since the cache was last filled. */
let least = Number.POSITIVE_INFINITY;

/** Reading it takes 8 µs. */
const memory = () => process.memoryUsage.rss();

export function beforeDecoding(): void {
  least = Math.min(least, memory());
}

/** Lets go of what the decoder was holding, when that is much. Never rejects. */
export async function afterDecoding(sharp: SharpConstructor): Promise<void> {
  const now = memory();
  if (now - least <= GROWTH_BYTES) return;
  least = now; // others that find the same just now leave it to this one
  try {
    for (let left = CACHED_OPERATIONS; left > 0; left -= OPERATIONS) await someOperations(sharp);
  } catch {
    // Then it is let go when others take its place.
  }
  least = memory();
}

/** What sharp lets libvips keep, unless the application has told it otherwise. */
const CACHED_OPERATIONS = 100;
/** How many are kept of {@link someOperations}, at least. */
const OPERATIONS = 30;

/** On one pixel: 3 ms. It is a new one each time, so none of them is found in the cache. */
function someOperations(sharp: SharpConstructor): Promise<Buffer> {
  return sharp(Buffer.alloc(3), { raw: { width: 1, height: 1, channels: 3 } })
    .gamma()
    .negate()
    .linear(1.1, 1)
    .modulate({ brightness: 1.1, hue: 3 })
    .extend({ top: 1 })
    .tint("red")
    .raw()
    .toBuffer();
}
