import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ffmpeg } from "../../src/adapters/ffmpeg.js";
import { UploadError } from "../../src/index.js";
import { colourSpaceOf, SRGB_PRIMARIES } from "../../src/media/colours/cicp.js";
import { lightOf } from "../../src/media/colours/light.js";
import { invert, multiply, transform } from "../../src/media/colours/matrix.js";
import { toD50 } from "../../src/media/colours/primaries.js";
import { childProcesses } from "../support/child-processes.js";
import { type Colour, distance, framesOf, meanOf } from "../support/frames.js";
import { bareFfmpeg, hasEncoder, hasFfmpeg, needsFfmpeg, type VideoName, Videos } from "../support/videos.js";

const page = readFileSync(new URL("../../src/adapters/video.md", import.meta.url), "utf8");
/** Of each row of the table the cells behind the first. */
const rows = new Map([...page.matchAll(/^\| ([^|]+) \| (.+) \|$/gm)].map(([, name = "", cells = ""]) => [name, cells]));

/** The rows of the table, in its order, and what is needed to make the file. */
const KINDS: readonly (readonly [row: string, name: VideoName, encoder?: string])[] = [
  ["H.264 in MP4", "h264.mp4"],
  ["HEVC in MP4", "hevc.mp4", "libx265"],
  ["VP9 in WebM", "vp9.webm", "libvpx-vp9"],
  ["AV1 in MP4", "av1.mp4", "libaom-av1"],
  ["QuickTime", "quicktime.mov"],
  ["3GP", "3gp.3gp"],
  ["Matroska", "matroska.mkv"],
  ["AVI (MPEG-4)", "avi.avi"],
  ["MPEG transport stream", "transport.ts"],
  ["MPEG program stream (MPEG-2)", "program.mpg"],
  ["with sound", "audio.mp4"],
  ["with sound that is longer", "long-sound.mp4"],
  ["with sound that begins earlier", "late.mkv"],
  ["a raw stream (MPEG-1)", "raw.m1v"],
  ["without a length, as browsers record WebM", "no-length.webm", "libvpx"],
  ["turned by a quarter by its display matrix", "rotated.mp4"],
  ["portrait", "portrait.mp4"],
  ["pixels that are not square (4:3)", "wide-pixels.mp4"],
  ["pixels that are not square, turned by a quarter", "turned-wide-pixels.mp4"],
  ["10-bit", "10-bit.mp4", "libx265"],
  ["HDR, PQ", "pq.mp4", "libx265"],
  ["HDR, HLG", "hlg.mp4", "libx265"],
  ["Display P3", "p3.mp4"],
  ["BT.2020, not HDR", "bt2020.mp4"],
  ["YCgCo", "ycgco.mp4"],
  ["transparent, ProRes 4444", "alpha.mov"],
  ["transparent, VP9 in WebM", "alpha.webm", "libvpx-vp9"],
  ["several video streams", "two-streams.mkv"],
  ["a second of black first", "black-intro.mp4"],
  ["half a second of black first, in PQ", "black-intro-pq.mp4", "libx265"],
  ["all black", "all-black.mp4"],
  ["one frame", "one-frame.mp4"],
  ["variable frame rate", "variable-rate.mkv"],
  ["4K", "4k.mp4"],
  ["an hour", "hour.mp4"],
  ["slides of ten seconds", "slides.mp4"],
  ["cut off, its index in front", "cut-index-in-front.mp4"],
  ["cut off, its index behind", "cut-index-behind.mp4"],
  ["no bytes", "empty.mp4"],
  ["no frames", "no-frames.mp4"],
  ["audio alone", "audio-alone.mp4"],
  ["audio with a cover picture", "cover.mp4"],
  ["a playlist (M3U8) named .mp4", "playlist.mp4"],
  ["a script (ffconcat) named .mp4", "script.mp4"],
  ["a manifest (DASH) named .mp4", "manifest.mp4"],
  ["text named .mp4", "text.mp4"],
  ["Flash (FLV)", "flash.flv"],
  ["Ogg (Theora)", "theora.ogv", "libtheora"],
  ["Windows Media (WMV)", "windows.wmv"],
];

const SIDE = 160;
/** Of 255. */
const NEAR = 3;

let videos: Videos;
beforeAll(async () => {
  videos = await Videos.create();
});
afterAll(() => videos.remove());
afterEach(() => expect(childProcesses()).toEqual([]));

const decoder = ffmpeg();
const signal = new AbortController().signal;
const rounded = (value: number | undefined) => (value === undefined ? "" : String(Math.round(value * 10) / 10));

