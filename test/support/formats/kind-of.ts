import type { Kind, Shown } from "./kinds.js";

type Make = Kind["make"];
type More = Pick<Kind, "tolerance" | "background">;

/** Makers of rows: those of one group. */
export function rowsOf(group: string) {
  return {
    shown: (name: string, make: Make, shows: Shown, more: More = {}): Kind => ({
      group,
      name,
      make,
      outcome: "completed",
      shows,
      ...more,
    }),
    refused: (name: string, make: Make, why: RegExp, outcome = "UNSUPPORTED_MEDIA", more: More = {}): Kind => ({
      group,
      name,
      make,
      outcome,
      shows: why,
      ...more,
    }),
  };
}

const size = { width: 320, height: 213 };
/** `convert base.png -format "%[fx:255*mean.r] %[fx:255*mean.g] %[fx:255*mean.b]" info:` */
export const BASE: Shown = { ...size, mean: [158.1, 85.4, 50.8], by: "ImageMagick", decoder: "convert" };
/** The same, where the program does not read the file as this library does. */
export const AS_BASE: Shown = { ...size, mean: BASE.mean, by: "ImageMagick, of base.png" };
export const GREY: Shown = { ...BASE, mean: [103.2, 103.2, 103.2] };
/** `convert FILE -background white -flatten …`, with alpha from nothing at the left to full at the right. */
export const GREY_ON_WHITE: Shown = { ...BASE, mean: [181.4, 181.4, 181.4] };
export const RGB_ON_WHITE: Shown = { ...BASE, mean: [209.5, 172.4, 154.1] };
/**
 * `ffmpeg -i base.png -vf "format=gbrp16le,setparams=color_primaries=smpte432:color_trc=iec61966-2-1:colorspace=gbr:range=pc,
 * zscale=p=bt709:t=iec61966-2-1:r=pc,format=rgb24"`
 */
export const FROM_P3: Shown = { ...size, mean: [168.5, 78.2, 38.9], by: "zscale" };
/** The same with `color_primaries=bt2020`. */
export const FROM_BT2020: Shown = { ...size, mean: [186.5, 67.8, 37.9], by: "zscale" };
