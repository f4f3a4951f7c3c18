import type { MediaDecoder } from "../contracts/decoder.js";
import { Binaries } from "./ffmpeg/binaries.js";
import { VIDEO_TYPES } from "./ffmpeg/formats.js";
import { type FfmpegOptions, readOptions } from "./ffmpeg/options.js";
import { RecentFacts } from "./ffmpeg/recent-facts.js";
import { Runner } from "./ffmpeg/runner.js";
import { Running } from "./ffmpeg/running.js";
import { Videos } from "./ffmpeg/videos.js";

export type { FfmpegOptions } from "./ffmpeg/options.js";

/**
 * Decodes videos by the `ffmpeg` and `ffprobe` that the system has, 4.2 or newer: MP4, QuickTime, 3GP, WebM, Matroska, AVI, MPEG
 * program and transport streams.
 *
 * - Frames are upright, square-pixelled, and in sRGB with eight bits a channel, with alpha where the video has it; P3, BT.2020 and
 *   HDR (PQ, HLG) are converted to it. None is longer than `maxSide`, none is enlarged.
 * - `"thumbnail"`: the first frame that is not black; the first one where all are. `"vision"`: up to `max` frames, each the one that
 *   is shown in the middle of its part of the length, in their order, without those that are the same as the one before.
 * - Each run is a process of its own: no shell, an environment with `PATH` alone, no file but the given one, one thread, bounded
 *   output, and an end after `timeoutMs`. None is left when the work is aborted, fails, or when who takes the frames leaves the loop.
 * - `probe` starts no process for a file whose frames were asked for just before.
 *
 * Errors are `UploadError`s: `INVALID_MEDIA` damaged, with ffmpeg's reason; `UNSUPPORTED_MEDIA` no picture in it, a container that is
 * not let in, a codec that this ffmpeg does not have, VP8 or VP9 with alpha without `libvpx`; `MEDIA_TOO_LARGE` too many pixels; `MISSING_ORIGINAL`;
 * `STAGE_TIMEOUT` it was killed; `STORAGE_FAILED` it was closed meanwhile, or the system had no memory or files left for it; and a
 * `ConfigurationError` for a binary that is missing or too old, which says how to install it.
 *
 * @throws ConfigurationError for options that are none
 * @example
 * const processor = new BatchProcessor({ storage, repository, ai, decoders: [ffmpeg()] });
 */
export function ffmpeg(options: FfmpegOptions = {}): MediaDecoder {
  const settings = readOptions(options);
  const running = new Running();
  const videos = new Videos(new Runner(settings, running), new Binaries(settings, running), new RecentFacts());
  return {
    mimeTypes: VIDEO_TYPES,
    learnsWithFrames: true,
    probe: ({ path }, { signal }) => videos.probe(path, signal),
    frames: ({ path }, request) => videos.frames(path, request),
    close: () => running.close(),
  };
}
