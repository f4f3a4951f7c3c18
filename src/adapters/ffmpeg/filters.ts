import { toSrgb } from "./colours.js";
import { type Colours, isHdr, liesOnItsSide, type VideoFacts } from "./facts.js";

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
 * To square pixels, no side longer than `maxSide`, never larger, and sRGB, with alpha where the frame has it. ffmpeg has turned it
 * upright before.
 *
 * @param facts of the video, where they are known
 */
export function toRgb(maxSide: number, facts: Pick<VideoFacts, "colours" | "rotation"> | undefined): readonly string[] {
  const scale = scaleTo(maxSide, facts !== undefined && liesOnItsSide(facts));
  const colours = facts?.colours;
  const conversion = colours === undefined ? [] : toSrgb(colours);
  if (colours === undefined || conversion.length === 0) return [scale, EIGHT_BITS];
  // Smaller first: then there is less to convert.
  return [`${scale}${missing(colours)}`, "format=rgb48le|rgba64le", ...conversion, EIGHT_BITS];
}

/** ffmpeg takes the one that loses nothing. */
const EIGHT_BITS = "format=rgb24|rgba";

/** Where pixels are not square, the width of what is coded is scaled: when that was turned, it is the height by now. */
function scaleTo(maxSide: number, wasTurned: boolean): string {
  const [width, height] = wasTurned ? ["iw", "ih/sar"] : ["iw*sar", "ih"];
  const factor = `min(1,${Math.max(1, Math.floor(maxSide))}/max(${width},${height}))`;
  return `scale=w='max(1,round(${width}*${factor}))':h='max(1,round(${height}*${factor}))'`;
}

/** What is converted and does not tell its matrix has that of BT.2020, if it is HDR. */
function missing(colours: Colours): string {
  return colours.matrix === undefined && isHdr(colours) ? ":in_color_matrix=bt2020" : "";
}
