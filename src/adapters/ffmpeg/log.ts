import { secondsOf, type VideoFacts } from "./facts.js";
import { StreamLines } from "./stream-lines.js";

/** A longer line is cut. */
const LONGEST_LINE = 4096;
/** The first complaints tell the reason; a damaged video has thousands. */
const MOST_COMPLAINTS = 20;
const MOST_TIMES = 20;

/**
 * What ffmpeg says on stderr, read line by line (`-loglevel level+info`). Only what is of use is kept, so its length is bounded,
 * however much a file makes it say.
 */
export class Log {
  readonly #complaints: string[] = [];
  readonly #streams = new StreamLines();
  readonly #times: number[] = [];
  #reached: number | undefined;
  #line = "";

  /** For what the process writes. */
  readonly write = (chunk: string): void => {
    let rest = chunk;
    for (let end = rest.search(/[\r\n]/); end !== -1; end = rest.search(/[\r\n]/)) {
      this.#read(this.#line + rest.slice(0, Math.max(0, Math.min(end, LONGEST_LINE - this.#line.length))));
      this.#line = "";
      rest = rest.slice(end + 1);
    }
    this.#line += rest.slice(0, Math.max(0, LONGEST_LINE - this.#line.length));
  };

  /** The lines of the levels `error` and `fatal`, the first ones, without what they begin with. */
  get complaints(): readonly string[] {
    return this.#complaints;
  }

  /** Of the video stream that frames are taken from; `undefined` where there is none, or when the file could not be opened. */
  get facts(): VideoFacts | undefined {
    return this.#streams.facts;
  }

  /** Where the first frames stand that have passed `showinfo`, in seconds. */
  get times(): readonly number[] {
    return this.#times;
  }

  /** How far it came in the video, in seconds. */
  get reached(): number | undefined {
    return this.#reached;
  }

  #read(line: string): void {
    const [, level, text = ""] = /^(?:\[[^\]]* @ [^\]]*\] )*\[(\w+)\] (.*)$/.exec(line) ?? [];
    if (level === "error" || level === "fatal") {
      if (this.#complaints.length < MOST_COMPLAINTS) this.#complaints.push(text.trim());
    } else if (level === "info") {
      const [, time] = /^n: *\d+ pts: *\S+ pts_time:(-?[\d.]+)/.exec(text) ?? [];
      if (time !== undefined) {
        if (this.#times.length < MOST_TIMES) this.#times.push(Number(time));
      } else if (text.startsWith("frame=")) this.#reached = secondsOf(/ time=(\S+)/.exec(text)?.[1]);
      else this.#streams.read(text);
    }
  }
}
