import type { LabPixels } from "./lab.js";

/** How lightness changes from pixel to pixel. Zero along the border, which has a neighbour on one side only. */
export interface Gradients {
  /** In steps of lightness a pixel. */
  readonly strength: Float32Array;
  /** Of the edge, not of its contrast: 0 to π. */
  readonly direction: Float32Array;
}

export function gradientsOf({ lightness, width, height }: LabPixels): Gradients {
  const strength = new Float32Array(width * height);
  const direction = new Float32Array(width * height);
  const at = (pixel: number) => lightness[pixel] as number;
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const pixel = y * width + x;
      const across = (at(pixel + 1) - at(pixel - 1)) / 2;
      const down = (at(pixel + width) - at(pixel - width)) / 2;
      strength[pixel] = Math.hypot(across, down);
      const angle = Math.atan2(down, across);
      direction[pixel] = angle < 0 ? angle + Math.PI : angle;
    }
  }
  return { strength, direction };
}
