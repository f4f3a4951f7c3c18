import { describe, expect, it } from "vitest";
import { reduce } from "../../src/adapters/heic/reduce.js";
import { toSrgb } from "../../src/adapters/heic/to-srgb.js";
import { colourSpaceOf, SRGB_PRIMARIES } from "../../src/media/colours/cicp.js";
import { invert, transform, type Vector } from "../../src/media/colours/matrix.js";
import { toD50 } from "../../src/media/colours/primaries.js";

const lightOf = (share: number) => (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
const curve = (light: number) => (light <= 0.0031308 ? light * 12.92 : 1.055 * light ** (1 / 2.4) - 0.055);

/** Colours all over the gamut, and none that are near to black, where a step of light is many of the curve. */
const COLOURS = [60, 120, 180, 255].flatMap((red) =>
  [60, 120, 180, 255].flatMap((green) => [60, 120, 180, 255].map((blue) => [red, green, blue] as const)),
);

describe("toSrgb", () => {
  it.each([
    ["Display P3", "p3", undefined, 12],
    ["BT.2020", "bt2020", undefined, 9],
    ["BT.2020 in the power 2.2", "bt2020", 2.2, 9],
    ["linear light in sRGB's own colours", undefined, 1, 1],
  ] as const)("%s becomes what its primaries say", (_, gamut, exponent, primaries) => {
    const space = colourSpaceOf(primaries, 13);
    const from = toD50(space === null || space === "unknown" ? SRGB_PRIMARIES : space.primaries);
    const pixels = Uint8Array.from(COLOURS.flat());
    toSrgb({ pixels, width: COLOURS.length, height: 1, channels: 3 }, gamut, exponent);
    COLOURS.forEach((colour, index) => {
      const light = colour.map((value) =>
        (exponent === undefined ? lightOf : (v: number) => v ** exponent)(value / 255),
      );
      const srgb = transform(invert(toD50(SRGB_PRIMARIES)), transform(from, light as unknown as Vector));
      srgb.forEach((channel, at) => {
        const expected = 255 * curve(Math.min(1, Math.max(0, channel)));
        const actual = pixels[3 * index + at] ?? 0;
        expect(Math.abs(actual - expected), `${colour}: ${actual} instead of ${expected}`).toBeLessThan(3);
      });
    });
  });
});

describe("reduce", () => {
  const picture = { stride: 4 * 4, width: 4, height: 2, channels: 4 } as const;
  const half = Uint8Array.from({ length: 32 }, (_, at) => [50, 100, 25, 128][at % 4] ?? 0);

  it.each([4, 2])("takes colours that are multiplied by alpha apart, at %i pixels a side", (maxSide) => {
    const { pixels, width } = reduce({ ...picture, data: half, premultiplied: true }, maxSide);
    expect(width).toBe(maxSide);
    expect([...pixels.subarray(0, 4)]).toEqual([100, 199, 50, 128]);
  });

  it.each([4, 2])("leaves others as they are, at %i pixels a side", (maxSide) => {
    const { pixels } = reduce({ ...picture, data: half, premultiplied: false }, maxSide);
    expect([...pixels.subarray(0, 4)]).toEqual([50, 100, 25, 128]);
  });
});
