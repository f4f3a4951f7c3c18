import { argumentsOf, type Task } from "./arguments.js";
import { errorOf } from "./failure.js";
import { Log } from "./log.js";
import type { Settings } from "./options.js";
import { type Picture, readPam } from "./pam.js";
import type { End, Process } from "./process.js";
import type { Running } from "./running.js";

/** More than ffprobe has to say of a thousand streams, the most that ffmpeg takes, in bytes. */
const LONGEST_ANSWER = 1_000_000;

/** Which frames are wanted of which file. */
export interface Job extends Pick<Task, "path" | "facts" | "limitPixels"> {
  readonly maxSide: number;
  readonly signal: AbortSignal;
}

/** A process that writes frames. */
export interface Run {
  /** Who leaves this loop ends the process. */
  readonly pictures: AsyncGenerator<Picture>;
  readonly log: Log;
  /** How it ended; behind the last picture. */
  readonly ended: () => Promise<End>;
  /** The error that a run without a picture is told by. */
  readonly failure: () => Promise<unknown>;
}

/** Runs ffmpeg and ffprobe on videos. */
export class Runner {
  readonly #settings: Settings;
  readonly #running: Running;

  constructor(settings: Settings, running: Running) {
    this.#settings = settings;
    this.#running = running;
  }

  /** Runs ffmpeg on a video. */
  run(job: Job, work: Pick<Task, "input" | "filters" | "frames" | "copies">): Run {
    const { threads, timeoutMs } = this.#settings;
    const { path, facts, limitPixels, maxSide } = job;
    const args = argumentsOf({ ...work, path, facts, limitPixels, threads, timeoutMs });
    const { process, log, failure } = this.#start("ffmpegPath", args, job);
    return {
      pictures: this.#pictures(process, maxSide),
      log,
      ended: () => process.ended(),
      failure,
    };
  }

  /** Runs ffprobe. @throws what is wrong with the file */
  async ask(args: readonly string[], job: Pick<Job, "path" | "signal">): Promise<string> {
    const { process, failure } = this.#start("ffprobePath", args, job);
    let answer = "";
    try {
      for await (const chunk of process.output()) {
        answer += chunk.toString("utf8");
        if (answer.length > LONGEST_ANSWER) await process.stop();
      }
      const end = await process.ended();
      if (end.by !== "exit" || end.code !== 0) throw await failure();
      return answer;
    } finally {
      await process.stop();
    }
  }

  #start(
    option: "ffmpegPath" | "ffprobePath",
    args: readonly string[],
    { path, signal }: Pick<Job, "path" | "signal">,
  ) {
    const { timeoutMs } = this.#settings;
    const command = this.#settings[option];
    const log = new Log();
    const process = this.#running.start(command, args, { signal, timeoutMs, onStderr: log.write });
    const failure = async () => {
      const end = await process.ended();
      return errorOf({ option, command, path, end, complaints: log.complaints, signal, timeoutMs });
    };
    return { process, log, failure };
  }

  async *#pictures(process: Process, maxSide: number): AsyncGenerator<Picture> {
    try {
      yield* readPam(process.output(), Math.max(1, Math.floor(maxSide)));
      // It writes nothing more, and is about to end by itself.
      await process.ended();
    } finally {
      await process.stop();
    }
  }
}
