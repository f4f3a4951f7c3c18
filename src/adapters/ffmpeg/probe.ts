import { UploadError } from "../../errors.js";
import { fileUrl, guards, MOST_PIXELS } from "./arguments.js";
import { alphaDecoderOf, hundredths, known, type Span, secondsOf, shownOf, type VideoFacts } from "./facts.js";
import { NO_VIDEO } from "./failure.js";

const STREAM = "codec_name,width,height,sample_aspect_ratio,avg_frame_rate,color_space,color_primaries,color_transfer";

const TIMES = "duration,start_time";
const MORE = "stream_disposition=default:stream_tags=alpha_mode,DURATION:stream_side_data=rotation";

/** For ffprobe: what is asked for and no other tags, which are as long as a file likes. */
export function probeArguments(path: string): string[] {
  return [
    ...["-loglevel", "level+error"],
    ...guards(MOST_PIXELS),
    ...["-select_streams", "V", "-of", "json"],
    ...["-show_entries", `stream=${STREAM},${TIMES}:${MORE}:format=${TIMES}`],
    fileUrl(path),
  ];
}

interface Answer {
  readonly streams?: readonly (Readonly<Record<string, unknown>> | undefined)[];
  readonly format?: Readonly<Record<string, unknown>>;
}

/** @throws UploadError `UNSUPPORTED_MEDIA` for a file without a video stream */
export function readProbe(json: string): VideoFacts {
  const answer: Answer = JSON.parse(json);
  const streams = answer.streams ?? [];
  const shown = shownOf(streams.map((stream) => ({ isDefault: Object(stream?.disposition).default === 1 })));
  const stream = streams[shown];
  if (stream === undefined) throw new UploadError(NO_VIDEO, { code: "UNSUPPORTED_MEDIA" });
  const text = (name: string) => (typeof stream[name] === "string" ? stream[name] : undefined);
  const sideData = Array.isArray(stream.side_data_list) ? stream.side_data_list : [];
  const aspect = quotient(text("sample_aspect_ratio"), ":");
  const codec = text("codec_name") ?? "unknown";
  // Where nothing tells when it begins, its length is guessed by its bytes: a raw stream of two seconds is said to have 0.01.
  const duration = isTold(answer.format?.start_time) ? hundredths(Number(answer.format?.duration)) : undefined;
  return {
    stream: shown,
    codec,
    codedWidth: Number(stream.width ?? 0),
    codedHeight: Number(stream.height ?? 0),
    pixelAspect: Number.isFinite(aspect) && aspect > 0 ? aspect : 1,
    rotation: Number(sideData.find((data) => Object(data).rotation !== undefined)?.rotation ?? 0) || 0,
    duration,
    span: spanOf(stream, Number(answer.format?.start_time), duration),
    frameRate: hundredths(quotient(text("avg_frame_rate"), "/")),
    colours: {
      matrix: known(text("color_space")),
      primaries: known(text("color_primaries")),
      transfer: known(text("color_transfer")),
    },
    alphaDecoder: alphaDecoderOf(codec, Object(stream.tags).alpha_mode),
  };
}

const isTold = (time: unknown) => Number.isFinite(Number(time ?? Number.NaN));

/** Times of a stream are those of its packets; of the file, they count from its first one. */
function spanOf(stream: Readonly<Record<string, unknown>>, fileStart: number, duration: number | undefined): Span {
  const begins = Number(stream.start_time);
  const start = hundredths(begins - fileStart) ?? 0;
  // Matroska has a tag that tells when it ends.
  const ends = secondsOf(String(Object(stream.tags).DURATION));
  const own = hundredths(Number(stream.duration)) ?? (ends === undefined ? undefined : hundredths(ends - begins));
  if (duration === undefined) return { start, length: undefined };
  return { start, length: Math.min(own ?? hundredths(duration - start) ?? duration, duration) };
}

function quotient(text: string | undefined, sign: string): number {
  const [numerator, denominator] = (text ?? "").split(sign).map(Number);
  return (numerator ?? Number.NaN) / (denominator ?? Number.NaN);
}
