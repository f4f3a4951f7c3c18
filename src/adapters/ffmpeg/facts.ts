import type { MediaProbe } from "../../contracts/decoder.js";

/** How the colours of a video are coded, in ffmpeg's names; `undefined` where it does not say. */
export interface Colours {
  readonly matrix: string | undefined;
  readonly primaries: string | undefined;
  readonly transfer: string | undefined;
}

/** What is known of the video stream of a file. */
export interface VideoFacts {
  readonly codec: string;
  /** As it is coded, in pixels. */
  readonly codedWidth: number;
  /** As it is coded, in pixels. */
  readonly codedHeight: number;
  /** Width of a pixel by its height. */
  readonly pixelAspect: number;
  /** In degrees, as its display matrix says. */
  readonly rotation: number;
  /** In seconds. */
  readonly duration: number | undefined;
  /** Frames a second. */
  readonly frameRate: number | undefined;
  readonly colours: Colours;
}

/** As `av_color_transfer_name` calls PQ and HLG. */
const HDR_TRANSFERS: readonly (string | undefined)[] = ["smpte2084", "arib-std-b67"];

export function isHdr({ transfer }: Colours): boolean {
  return HDR_TRANSFERS.includes(transfer);
}

export function probeOf(facts: VideoFacts): MediaProbe {
  const { codec, codedWidth, codedHeight, pixelAspect, rotation, duration, frameRate, colours } = facts;
  const width = Math.max(1, Math.round(codedWidth * pixelAspect));
  const lies = Math.abs(rotation) % 180 > 45 && Math.abs(rotation) % 180 < 135;
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
