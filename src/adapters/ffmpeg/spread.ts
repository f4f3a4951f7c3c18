import type { Task } from "./arguments.js";
import type { Span, VideoFacts } from "./facts.js";
import { ONE_FRAME, TELL_TIME } from "./filters.js";

type Work = Pick<Task, "input" | "filters" | "frames">;

/** Where there are pictures, and for how long, in seconds. */
export type Spread = Span & { readonly length: number };

/** The middles of as many equal parts of a video, in seconds. */
export function momentsOf({ start, length }: Spread, count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => start + ((index + 0.5) * length) / count);
}

/**
 * What it costs to start ffmpeg and open the file, in pixels that it would decode in that time; and to decode from the key frame
 * before a moment up to that, in seconds of the video. Ten frames of 12 s at 1080p: ten seeks 3.0 s, one pass 1.0 s.
 */
const START_PIXELS = 110e6;
const BEHIND_KEY_FRAME_SECONDS = 0.75;
/** More is not decoded in one pass, however many frames are wanted of it: about ten seconds of work. */
const MOST_PASS_PIXELS = 3e9;

/** Whether all frames are taken while the whole video is decoded once, or each by a seek of its own. */
export function isOnePass(facts: VideoFacts, { length }: Spread, count: number): boolean {
  const { codedWidth, codedHeight, frameRate = 30 } = facts;
  const each = codedWidth * codedHeight * frameRate;
  const pass = length * each;
  return pass <= MOST_PASS_PIXELS && pass <= count * (START_PIXELS + BEHIND_KEY_FRAME_SECONDS * each);
}

/**
 * The frames that are shown at {@link momentsOf}, but for the first `from` of them. `fps` takes for its n-th frame the last one before
 * the middle of the n-th part, as it rounds to the nearest; a frame that lasts longer is repeated.
 */
export function onePass({ start, length }: Spread, count: number, rgb: readonly string[], from = 0): Work {
  const rate = `${count * 1000}/${Math.max(1, Math.round(length * 1000))}`;
  // Behind a seek, times count from there.
  const before = from === 0 ? Math.round(start * 90_000) : 0;
  return {
    input: from === 0 ? [] : seek(start + (from * length) / count),
    // Two milliseconds earlier, so that a frame which begins at the very moment counts as shown.
    filters: ["settb=expr=1/90000", `setpts=PTS-${before + 180}`, `fps=fps=${rate}:start_time=0`, ...rgb],
    frames: count - from,
  };
}

/**
 * The frame that is shown at a moment: what is decoded from the key frame before it has times below 0, and `fps` takes the last of
 * these. (An accurate seek takes the next one, which in a slide show is another picture, or none.)
 */
export function seekTo(seconds: number, rgb: readonly string[]): Work {
  return {
    input: seek(seconds),
    filters: [TELL_TIME, "fps=fps=100:start_time=0", ONE_FRAME, ...rgb],
    frames: 1,
  };
}

/** Begins at the key frame before. */
const seek = (seconds: number) => ["-noaccurate_seek", "-ss", seconds.toFixed(3)];

/**
 * Whether more was decoded for a frame than lies between two of them, by the times that {@link seekTo} tells: there are so few key
 * frames that the next seek would decode the same once more.
 */
export function isBehindOthers([first = 0]: readonly number[], { length }: Spread, count: number): boolean {
  return -first > length / count;
}
