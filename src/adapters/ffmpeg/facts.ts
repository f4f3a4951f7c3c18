import type { MediaProbe } from "../../contracts/decoder.js";

/** How the colours of a video are coded, in ffmpeg's names; `undefined` where it does not say. */
export interface Colours {
  readonly matrix: string | undefined;
  readonly primaries: string | undefined;
  readonly transfer: string | undefined;
}

/** When there are pictures: sound may begin before them, and go on behind them. In seconds of the file. */
export interface Span {
  readonly start: number;
  readonly length: number | undefined;
}

/** What is known of the video stream of a file that is shown. */
export interface VideoFacts {
  /** How many others are before it; cover pictures are not counted. */
  readonly stream: number;
  readonly codec: string;
  /** As it is coded, in pixels. */
  readonly codedWidth: number;
  /** As it is coded, in pixels. */
  readonly codedHeight: number;
  /** Width of a pixel by its height. */
  readonly pixelAspect: number;
  /** In degrees, as its display matrix says. */
  readonly rotation: number;
  /** Of the file, in seconds. */
  readonly duration: number | undefined;
  /** `undefined` where ffprobe was not asked: ffmpeg does not tell. */
  readonly span: Span | undefined;
  /** Frames a second. */
  readonly frameRate: number | undefined;
  readonly colours: Colours;
  /** The decoder that its alpha needs, where the one that ffmpeg takes by itself leaves that out. */
  readonly alphaDecoder: string | undefined;
}

/** The one that players begin with: the first that is marked as the default, or the first. Cover pictures are none of these. */
export function shownOf<T extends { readonly isDefault: boolean }>(streams: readonly T[]): number {
  return Math.max(
    0,
    streams.findIndex(({ isDefault }) => isDefault),
  );
}

/** WebM has alpha beside the pictures of VP8 and VP9, and says so by a tag. */
export function alphaDecoderOf(codec: string, alphaMode: string | undefined): string | undefined {
  return alphaMode === "1" ? ALPHA_DECODERS[codec] : undefined;
}

const ALPHA_DECODERS: Readonly<Record<string, string>> = { vp8: "libvpx", vp9: "libvpx-vp9" };

/** As `av_color_transfer_name` calls PQ and HLG. */
const HDR_TRANSFERS: readonly (string | undefined)[] = ["smpte2084", "arib-std-b67"];

export function isHdr({ transfer }: Colours): boolean {
  return HDR_TRANSFERS.includes(transfer);
}

/** Whether it is coded with its width for its height. */
export function liesOnItsSide({ rotation }: Pick<VideoFacts, "rotation">): boolean {
  return Math.abs(rotation) % 180 > 45 && Math.abs(rotation) % 180 < 135;
}

export function probeOf(facts: VideoFacts): MediaProbe {
  const { codec, codedWidth, codedHeight, pixelAspect, duration, frameRate, colours } = facts;
  const width = Math.max(1, Math.round(codedWidth * pixelAspect));
  const lies = liesOnItsSide(facts);
  const probe: { -readonly [Key in keyof MediaProbe]: MediaProbe[Key] } = {
    codec,
    width: lies ? codedHeight : width,
    height: lies ? width : codedHeight,
    hdr: isHdr(colours),
  };
  if (duration !== undefined) probe.durationSeconds = duration;
  if (frameRate !== undefined) probe.frameRate = frameRate;
  return probe;
}

/** ffmpeg writes no more than hundredths, so ffprobe's figures are rounded alike. `undefined` for what is no measure. */
export function hundredths(value: number): number | undefined {
  return Number.isFinite(value) && value > 0 ? Math.round(value * 100) / 100 : undefined;
}

/** Of ffmpeg's `00:01:02.50`. */
export function secondsOf(time: string | undefined): number | undefined {
  const [hours, minutes, seconds] = (time ?? "").split(":").map(Number);
  return hundredths((hours ?? 0) * 3600 + (minutes ?? Number.NaN) * 60 + (seconds ?? Number.NaN));
}

/** ffmpeg's word for a colour property that is not told. */
export function known(name: string | undefined): string | undefined {
  return name === "unknown" || name === "reserved" || name === "" ? undefined : name;
}