/** A row as it should be, by what becomes of the file. */
async function cellsOf(path: string): Promise<string> {
  try {
    // A decoder of its own, so that ffprobe is asked.
    const probe = await ffmpeg().probe?.({ path }, { signal });
    const [frame] = await framesOf(decoder, path, { maxSide: SIDE });
    const { codec, width, height, durationSeconds, hdr } = probe ?? {};
    const size = `${width} × ${height}`;
    const length = durationSeconds === undefined ? "not told" : `${rounded(durationSeconds)} s`;
    return `shown | \`${codec}\`${hdr === true ? ", HDR" : ""} | ${size} | ${length} | ${rounded(frame?.timeSeconds)} s`;
  } catch (error) {
    if (!UploadError.isInstance(error)) throw error;
    return `\`${error.code}\` | | | |`;
  }
}

/** Of H.273, of those that are not shown as they are. */
const COLOURS: { readonly [Name in VideoName]?: readonly [primaries: number, transfer: number] } = {
  "pq.mp4": [9, 16],
  "hlg.mp4": [9, 18],
  "black-intro-pq.mp4": [9, 16],
  "p3.mp4": [12, 1],
  "bt2020.mp4": [9, 1],
};

/** The frame that is shown at a time, of all that ffmpeg decodes, in full size: its mean colour. */
async function reference(name: VideoName, seconds: number, width: number, height: number): Promise<Colour> {
  const path = await videos.path(name);
  const filters = `select='lte(t,${seconds + 0.0006})',scale=flags=accurate_rnd+full_chroma_int,format=rgb48le`;
  // Of a long one it is enough to begin behind the frame before.
  const begin = Math.max(0, seconds - 15);
  const range = [
    "-copyts",
    "-start_at_zero",
    ...(begin > 0 ? ["-ss", String(begin)] : []),
    "-to",
    String(seconds + 0.3),
  ];
  const args = [...range, "-i", path, "-map", name === "two-streams.mkv" ? "0:V:1" : "0:V:0", "-vf", filters];
  const all = await bareFfmpeg([...args, "-vsync", "0", "-f", "rawvideo", "pipe:1"], videos.folder);
  const length = width * height * 3;
  const samples = new Uint16Array(all.buffer, all.byteOffset + all.length - 2 * length, length);
  const pixels = inSrgb(samples, ...(COLOURS[name] ?? [1, 1]));
  return meanOf({ pixels, width, height, channels: 3 });
}

/** As images of these colours are shown. */
function inSrgb(samples: Uint16Array, primaries: number, transfer: number): Uint8Array {
  const space = colourSpaceOf(primaries, transfer);
  if (space === null || space === "unknown") return Uint8Array.from(samples, (sample) => Math.round(sample / 257));
  const light = lightOf(space.transfer);
  const lights = Float64Array.from({ length: 65_536 }, (_, sample) => light(sample / 65_535));
  const matrix = multiply(invert(toD50(SRGB_PRIMARIES)), toD50(space.primaries));
  const pixels = new Uint8ClampedArray(samples.length);
  for (let at = 0; at < samples.length; at += 3) {
    const [red = 0, green = 0, blue = 0] = [...samples.subarray(at, at + 3)].map((sample) => lights[sample]);
    for (const [channel, value] of transform(matrix, [red, green, blue]).entries())
      pixels[at + channel] = 255 * (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055);
  }
  return new Uint8Array(pixels.buffer);
}

