import { spawn } from "node:child_process";
import { copyFile, mkdtemp, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pLimit from "p-limit";
import type { MediaDecoder } from "../../src/index.js";
import { bareFfmpeg, hasFfmpeg } from "../support/videos.js";
import { ai } from "./idle-adapters.js";
import { ffmpeg } from "./library.js";
import { examplePhoto } from "./photos.js";
import { DECODERS, processFiles } from "./process-files.js";
import type { Benchmark } from "./report.js";
import { interleave, median, ratio, timeOf } from "./rounds.js";

const VIDEOS = 12;

/** A photograph that moves, 1080p: a camera's bit rate and detail. */
async function makeVideos(folder: string): Promise<readonly string[]> {
  const pan = "scale=2400:-2,crop=1920:1080:x='t*40':y='t*20',fps=30";
  const input = ["-loop", "1", "-t", "4", "-i", examplePhoto("hubble.jpg"), "-f", "lavfi", "-i", "sine=d=4"];
  const coding = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-b:v", "12M", "-c:a", "aac"];
  await bareFfmpeg([...input, "-vf", pan, ...coding, "-movflags", "+faststart", "video.mp4"], folder);
  const copies = Array.from({ length: VIDEOS }, (_, index) => join(folder, `${index}.mp4`));
  await Promise.all(copies.map((copy) => copyFile(join(folder, "video.mp4"), copy)));
  return copies;
}

/** Whether a thumbnail of a video costs more than the process of ffmpeg that it needs. Passed over where ffmpeg is missing. */
export const video: Benchmark = async ({ quick }) => {
  if (!hasFfmpeg) return [];
  const folder = await mkdtemp(join(tmpdir(), "upload-processor-bench-"));
  try {
    const paths = await makeVideos(folder);
    // One for all rounds, as a process has it: it asks ffmpeg for its version once.
    const decoder = ffmpeg();
    const sides = {
      library: async () => {
        await touch(paths);
        return timeOf(() => byLibrary(paths, decoder));
      },
      bare: () => timeOf(() => byFfmpeg(paths)),
    };
    await interleave(1, sides); // to warm up
    const times = await interleave(quick ? 3 : 9, sides);
    return [
      {
        name: "thumbnails of 1080p videos",
        library: perSecond(times.library),
        bare: perSecond(times.bare),
        ...{ measured: ratio(times.bare, times.library), unit: "×", target: { atLeast: 0.95 } },
      },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** Of a file that was decoded just before, the decoder knows the facts. */
async function touch(paths: readonly string[]): Promise<void> {
  const now = new Date();
  await Promise.all(paths.map((path) => utimes(path, now, now)));
}

async function byLibrary(paths: readonly string[], decoder: MediaDecoder): Promise<void> {
  const written = await processFiles(paths, ai, { decoders: [decoder] });
  if (written !== VIDEOS) throw new Error(`video thumbnails: expected ${VIDEOS}, got ${written}`);
}

/** The command that anybody would write for the same thumbnail, as many at once: the first frame that is not black, as JPEG. */
async function byFfmpeg(paths: readonly string[]): Promise<void> {
  const limit = pLimit(DECODERS);
  const visible = "blackframe=amount=0,metadata=select:key=lavfi.blackframe.pblack:value=98:function=less";
  const scale = "scale=256:256:force_original_aspect_ratio=decrease";
  const output = ["-frames:v", "1", "-c:v", "mjpeg", "-q:v", "3", "-f", "image2pipe", "pipe:1"];
  const make = async (path: string) => {
    const input = ["-v", "error", "-nostdin", "-threads", "1", "-i", path, "-vf", `${visible},${scale}`];
    const child = spawn("ffmpeg", [...input, ...output], { stdio: ["ignore", "pipe", "ignore"] });
    let bytes = 0;
    child.stdout.on("data", (chunk) => {
      bytes += chunk.length;
    });
    const code = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
    if (code !== 0 || bytes === 0) throw new Error(`ffmpeg ended with ${code}`);
  };
  await Promise.all(paths.map((path) => limit(make, path)));
}

function perSecond(times: readonly number[]): string {
  return `${(VIDEOS / (median(times) / 1000)).toFixed(1)}/s`;
}
