import type { Chromaticities } from "./cicp.js";
import { invert, type Matrix, multiply, transform, type Vector } from "./matrix.js";

/** The white that profiles go by. */
export const D50: Vector = [0.9642, 1, 0.8249];
const BRADFORD: Matrix = [0.8951, 0.2664, -0.1614, -0.7502, 1.7135, 0.0367, 0.0389, -0.0685, 1.0296];

/** From red, green and blue light to XYZ, with white adapted to D50. */
export function toD50(primaries: Chromaticities): Matrix {
  const xyz = toXyz(primaries);
  const from = transform(BRADFORD, transform(xyz, [1, 1, 1]));
  const to = transform(BRADFORD, D50);
  const scale: Matrix = [to[0] / from[0], 0, 0, 0, to[1] / from[1], 0, 0, 0, to[2] / from[2]];
  return multiply(multiply(multiply(invert(BRADFORD), scale), BRADFORD), xyz);
}

function toXyz([rx, ry, gx, gy, bx, by, wx, wy]: Chromaticities): Matrix {
  const columns: Matrix = [rx, gx, bx, ry, gy, by, 1 - rx - ry, 1 - gx - gy, 1 - bx - by];
  const [red, green, blue] = transform(invert(columns), [wx / wy, 1, (1 - wx - wy) / wy]);
  return multiply(columns, [red, 0, 0, 0, green, 0, 0, 0, blue]);
}