describe.skipIf(!hasFfmpeg)(`what becomes of a video${needsFfmpeg}`, () => {
  test("the page has a row for each kind, and no other", () => {
    const told = [...rows.keys()].filter((name) => name !== "video" && !name.startsWith("---"));
    expect(told).toEqual(KINDS.map(([row]) => row));
  });

  for (const [row, name, encoder] of KINDS)
    test.skipIf(encoder !== undefined && !hasEncoder(encoder))(`${row}: as the page says`, async () => {
      const [cells, told = ""] = [await cellsOf(await videos.path(name)), rows.get(row)];
      // What a script or a playlist is taken for depends on the version of ffmpeg.
      if (told.includes(" or ")) expect(told.split(/ (?:or|\|) ?/)).toContain(cells.split(" ", 1)[0]);
      else expect(cells).toBe(told);
    });

  const shown = KINDS.filter(([row]) => rows.get(row)?.startsWith("shown"));
  for (const [row, name, encoder] of shown)
    test.skipIf(encoder !== undefined && !hasEncoder(encoder))(
      `${row}: sizes, times and colours are right`,
      async () => {
        const path = await videos.path(name);
        const probe = (await decoder.probe?.({ path }, { signal })) ?? {};
        const { width = 0, height = 0 } = probe;
        // What it is coded as, upright; only the samples with pixels that are not square differ from what is shown.
        const codedWidth = name === "wide-pixels.mp4" ? 320 : width;
        const codedHeight = name === "turned-wide-pixels.mp4" ? 320 : height;
        const thumbnails = await framesOf(decoder, path, { maxSide: SIDE });
        const many = await framesOf(decoder, path, { purpose: "vision", max: 3, maxSide: SIDE });
        expect(thumbnails).toHaveLength(1);
        expect(many.length).toBeGreaterThan(0);
        for (const frame of [...thumbnails, ...many]) {
          expect(Math.max(frame.width, frame.height)).toBe(SIDE);
          expect(frame.width / frame.height).toBeCloseTo(width / height, 1);
          const expected = await reference(name, frame.timeSeconds, codedWidth, codedHeight);
          expect(distance(await meanOf(frame), expected), `at ${frame.timeSeconds} s`).toBeLessThan(NEAR);
        }
      },
    );

  test("what ffprobe tells and what ffmpeg tells is the same", async () => {
    for (const [row, name, encoder] of shown) {
      if (encoder !== undefined && !hasEncoder(encoder)) continue;
      const path = await videos.path(name);
      const [byFfprobe, byFfmpeg] = [ffmpeg(), ffmpeg({ ffprobePath: "/there/is/none" })];
      await framesOf(byFfmpeg, path);
      expect(await byFfmpeg.probe?.({ path }, { signal }), row).toEqual(await byFfprobe.probe?.({ path }, { signal }));
    }
  });
});

