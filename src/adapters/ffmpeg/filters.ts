import { type Colours, isHdr } from "./facts.js";

/** Lets the first frame through and ends there, so that the next one is not decoded and scaled in vain. */
export const ONE_FRAME = "trim=end_frame=1";

/** Writes where each frame stands to stderr. */
export const TELL_TIME = "showinfo";

/** For a single frame: without that, ffmpeg fills the time before it with copies. */
export const FROM_ZERO = "setpts=PTS-STARTPTS";

/** Of the darkest pixels, in per cent of the frame: from that on it is called black. */
export const BLACK_PERCENT = 98;

/** Passes what is not black; it looks at the frame in eight bits. */
export const NOT_BLACK = `blackframe=amount=0,metadata=select:key=lavfi.blackframe.pblack:value=${BLACK_PERCENT}:function=less`;

/**
 * To square pixels, no side longer than `maxSide`, never larger, and RGB. ffmpeg has turned the frame upright before.
 *
 * @param colours of the video, where they are known
 */
export function toRgb(maxSide: number, colours: Colours | undefined): readonly string[] {
  const scale = scaleTo(maxSide);
  if (colours === undefined || !isHdr(colours)) return [scale, "format=rgb24"];
  return [
    // Smaller first: the rest is done with floating point.
    scale,
    `zscale=t=linear:npl=100${missing(colours)}`,
    "format=gbrpf32le",
    "zscale=p=bt709",
    "tonemap=tonemap=hable:desat=0",
    "zscale=t=bt709:m=bt709:r=tv",
    "format=rgb24",
  ];
}

function scaleTo(maxSide: number): string {
  const factor = `min(1,${Math.max(1, Math.floor(maxSide))}/max(iw*sar,ih))`;
  return `scale=w='max(1,round(iw*sar*${factor}))':h='max(1,round(ih*${factor}))'`;
}

/** zscale refuses what it is not told: PQ and HLG come with BT.2020. */
function missing({ matrix, primaries }: Colours): string {
  return (matrix === undefined ? ":min=bt2020nc" : "") + (primaries === undefined ? ":pin=bt2020" : "");
}
