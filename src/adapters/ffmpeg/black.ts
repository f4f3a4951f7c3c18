import { BLACK_PERCENT } from "./filters.js";
import type { Picture } from "./pam.js";

/** Of 255. What `blackframe` calls black, a luma below 32 where black is 16, in RGB. */
const DARKEST = 19;

/** Whether nothing can be seen on it, as the filter `blackframe` judges: by the colours, whatever their alpha is. */
export function isBlack({ pixels, channels }: Picture): boolean {
  const mostLight = (pixels.length / channels) * (1 - BLACK_PERCENT / 100);
  let light = 0;
  for (let at = 0; at < pixels.length; at += channels) {
    const luma = 0.299 * (pixels[at] ?? 0) + 0.587 * (pixels[at + 1] ?? 0) + 0.114 * (pixels[at + 2] ?? 0);
    // A frame that is not black is told by a small part of it.
    if (luma >= DARKEST && ++light > mostLight) return false;
  }
  return true;
}
