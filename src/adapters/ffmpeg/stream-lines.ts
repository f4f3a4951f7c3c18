import { alphaDecoderOf, hundredths, known, secondsOf, shownOf, type VideoFacts } from "./facts.js";

/** Reads what ffmpeg says of its input before it begins: lines of the level `info`. */
export class StreamLines {
  readonly #streams: (VideoFacts & { readonly isDefault: boolean })[] = [];
  #duration: number | undefined;
  /** Whether the lines that come are about the last of the streams that are kept. */
  #isKept = false;
  #done = false;

  /** Of the stream that is shown; `undefined` where there is none. */
  get facts(): VideoFacts | undefined {
    const shown = this.#streams[shownOf(this.#streams)];
    if (shown === undefined) return undefined;
    const { isDefault, ...facts } = shown;
    return facts;
  }

  read(line: string): void {
    if (this.#done) return;
    // Behind this it tells of its output.
    if (/^(?:Stream mapping:|Output #)/.test(line)) this.#done = true;
    // Without a start, it is guessed by the bytes of the file.
    else if (/^ +Duration: /.test(line)) this.#duration = secondsOf(/Duration: ([\d:.]+), start: /.exec(line)?.[1]);
    else if (/^ +Stream #0:/.test(line)) this.#readStream(line);
    else if (this.#isKept) this.#readMore(line);
  }

  #readStream(line: string): void {
    // Those that are no cover picture of a piece of music, as `-map 0:V` counts them.
    this.#isKept = / Video: /.test(line) && !line.includes(" (attached pic)");
    if (!this.#isKept) return;
    const stream = this.#streams.length;
    this.#streams.push({ stream, ...factsOf(line, this.#duration), isDefault: line.includes(" (default)") });
  }

  #readMore(line: string): void {
    const last = this.#streams.pop();
    if (last === undefined) return;
    const [, degrees] = /^ +displaymatrix: rotation of (-?[\d.]+) degrees/.exec(line) ?? [];
    const [, alphaMode] = /^ +alpha_mode +: (\w+)$/i.exec(line) ?? [];
    this.#streams.push({
      ...last,
      ...(degrees !== undefined && { rotation: Number(degrees) || 0 }),
      ...(alphaMode !== undefined && { alphaDecoder: alphaDecoderOf(last.codec, alphaMode) }),
    });
  }
}

/** `Video: hevc (Main 10), yuv420p10le(tv, bt2020nc/bt2020/smpte2084), 1920x1080 [SAR 1:1 DAR 16:9], 160 kb/s, 30 fps, …` */
function factsOf(line: string, duration: number | undefined): Omit<VideoFacts, "stream"> {
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
    span: undefined,
    frameRate: hundredths(Number(rate) * (thousands === "k" ? 1000 : 1)),
    colours: coloursOf(video),
    alphaDecoder: undefined,
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
