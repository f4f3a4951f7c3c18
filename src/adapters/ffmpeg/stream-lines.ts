import { hundredths, known, secondsOf, type VideoFacts } from "./facts.js";

/** Reads what ffmpeg says of its input before it begins: lines of the level `info`. */
export class StreamLines {
  #facts: VideoFacts | undefined;
  #duration: number | undefined;
  /** Whether the lines that come are about the stream that frames are taken from. */
  #isOurs = false;
  #done = false;

  get facts(): VideoFacts | undefined {
    return this.#facts;
  }

  read(line: string): void {
    if (this.#done) return;
    // Behind this it tells of its output.
    if (/^(?:Stream mapping:|Output #)/.test(line)) this.#done = true;
    else if (/^ +Duration: /.test(line)) this.#duration = secondsOf(/Duration: ([\d:.]+)/.exec(line)?.[1]);
    else if (/^ +Stream #0:/.test(line)) this.#readStream(line);
    else if (this.#isOurs) this.#readRotation(line);
  }

  #readStream(line: string): void {
    // The first that is no cover picture of a piece of music, as in `-map 0:V:0`.
    this.#isOurs = this.#facts === undefined && / Video: /.test(line) && !line.endsWith("(attached pic)");
    if (this.#isOurs) this.#facts = factsOf(line, this.#duration);
  }

  #readRotation(line: string): void {
    const [, degrees] = /^ +displaymatrix: rotation of (-?[\d.]+) degrees/.exec(line) ?? [];
    if (degrees !== undefined && this.#facts !== undefined)
      this.#facts = { ...this.#facts, rotation: Number(degrees) || 0 };
  }
}

/** `Video: hevc (Main 10), yuv420p10le(tv, bt2020nc/bt2020/smpte2084), 1920x1080 [SAR 1:1 DAR 16:9], 160 kb/s, 30 fps, …` */
function factsOf(line: string, duration: number | undefined): VideoFacts {
  const [, video = ""] = / Video: (.*)$/.exec(line) ?? [];
  const [, codec = "unknown"] = /^([\w-]+)/.exec(video) ?? [];
  const [, width = 0, height = 0] = /, (\d+)x(\d+)/.exec(video) ?? [];
  const [, numerator = 1, denominator = 1] = /\bSAR (\d+):(\d+)/.exec(video) ?? [];
  const [, rate, thousands] = /, ([\d.]+)(k?) fps/.exec(video) ?? [];
  const aspect = Number(numerator) / Number(denominator);
  return {
    codec,
    codedWidth: Number(width),
    codedHeight: Number(height),
    pixelAspect: Number.isFinite(aspect) && aspect > 0 ? aspect : 1,
    rotation: 0,
    duration,
    frameRate: hundredths(Number(rate) * (thousands === "k" ? 1000 : 1)),
    colours: coloursOf(video),
  };
}

/** `yuv420p(tv, bt2020nc/bt2020/smpte2084, progressive)`, or one name where all three are the same. */
function coloursOf(video: string): VideoFacts["colours"] {
  const [, inBrackets = ""] = /, \w+\(([^)]*)\), \d+x\d+/.exec(video) ?? [];
  const parts = inBrackets.split(", ");
  const three = parts.find((part) => part.includes("/"));
  const one = parts.find((part) => /^(?:bt|smpte|arib|gbr|fcc|iec|film)/.test(part));
  const [matrix, primaries, transfer] = three?.split("/") ?? [one, one, one];
  return { matrix: known(matrix), primaries: known(primaries), transfer: known(transfer) };
}
