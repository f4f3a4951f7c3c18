import { resolve } from "node:path";
import { ConfigurationError, LONGEST_TIMER_MS, unknownOption } from "../../errors.js";

export interface FfmpegOptions {
  /** The binary of ffmpeg: a name that is looked for in `PATH`, or a path. @default "ffmpeg" */
  readonly ffmpegPath?: string | undefined;
  /** The binary of ffprobe: a name that is looked for in `PATH`, or a path. @default "ffprobe" */
  readonly ffprobePath?: string | undefined;
  /** How many threads one process decodes with, 1 to 64. @default 1 */
  readonly threads?: number | undefined;
  /** How long one process may take before it is killed, in milliseconds. @default 30000 */
  readonly timeoutMs?: number | undefined;
}

/** The options, checked and complete. */
export interface Settings {
  readonly ffmpegPath: string;
  readonly ffprobePath: string;
  readonly threads: number;
  readonly timeoutMs: number;
}

const OPTIONS = ["ffmpegPath", "ffprobePath", "threads", "timeoutMs"];
const MOST_THREADS = 64;

/** @throws ConfigurationError */
export function readOptions(options: FfmpegOptions): Settings {
  if (typeof options !== "object" || options === null) throw expected("options", "an object", options);
  for (const [name, value] of Object.entries(options))
    if (value !== undefined && !OPTIONS.includes(name)) throw unknownOption("ffmpeg", name, OPTIONS);
  const { threads = 1, timeoutMs = 30_000 } = options;
  if (!(Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS))
    throw expected("threads", `an integer from 1 to ${MOST_THREADS}`, threads);
  if (!(Number.isFinite(timeoutMs) && timeoutMs >= 1 && timeoutMs <= LONGEST_TIMER_MS))
    throw expected("timeoutMs", `milliseconds from 1 to ${LONGEST_TIMER_MS}`, timeoutMs);
  return {
    ffmpegPath: binary("ffmpegPath", options.ffmpegPath ?? "ffmpeg"),
    ffprobePath: binary("ffprobePath", options.ffprobePath ?? "ffprobe"),
    threads,
    timeoutMs,
  };
}

/** Its processes have another working directory, so a path is made absolute now. */
function binary(name: string, given: string): string {
  if (typeof given !== "string" || given === "" || given.includes("\0"))
    throw expected(name, "the name or the path of a program", given);
  return /[/\\]/.test(given) ? resolve(given) : given;
}

function expected(name: string, what: string, given: unknown): ConfigurationError {
  const shown = typeof given === "string" ? JSON.stringify(given.slice(0, 60)) : String(given);
  return new ConfigurationError(`ffmpeg: ${name}: expected ${what}, got ${shown}`);
}
