import { resolve } from "node:path";
import type { VideoFacts } from "./facts.js";
import { FORMATS } from "./formats.js";

/** What one process of ffmpeg is to do. */
export interface Task {
  readonly path: string;
  /** Of the video, where they are known. */
  readonly facts?: VideoFacts | undefined;
  /** In pixels: what is larger is refused. */
  readonly limitPixels: number;
  readonly threads: number;
  readonly timeoutMs: number;
  /** Options of the input, such as where to begin. */
  readonly input?: readonly string[];
  /** The chain of filters. */
  readonly filters: readonly string[];
  /** The most frames to write. */
  readonly frames: number;
  /** Whether the packets are only read through, to see how long the video is: nothing is decoded or written. */
  readonly copies?: boolean;
}

/**
 * In pixels. Decoders keep up to 16 frames, so this bounds the memory of ffmpeg, whatever `input.limitInputPixels` lets in: 8K and
 * what 360-degree cameras make is below it.
 */
export const MOST_PIXELS = 8192 * 4352;

/** What ffmpeg and ffprobe both get: no file but the given one, none of its formats but ours, bounded pixels and allocations. */
export function guards(limitPixels: number): readonly string[] {
  const pixels = Math.max(1, Math.min(Math.floor(limitPixels), MOST_PIXELS));
  return [
    "-hide_banner",
    ...["-max_alloc", String(MOST_ALLOCATED)],
    ...["-max_pixels", String(pixels)],
    ...["-protocol_whitelist", "file"],
    ...["-format_whitelist", FORMATS],
  ];
}

/** Of one block of memory, in bytes: a frame of {@link MOST_PIXELS} with eight bytes a pixel, the most that decoders make. */
const MOST_ALLOCATED = MOST_PIXELS * 8;

/** A name for ffmpeg that begins with its protocol, so that it is never taken for an option or another protocol. */
export const fileUrl = (path: string): string => `file:${resolve(path)}`;

/** Frames as PAM on stdout: pixels with their size before them, which costs nothing to make and nothing to read. */
export function argumentsOf(task: Task): string[] {
  const { path, facts, limitPixels, threads, timeoutMs, input = [], filters, frames, copies = false } = task;
  const { stream = 0, alphaDecoder } = facts ?? {};
  const output = ["-frames:v", String(frames), "-threads", "1", "-c:v", "pam", "-f", "image2pipe", "pipe:1"];
  return [
    ...["-nostdin", "-nostats", "-loglevel", "level+info"],
    // In seconds of processor time, kept by the system: it ends also when this process was killed and cannot end it.
    ...["-timelimit", String(Math.ceil(timeoutMs / 1000) * (threads + 1))],
    ...["-filter_threads", "1", "-threads", String(threads)],
    ...guards(limitPixels),
    ...input,
    ...(alphaDecoder === undefined || copies ? [] : [`-c:V:${stream}`, alphaDecoder]),
    ...["-i", fileUrl(path), "-map", `0:V:${stream}`, "-an", "-sn", "-dn"],
    ...(copies ? ["-c:v", "copy", "-f", "null", "-"] : ["-vf", filters.join(","), ...output]),
  ];
}