describe.skipIf(!hasFfmpeg)(`frames of a video${needsFfmpeg}`, () => {
  const timesOf = async (name: VideoName, max: number) => {
    const frames = await framesOf(decoder, await videos.path(name), { purpose: "vision", max, maxSide: 64 });
    return frames.map(({ timeSeconds }) => timeSeconds);
  };

  test("stand in the middles of equal parts of a short one", async () => {
    expect(await timesOf("h264.mp4", 4)).toEqual([0.25, 0.75, 1.25, 1.75]);
  });

  test("and of one of an hour", async () => {
    expect(await timesOf("hour.mp4", 4)).toEqual([450, 1350, 2250, 3150]);
  });

  test("of one that does not say how long it is", async () => {
    // It is read through to its last frame, which begins a thirtieth before the end.
    const times = await timesOf("no-length.webm", 4);
    expect(times).toHaveLength(4);
    for (const [index, time] of times.entries()) expect(Math.abs(time - (0.25 + index / 2))).toBeLessThan(0.05);
  });

  test("where the sound is longer, or begins earlier, they are spread over the picture", async () => {
    expect(await timesOf("long-sound.mp4", 4)).toEqual([0.25, 0.75, 1.25, 1.75]);
    const late = await timesOf("late.mkv", 4);
    expect(late.map((time) => Math.round(time * 10) / 10)).toEqual([3.3, 3.8, 4.3, 4.8]);
    // Also where ffmpeg has told of it before, with the thumbnail.
    const [path, known] = [await videos.path("long-sound.mp4"), ffmpeg()];
    await framesOf(known, path);
    expect(await framesOf(known, path, { purpose: "vision", max: 4, maxSide: 64 })).toHaveLength(4);
  });

  test("as a picture it is as large as it is told to be", async () => {
    for (const name of ["wide-pixels.mp4", "turned-wide-pixels.mp4"] as const) {
      const path = await videos.path(name);
      const { width, height } = (await ffmpeg().probe?.({ path }, { signal })) ?? {};
      for (const purpose of ["thumbnail", "vision"] as const)
        expect((await framesOf(ffmpeg(), path, { maxSide: 1000, purpose, max: 1 }))[0]).toMatchObject({
          width,
          height,
        });
    }
  });

  test("of colours that are not converted there are none", async () => {
    const path = await videos.path("ycgco.mp4");
    for (const purpose of ["thumbnail", "vision"] as const)
      await expect(framesOf(ffmpeg(), path, { purpose })).rejects.toMatchObject({
        code: "UNSUPPORTED_MEDIA",
        message: expect.stringContaining("YCgCo"),
      });
  });

  test("come once each, where fewer are there than are wanted", async () => {
    expect(await timesOf("one-frame.mp4", 10)).toHaveLength(1);
    expect(await timesOf("slides.mp4", 10)).toHaveLength(6);
    expect(await timesOf("all-black.mp4", 10)).toHaveLength(1);
  });

  test("there are none behind the place where it is cut off", async () => {
    const times = await timesOf("cut-index-in-front.mp4", 10);
    expect(times.length).toBeGreaterThan(3);
    expect(Math.max(...times)).toBeLessThan(1.9);
  });

  test("the turned one has its white quarter on top, the portrait at its left", async () => {
    const part = { left: 0, top: 0, width: 90, height: 30 };
    const [turned] = await framesOf(decoder, await videos.path("rotated.mp4"), { maxSide: 160 });
    expect([turned?.width, turned?.height]).toEqual([90, 160]);
    if (turned !== undefined) expect(Math.min(...(await meanOf(turned, part)))).toBeGreaterThan(250);
    const [portrait] = await framesOf(decoder, await videos.path("portrait.mp4"), { maxSide: 160 });
    if (portrait !== undefined)
      expect(Math.min(...(await meanOf(portrait, { ...part, width: 20, height: 160 })))).toBeGreaterThan(250);
  });

  test.each(["alpha.mov", "alpha.webm"] as const)("%s: has alpha, which its left half has none of", async (name) => {
    if (name === "alpha.webm" && !hasEncoder("libvpx-vp9")) return;
    for (const purpose of ["thumbnail", "vision"] as const) {
      const [frame] = await framesOf(ffmpeg(), await videos.path(name), { maxSide: 160, purpose });
      expect(frame?.channels).toBe(4);
      const alphaAt = (x: number) => frame?.pixels[(45 * 160 + x) * 4 + 3];
      expect([alphaAt(40), alphaAt(120)]).toEqual([0, 255]);
    }
  });

  test("the first that is not black keeps its alpha", async () => {
    const [frame] = await framesOf(decoder, await videos.path("black-intro-alpha.mov"), { maxSide: 160 });
    expect(frame).toMatchObject({ channels: 4, timeSeconds: 0.5 });
    if (frame !== undefined) expect(Math.max(...(await meanOf(frame)))).toBeGreaterThan(50);
  });

  test("of one with a single key frame are taken in one pass, as soon as that is seen", async () => {
    const starts = join(videos.folder, "starts");
    const ffmpegPath = join(videos.folder, "ffmpeg-counted");
    writeFileSync(
      ffmpegPath,
      `#!/bin/sh\ncase "$*" in *PTS-180*) echo pass >> ${starts};; *fps=100*) echo seek >> ${starts};; esac\nexec ffmpeg "$@"\n`,
    );
    chmodSync(ffmpegPath, 0o755);
    const path = await videos.path("one-key-frame.mp4");
    const frames = await framesOf(ffmpeg({ ffmpegPath, timeoutMs: 200_000 }), path, {
      purpose: "vision",
      max: 3,
      maxSide: 64,
    });
    expect(frames.map(({ timeSeconds }) => timeSeconds)).toEqual([33.333, 100, 166.667]);
    expect(readFileSync(starts, "utf8")).toBe("seek\nseek\npass\n");
  });

  test("none is enlarged", async () => {
    const [frame] = await framesOf(decoder, await videos.path("h264.mp4"), { maxSide: 5000 });
    expect([frame?.width, frame?.height]).toEqual([320, 180]);
  });

  test("too many pixels are refused before they are decoded", async () => {
    const path = await videos.path("h264.mp4");
    for (const purpose of ["thumbnail", "vision"] as const)
      await expect(framesOf(ffmpeg(), path, { limitPixels: 10_000, purpose })).rejects.toMatchObject({
        code: "MEDIA_TOO_LARGE",
      });
  });

  test("a file that is not there is no damaged one", async () => {
    const error = { code: "MISSING_ORIGINAL" };
    await expect(framesOf(decoder, "/there/is/none.mp4")).rejects.toMatchObject(error);
    await expect(decoder.probe?.({ path: "/there/is/none.mp4" }, { signal })).rejects.toMatchObject(error);
  });

  test("the reason is ffmpeg's, without the path", async () => {
    const path = await videos.path("cut-index-behind.mp4");
    const error = await framesOf(decoder, path).catch((thrown) => thrown);
    expect(error.message).toBe("The video is damaged: moov atom not found");
    expect(error).toMatchObject({ code: "INVALID_MEDIA", fault: "upload", retryable: false });
  });
});
