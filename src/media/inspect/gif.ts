import type { ByteSource } from "../headers/byte-source.js";
import { fillsCanvas, withTransparency } from "../headers/gif-canvas.js";
import { PIXEL_LIMITS } from "../pixel-limits.js";
import type { Inspection } from "./inspection.js";

export async function inspectGif(source: ByteSource): Promise<Inspection> {
  const rewrite = (await fillsCanvas(source)) ? undefined : withTransparency;
  return { coding: "GIF", limitPixels: PIXEL_LIMITS.gif, mayHaveFrames: true, rewrite };
}
