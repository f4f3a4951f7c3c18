import { packageLoader } from "../load-package.js";
import type { Sharp } from "./sharp.js";

/** It is an ES module, which a dynamic import also loads from CommonJS. */
const loadThumbhash = packageLoader({
  name: "thumbhash",
  load: () => import("thumbhash"),
  advice: 'Install it with "npm install thumbhash"',
});

/**
 * The ThumbHash of an opaque image of at most 100 pixels a side, in base64: some 25 bytes, from which a browser makes a blurred
 * picture to show while the real one is loaded.
 */
export async function makePlaceholder(image: Sharp): Promise<string> {
  const { rgbaToThumbHash } = await loadThumbhash();
  const { data, info } = await image.toColourspace("srgb").ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  return Buffer.from(rgbaToThumbHash(info.width, info.height, toRgba(data, info.channels))).toString("base64");
}

/** A grey image has one channel, and its alpha. */
function toRgba(pixels: Uint8Array, channels: number): Uint8Array {
  if (channels === 4) return pixels;
  const rgba = new Uint8Array(4 * (pixels.length / channels));
  for (let at = 0; at < rgba.length; at += 4) {
    const grey = pixels[(at / 4) * channels] ?? 0;
    rgba.set([grey, grey, grey, 255], at);
  }
  return rgba;
}
