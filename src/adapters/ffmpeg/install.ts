import { ConfigurationError, hasCode, UploadError } from "../../errors.js";

/** How ffmpeg comes onto a machine; ffprobe comes with it. */
const REMEDY =
  "Install it: apt-get install ffmpeg (Debian, Ubuntu), apk add ffmpeg (Alpine), brew install ffmpeg (macOS), winget install ffmpeg (Windows); or tell where it is by the options ffmpegPath and ffprobePath of ffmpeg()";

/** The oldest that is taken. */
const FLOOR = { major: 4, minor: 2 } as const;

/** What the system lacks at the moment: nothing is wrong with the installation. */
const EXHAUSTED = ["EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "ETXTBSY"];

/** The error for a process that could not be started. */
export function startError(option: "ffmpegPath" | "ffprobePath", command: string, cause: Error): UploadError {
  if (EXHAUSTED.some((code) => hasCode(cause, code)))
    return new UploadError(`ffmpeg could not be started: ${cause.message}`, { code: "STORAGE_FAILED", cause });
  const what = hasCode(cause, "ENOENT") ? "there is no such program" : cause.message;
  return new ConfigurationError(`${option}: ${JSON.stringify(command)}: ${what}. ${REMEDY}`, { cause });
}

/**
 * @param banner what the program says of its version
 * @throws ConfigurationError when it is too old, or another program
 */
export function requireVersion(option: "ffmpegPath" | "ffprobePath", command: string, banner: string): void {
  const name = JSON.stringify(command);
  const [, told] = /^ff(?:mpeg|probe) version (\S+)/.exec(banner) ?? [];
  if (told === undefined)
    throw new ConfigurationError(`${option}: ${name} does not say that it is ffmpeg or ffprobe. ${REMEDY}`);
  // What was built from the development branch has a date or a commit for a version.
  const [, major, minor] = /^n?(\d{1,2})\.(\d+)/.exec(told) ?? [];
  if (major === undefined) return;
  const isOld = Number(major) < FLOOR.major || (Number(major) === FLOOR.major && Number(minor) < FLOOR.minor);
  if (!isOld) return;
  const message = `${option}: ${name} is version ${told}, and at least ${FLOOR.major}.${FLOOR.minor} is needed. ${REMEDY}`;
  throw new ConfigurationError(message);
}
