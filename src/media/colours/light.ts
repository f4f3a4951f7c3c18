import type { Transfer } from "./cicp.js";

/** Where HDR has white paper (ITU-R BT.2408), in candela per square metre: it becomes the white of sRGB. */
const WHITE = 203;
/** The brightest that is expected of HDR, as the monitors are that it is made on. */
const PEAK = 1000;

/** From samples to light, both from 0 to 1. What is brighter than white is brought under it. */
export function lightOf(transfer: Transfer): (sample: number) => number {
  switch (transfer.kind) {
    case "srgb":
      return srgbLight;
    case "gamma":
      return (sample) => sample ** transfer.exponent;
    case "pq":
      return toneMapped;
    case "hlg":
      return (sample) => toneMapped(pqSample(hlgLight(sample)));
  }
}

const srgbLight = (sample: number) => (sample <= 0.04045 ? sample / 12.92 : ((sample + 0.055) / 1.055) ** 2.4);

/** The curve of ITU-R BT.2390: straight up to a knee, from there a spline that ends at white where light is at its peak. */
function toneMapped(sample: number): number {
  const peak = pqSample(PEAK);
  const most = pqSample(WHITE) / peak;
  const knee = 1.5 * most - 0.5;
  const value = Math.min(1, sample / peak);
  if (value < knee) return pqLight(value * peak) / WHITE;
  const t = (value - knee) / (1 - knee);
  const [t2, t3] = [t ** 2, t ** 3];
  const spline = (2 * t3 - 3 * t2 + 1) * knee + (t3 - 2 * t2 + t) * (1 - knee) + (3 * t2 - 2 * t3) * most;
  return pqLight(spline * peak) / WHITE;
}

const [M1, M2] = [2610 / 16384, 2523 / 32] as const;
const [C1, C2, C3] = [3424 / 4096, 2413 / 128, 2392 / 128] as const;

/** In candela per square metre (SMPTE ST 2084). */
function pqLight(sample: number): number {
  const power = sample ** (1 / M2);
  return 10_000 * (Math.max(power - C1, 0) / (C2 - C3 * power)) ** (1 / M1);
}

function pqSample(light: number): number {
  const power = (light / 10_000) ** M1;
  return ((C1 + C2 * power) / (1 + C3 * power)) ** M2;
}

/** In candela per square metre, on a display of that peak (ITU-R BT.2100). Its contrast is given to each channel by itself. */
function hlgLight(sample: number): number {
  const a = 0.17883277;
  const b = 1 - 4 * a;
  const c = 0.5 - a * Math.log(4 * a);
  const scene = sample <= 0.5 ? sample ** 2 / 3 : (Math.exp((sample - c) / a) + b) / 12;
  return PEAK * scene ** 1.2;
}
