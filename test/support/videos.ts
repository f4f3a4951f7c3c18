import { spawn, spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Whether this machine has a program; tests that need it are passed over without. */
export function isInstalled(program: string): boolean {
  return spawnSync(program, ["-version"], { stdio: "ignore" }).error === undefined;
}

export const hasFfmpeg = isInstalled("ffmpeg") && isInstalled("ffprobe");
export const needsFfmpeg = hasFfmpeg ? "" : " (passed over: ffmpeg is not installed)";

const listed = (what: string) =>
  hasFfmpeg ? spawnSync("ffmpeg", ["-hide_banner", what], { encoding: "utf8" }).stdout : "";
const encoders = listed("-encoders");
export const hasEncoder = (name: string): boolean => encoders.includes(` ${name} `);

/** Runs ffmpeg as anybody would, in a folder. */
export async function bareFfmpeg(args: readonly string[], cwd: string): Promise<Buffer> {
  const child = spawn("ffmpeg", ["-v", "error", "-nostdin", "-y", ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  const chunks: Buffer[] = [];
  let complaints = "";
  child.stdout.on("data", (chunk) => chunks.push(chunk));
  child.stderr.on("data", (chunk) => {
    complaints += chunk;
  });
  const code = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  if (code !== 0) throw new Error(`ffmpeg ${args.join(" ")}: ${complaints}`);
  return Buffer.concat(chunks);
}

/** A colour that turns with the time, so that each frame tells where it stands; its first quarter is white, so that it has an up. */
export const turning = (size: string, seconds: number, rate = 30, more = "", degrees = 90): string =>
  `color=c=0xb04020:s=${size}:r=${rate}:d=${seconds},hue=h=${degrees}*t,drawbox=x=0:y=0:w=iw/4:h=ih:c=white:t=fill${more}`;

const x264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "15"];
const x265 = (parameters = "") => {
  const all = `log-level=error:keyint=15${parameters}`;
  return ["-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-x265-params", all];
};
const hdr = (transfer: string) => [
  ...x265(`:colorprim=bt2020:transfer=${transfer}:colormatrix=bt2020nc`),
  ...["-pix_fmt", "yuv420p10le"],
];
const from = (source: string) => ["-f", "lavfi", "-i", source];
const small = from(turning("320x180", 2));
/** Half of it is transparent. */
const halfTransparent = from(
  `${turning("320x180", 1, 10)},format=yuva444p,geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='255*gt(X,W/2)'`,
);
const coloured = (primaries: string) =>
  ["-color_primaries", primaries, "-color_trc", "bt709", "-colorspace", "bt709"].concat(x264);
const tone = from("sine=d=2");

/** How a sample is made: by arguments of ffmpeg behind which its name is put, or by a function. */
type Recipe = readonly string[] | ((folder: Videos) => Promise<Buffer>);

export type VideoName =
  | "h264.mp4"
  | "hevc.mp4"
  | "vp9.webm"
  | "av1.mp4"
  | "audio.mp4"
  | "quicktime.mov"
  | "3gp.3gp"
  | "matroska.mkv"
  | "avi.avi"
  | "transport.ts"
  | "program.mpg"
  | "no-length.webm"
  | "long-sound.mp4"
  | "late.mkv"
  | "raw.m1v"
  | "ycgco.mp4"
  | "turned-wide-pixels.mp4"
  | "rotated.mp4"
  | "portrait.mp4"
  | "wide-pixels.mp4"
  | "10-bit.mp4"
  | "pq.mp4"
  | "hlg.mp4"
  | "p3.mp4"
  | "bt2020.mp4"
  | "alpha.mov"
  | "alpha.webm"
  | "black-intro-alpha.mov"
  | "two-streams.mkv"
  | "one-key-frame.mp4"
  | "flash.flv"
  | "theora.ogv"
  | "windows.wmv"
  | "black-intro.mp4"
  | "black-intro-pq.mp4"
  | "all-black.mp4"
  | "one-frame.mp4"
  | "audio-alone.mp4"
  | "cover.mp4"
  | "cover.png"
  | "empty.mp4"
  | "no-frames.mp4"
  | "index-in-front.mp4"
  | "cut-index-in-front.mp4"
  | "cut-index-behind.mp4"
  | "variable-rate.mkv"
  | "4k.mp4"
  | "hour.mp4"
  | "slides.mp4"
  | "playlist.mp4"
  | "script.mp4"
  | "manifest.mp4"
  | "secret.ts"
  | "text.mp4";

const recipes: Readonly<Record<VideoName, Recipe>> = {
  "h264.mp4": [...small, ...x264],
  "hevc.mp4": [...small, ...x265(), "-pix_fmt", "yuv420p"],
  "vp9.webm": [...small, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "15"],
  "av1.mp4": [...from(turning("320x180", 1)), "-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime"],
  "audio.mp4": [...small, ...tone, ...x264, "-c:a", "aac"],
  "quicktime.mov": [...small, ...x264],
  "3gp.3gp": [...small, ...x264],
  "matroska.mkv": [...small, ...x264],
  "avi.avi": [...small, "-c:v", "mpeg4"],
  "transport.ts": [...small, ...x264],
  "program.mpg": [...small, "-c:v", "mpeg2video"],
  "no-length.webm": (videos) =>
    videos.ffmpeg([...small, "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-f", "webm", "pipe:1"]),
  "long-sound.mp4": [...small, ...from("sine=d=8"), ...x264, "-c:a", "aac"],
  "late.mkv": [
    ...["-itsoffset", "3", ...small, ...from("sine=d=6"), "-map", "0:v", "-map", "1:a"],
    ...[...x264, "-c:a", "aac"],
  ],
  "raw.m1v": [...small, "-c:v", "mpeg1video", "-f", "mpeg1video"],
  "ycgco.mp4": [...small, ...x264, "-colorspace", "ycgco"],
  "turned-wide-pixels.mp4": async (videos) => rotated(readFileSync(await videos.path("wide-pixels.mp4"))),
  "rotated.mp4": async (videos) => rotated(readFileSync(await videos.path("h264.mp4"))),
  "portrait.mp4": [...from(turning("180x320", 2)), ...x264],
  "wide-pixels.mp4": [...from(turning("320x180", 1, 30, ",setsar=4/3")), ...x264],
  "10-bit.mp4": [...small, ...x265(), "-pix_fmt", "yuv420p10le"],
  "pq.mp4": [...small, ...hdr("smpte2084")],
  "hlg.mp4": [...small, ...hdr("arib-std-b67")],
  // Not so deep that they are out of what sRGB has.
  "p3.mp4": [...from(turning("320x180", 2, 30, ",hue=s=0.5")), ...coloured("smpte432")],
  "bt2020.mp4": [...from(turning("320x180", 2, 30, ",hue=s=0.5")), ...coloured("bt2020")],
  "alpha.mov": [...halfTransparent, "-c:v", "prores_ks", "-pix_fmt", "yuva444p10le"],
  "alpha.webm": [...halfTransparent, "-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-deadline", "realtime"],
  "black-intro-alpha.mov": [
    ...halfTransparent,
    ...["-vf", "geq=lum='if(lt(T,0.49),0,lum(X,Y))':cb='if(lt(T,0.49),128,cb(X,Y))':cr='if(lt(T,0.49),128,cr(X,Y))'"],
    ...["-c:v", "prores_ks", "-pix_fmt", "yuva444p10le"],
  ],
  "two-streams.mkv": [
    ...[...from("color=blue:s=640x360:r=30:d=2"), ...small, "-map", "0", "-map", "1", ...x264],
    ...["-disposition:v:0", "0", "-disposition:v:1", "default"],
  ],
  // More than is decoded in one pass: what costs nothing to decode is as large.
  "one-key-frame.mp4": [...from(turning("1280x720", 200, 2, "", 1)), ...x264, "-g", "10000"],
  "flash.flv": [...small, ...x264],
  "theora.ogv": [...small, "-c:v", "libtheora"],
  "windows.wmv": [...small, "-c:v", "wmv2"],
  "black-intro.mp4": [...from(turning("320x180", 2, 30, ",drawbox=c=black:t=fill:enable='lt(t,0.99)'")), ...x264],
  "black-intro-pq.mp4": [
    // So dark that nothing can be seen of it, but only in PQ: as numbers it is as bright as a dark grey.
    ...from(turning("320x180", 1, 30, ",drawbox=c=0x202020:t=fill:enable='lt(t,0.49)'")),
    ...hdr("smpte2084"),
  ],
  "all-black.mp4": [...from("color=black:s=320x180:r=30:d=1"), ...x264],
  "one-frame.mp4": [...small, ...x264, "-frames:v", "1"],
  "audio-alone.mp4": [...tone, "-c:a", "aac"],
  "cover.mp4": async (videos) => {
    const [audio, cover] = [await videos.path("audio-alone.mp4"), await videos.path("cover.png")];
    const files = [
      "-i",
      audio,
      "-i",
      cover,
      "-map",
      "0",
      "-map",
      "1",
      "-c",
      "copy",
      "-disposition:v:0",
      "attached_pic",
    ];
    await videos.ffmpeg([...files, "with-cover.mp4"]);
    return readFileSync(join(videos.folder, "with-cover.mp4"));
  },
  "cover.png": [...small, "-frames:v", "1"],
  "empty.mp4": async () => Buffer.alloc(0),
  "no-frames.mp4": [...small, ...x264, "-frames:v", "0", "-movflags", "empty_moov"],
  "index-in-front.mp4": [...small, ...x264, "-movflags", "+faststart"],
  "cut-index-in-front.mp4": (videos) => videos.cut("index-in-front.mp4", 0.6),
  "cut-index-behind.mp4": (videos) => videos.cut("h264.mp4", 0.6),
  "variable-rate.mkv": [
    ...small,
    ...["-vf", "select='lt(n,10)+eq(n,20)+eq(n,50)+gte(n,58)'", "-vsync", "vfr"],
    ...x264,
  ],
  "4k.mp4": [...from(turning("3840x2160", 0.2, 25)), ...x264],
  "hour.mp4": [...from(turning("160x90", 3600, 1, "", 0.07)), ...x264],
  "slides.mp4": [...from(turning("320x180", 60, 0.1)), ...x264],
  "playlist.mp4": async (videos) =>
    Buffer.from(`#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n${await videos.path("secret.ts")}\n#EXT-X-ENDLIST\n`),
  "script.mp4": async (videos) => Buffer.from(`ffconcat version 1.0\nfile '${await videos.path("secret.ts")}'\n`),
  "manifest.mp4": async (videos) => {
    const url = `<BaseURL>file:${await videos.path("secret.ts")}</BaseURL>`;
    const set = `<AdaptationSet><Representation id="1" bandwidth="1">${url}</Representation></AdaptationSet>`;
    const type = 'type="static" mediaPresentationDuration="PT2S"';
    return Buffer.from(
      `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" ${type}><Period>${set}</Period></MPD>`,
    );
  },
  "secret.ts": [...small, ...x264],
  "text.mp4": async () => Buffer.from("This is no video.\n".repeat(100)),
};

/** Videos that ffmpeg makes when they are first asked for, in a folder of their own. */
export class Videos {
  readonly folder: string;
  readonly #made = new Map<string, Promise<string>>();

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(): Promise<Videos> {
    return new Videos(await mkdtemp(join(tmpdir(), "videos-")));
  }

  path(name: VideoName): Promise<string> {
    let made = this.#made.get(name);
    if (made === undefined) {
      made = this.#make(name);
      this.#made.set(name, made);
    }
    return made;
  }

  ffmpeg(args: readonly string[]): Promise<Buffer> {
    return bareFfmpeg(args, this.folder);
  }

  async cut(name: VideoName, part: number): Promise<Buffer> {
    const whole = readFileSync(await this.path(name));
    return whole.subarray(0, Math.floor(whole.length * part));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #make(name: VideoName): Promise<string> {
    const path = join(this.folder, name);
    const recipe: Recipe = recipes[name];
    if (typeof recipe === "function") writeFileSync(path, await recipe(this));
    else await this.ffmpeg([...recipe, name]);
    return path;
  }
}

/** The same MP4, to be shown turned by a quarter, clockwise: the matrix in its track header says so. */
function rotated(mp4: Buffer): Buffer {
  const copy = Buffer.from(mp4);
  const matrix = copy.indexOf("tkhd") + 44;
  const values = [0, 0x10000, 0, -0x10000, 0, 0, 180 * 0x10000, 0, 0x40000000];
  for (const [index, value] of values.entries()) copy.writeInt32BE(value, matrix + index * 4);
  return copy;
}
