import { access, constants } from "node:fs/promises";
import { hasCode, UploadError, type UploadErrorCode } from "../../errors.js";
import { fileUrl } from "./arguments.js";
import { startError } from "./install.js";
import { type End, MOST_MEMORY } from "./process.js";

/** What went wrong with a process that gave no frame. */
export interface Failure {
  /** The name of the option that its binary is told by. */
  readonly option: "ffmpegPath" | "ffprobePath";
  readonly command: string;
  readonly path: string;
  readonly end: End;
  readonly complaints: readonly string[];
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

export const NO_VIDEO = "The file has no video stream: it is audio alone, or holds nothing to see";

/** How ffmpeg words what is not simply damaged. */
const KINDS: readonly (readonly [pattern: RegExp, code: UploadErrorCode, message: string])[] = [
  [/not on whitelist/i, "UNSUPPORTED_MEDIA", "ffmpeg takes the file for a format that is not let in"],
  [/matches no streams/i, "UNSUPPORTED_MEDIA", NO_VIDEO],
  [/exceeds specified max pixel count/i, "MEDIA_TOO_LARGE", "The video has more pixels than are let in"],
  [
    /no decoder found|decoder .*not found|unknown decoder|codec not currently supported/i,
    "UNSUPPORTED_MEDIA",
    "This ffmpeg has no decoder for the video",
  ],
];

/** The error that a failed process is told by. */
export async function errorOf(failure: Failure): Promise<unknown> {
  const { option, command, path, end, complaints, signal, timeoutMs } = failure;
  if (end.by === "error") return startError(option, command, end.error);
  if (end.by === "abort") return signal.reason;
  if (end.by === "close") return closedError();
  if (end.by === "timeout") return timeoutError(timeoutMs);
  if (end.by === "memory") {
    const message = `Decoding the video takes more than ${MOST_MEMORY / 2 ** 20} MiB of memory`;
    return new UploadError(message, { code: "MEDIA_TOO_LARGE" });
  }
  if (end.by === "signal" && (end.signal === "SIGKILL" || end.signal === "SIGTERM")) {
    const message = `ffmpeg was killed from outside (${end.signal}), as systems do that are short of memory`;
    return new UploadError(message, { code: "STORAGE_FAILED", fault: "upload", retryable: true });
  }
  const kind = KINDS.find(([pattern]) => complaints.some((line) => pattern.test(line)));
  const reason = reasonOf(failure);
  if (kind?.[2] === NO_VIDEO) return new UploadError(NO_VIDEO, { code: "UNSUPPORTED_MEDIA" });
  if (kind !== undefined) return new UploadError(`${kind[2]}: ${reason}`, { code: kind[1] });
  return (await readError(path)) ?? new UploadError(`The video is damaged: ${reason}`, { code: "INVALID_MEDIA" });
}

/** Nothing is wrong with the video: another decoder takes it. */
export function closedError(): UploadError {
  return new UploadError("The decoder of videos was closed", { code: "STORAGE_FAILED" });
}

/** Not a service's fault: the next video may well be decoded. */
export function timeoutError(timeoutMs: number): UploadError {
  const message = `ffmpeg was killed after ${timeoutMs} ms (timeoutMs of ffmpeg())`;
  return new UploadError(message, { code: "STAGE_TIMEOUT", fault: "upload", retryable: true });
}

/** It is no fault of a video that it cannot be read just now. */
async function readError(path: string): Promise<UploadError | undefined> {
  try {
    await access(path, constants.R_OK);
    return undefined;
  } catch (error) {
    if (hasCode(error, "ENOENT"))
      return new UploadError("The original vanished", { code: "MISSING_ORIGINAL", cause: error });
    return new UploadError("The original cannot be read", { code: "STORAGE_FAILED", cause: error });
  }
}

/** Its first complaint: the later ones follow from that. */
function reasonOf({ path, end, complaints }: Failure): string {
  const [first] = complaints.map((line) => line.replaceAll(fileUrl(path), "the file").replaceAll(path, "the file"));
  if (end.by === "signal") return `ffmpeg crashed (${end.signal})${first === undefined ? "" : `: ${first}`}`;
  return first ?? "it has no frame that can be decoded";
}
