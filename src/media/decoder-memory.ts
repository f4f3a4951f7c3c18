import type { SharpConstructor } from "./sharp.js";

/**
 * libvips caches the last hundred operations of the process, and with them what their decoders hold: all pixels of a
 * GIF or an AVIF, all coefficients of a progressive JPEG. The cache's own limit does not count that memory: five GIFs
 * of 67 kB and 99 megapixels kept 2.1 GB for good.
 *
 * The cache belongs to the process, so this library may not turn it off (an application may, with
 * `sharp.cache(false)`). Instead, when the memory of the process has grown by more than this, the cache is filled with
 * small operations, which replace the large ones as any other work would.
 */
const GROWTH_BYTES = 64 * 2 ** 20;

/** The least memory that the process had since the cache was last filled. Per process, as the cache is. */
let least = Number.POSITIVE_INFINITY;

export function beforeDecoding(): void {
  least = Math.min(least, residentBytes() ?? least);
}

/** Fills the cache when the memory has grown. Never rejects. */
export async function afterDecoding(sharp: SharpConstructor): Promise<void> {
  const now = residentBytes() ?? 0;
  if (now - least <= GROWTH_BYTES) return;
  least = now; // another upload that gets here before the cache is filled need not fill it again
  try {
    for (let left = CACHED_OPERATIONS; left > 0; left -= OPERATIONS) await someOperations(sharp);
  } catch {
    // Later operations will replace what the cache holds.
  }
  least = residentBytes() ?? now;
}

/** Takes 8 µs. Node opens a file for it, which fails where all file descriptors are in use: then `undefined`. */
function residentBytes(): number | undefined {
  try {
    return process.memoryUsage.rss();
  } catch {
    return undefined;
  }
}

/** How many operations libvips caches by sharp's default. */
const CACHED_OPERATIONS = 100;
/** How many of them {@link someOperations} takes, at least. */
const OPERATIONS = 30;

/** On one pixel, in 3 ms. The buffer is a new one each time, so none of the operations is found in the cache. */
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
