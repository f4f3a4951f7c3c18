/** What a decoder tells of a file without decoding it. */
export interface MediaProbe {
  /** As the decoder calls it: `h264`, `hevc`. */
  readonly codec?: string;
  /** Of the upright picture, in pixels. */
  readonly width?: number;
  /** Of the upright picture, in pixels. */
  readonly height?: number;
  readonly durationSeconds?: number;
  /** Frames a second. */
  readonly frameRate?: number;
  /** Whether it was made for more than eight bits of brightness (PQ, HLG); its frames are mapped to sRGB all the same. */
  readonly hdr?: boolean;
}

/** A picture of a decoder: upright, in sRGB with eight bits a channel. It is not rotated afterwards. */
export type DecodedFrame = {
  /** Where it stands in the video, in seconds; 0 for an image. */
  readonly timeSeconds: number;
} & (
  | {
      /** A whole PNG or JPEG file. */
      readonly encoded: Uint8Array;
    }
  | {
      /** Row by row, without padding. */
      readonly pixels: Uint8Array;
      readonly width: number;
      readonly height: number;
      readonly channels: 3 | 4;
    }
);

/** How frames are asked for. */
export interface FramesRequest {
  /** The most frames that are wanted, at least 1. */
  readonly max: number;
  /** The longest side that is of use, in pixels: larger ones are made smaller again. */
  readonly maxSide: number;
  /** The most pixels that an original may have. */
  readonly limitPixels: number;
  /** `"thumbnail"`: one frame that shows something. `"vision"`: frames spread over the whole length. */
  readonly purpose: "thumbnail" | "vision";
  /** Aborted with the work on the upload. Whatever the decoder has started has to end then. */
  readonly signal: AbortSignal;
}

/**
 * Decodes what sharp does not: videos, HEIC. What it names is let in unless `input.allow` is given, and goes to it even where sharp
 * could decode it. Its work has a decode slot and a time of its own (`timeouts.decodeMs`), and is stopped by the signal: 5 s later
 * it is not waited for any more. The path that it is given may be that of a temporary file, which goes with the upload.
 *
 * An error that is no UploadError is the media's (`INVALID_MEDIA`), or the system's where it says so. What breaks this contract,
 * as pixels of another length than their sides say, is the deployment's.
 */
export interface MediaDecoder {
  /** MIME types, as the content is sniffed. */
  readonly mimeTypes: readonly string[];
  /** @throws UploadError `INVALID_MEDIA` damaged, `MEDIA_TOO_LARGE`, `UNSUPPORTED_MEDIA` what it cannot decode */
  readonly probe?: (
    source: { readonly path: string },
    options: { readonly signal: AbortSignal },
  ) => Promise<MediaProbe>;
  /** Who takes one frame leaves the loop; the decoder ends what it has started then. */
  readonly frames: (source: { readonly path: string }, request: FramesRequest) => AsyncIterable<DecodedFrame>;
  /**
   * Whether `frames` finds out what `probe` tells, so that `probe` costs nothing afterwards: it is called behind `frames` then, and
   * `frames` itself refuses what has more than `limitPixels`.
   *
   * @default false: `probe` is called first
   */
  readonly learnsWithFrames?: boolean | undefined;
  /**
   * How many files it takes at once, probes included. Those that wait for it hold no decode slot, and no time runs for them.
   *
   * @default as many as there are decode slots
   */
  readonly concurrency?: number | undefined;
  /** Ends what it keeps for the next call. Yours to call: it may serve many processors, so none of them closes it. */
  readonly close?: (() => Promise<void>) | undefined;
}
