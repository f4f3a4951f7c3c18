export type Vector = readonly [number, number, number];
/** Three rows of three. */
export type Matrix = readonly [number, number, number, number, number, number, number, number, number];

export function transform([a, b, c, d, e, f, g, h, i]: Matrix, [x, y, z]: Vector): Vector {
  return [a * x + b * y + c * z, d * x + e * y + f * z, g * x + h * y + i * z];
}

/** The matrix that does what `second` does, and then what `first` does. */
export function multiply(first: Matrix, second: Matrix): Matrix {
  const [a, b, c, d, e, f, g, h, i] = second;
  const [p, s, v] = [transform(first, [a, d, g]), transform(first, [b, e, h]), transform(first, [c, f, i])];
  return [p[0], s[0], v[0], p[1], s[1], v[1], p[2], s[2], v[2]];
}

export function invert([a, b, c, d, e, f, g, h, i]: Matrix): Matrix {
  const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  const parts: Matrix = [
    e * i - f * h,
    c * h - b * i,
    b * f - c * e,
    f * g - d * i,
    a * i - c * g,
    c * d - a * f,
    d * h - e * g,
    b * g - a * h,
    a * e - b * d,
  ];
  return parts.map((part) => part / determinant) as unknown as Matrix;
}
