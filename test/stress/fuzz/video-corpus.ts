import { readFileSync } from "node:fs";
import { turning, Videos } from "../../support/videos.js";
import type { Specimen } from "./corpus.js";

const SOURCE = ["-f", "lavfi", "-i", turning("96x54", 0.5, 12), "-f", "lavfi", "-i", "sine=d=0.5"];
const EXACT = ["-bitexact", "-threads", "1"];
const H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"];

/** How each is made; small, so that most changes touch what a demuxer or a decoder looks at. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  "h264.mp4": [...H264, "-movflags", "+faststart"],
  "index-behind.mp4": H264,
  "fragments.mp4": [...H264, "-movflags", "frag_keyframe+empty_moov"],
  "hevc.mov": ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:pools=1:frame-threads=1"],
  "h264.mkv": H264,
  "vp9.webm": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-an"],
  "mpeg4.avi": ["-c:v", "mpeg4"],
  "h264.ts": H264,
  "mpeg2.mpg": ["-c:v", "mpeg2video", "-r", "25"],
};

/** Small videos in every container that is let in. */
export async function createVideoCorpus(): Promise<readonly Specimen[]> {
  const videos = await Videos.create();
  try {
    const corpus: Specimen[] = [];
    for (const [name, coding] of Object.entries(KINDS)) {
      await videos.ffmpeg([...SOURCE, ...coding, ...EXACT, name]);
      corpus.push({ name, bytes: readFileSync(`${videos.folder}/${name}`) });
    }
    return corpus;
  } finally {
    videos.remove();
  }
}
