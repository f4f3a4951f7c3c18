/** What a worker is asked to decode. */
export interface Job {
  readonly path: string;
  /** The longest side that is of use, in pixels. */
  readonly maxSide: number;
  /** The most memory that the decoder may have, in bytes. */
  readonly memoryBytes: number;
  /** Whether the picture is a part of what is coded, by `clap`. */
  readonly isCropped: boolean;
  /** ICC, of red, green and blue. */
  readonly profile?: Uint8Array | undefined;
  readonly gamut?: "p3" | "bt2020" | undefined;
  /** Light is the number to this power; without it, numbers have the curve of sRGB. */
  readonly exponent?: number | undefined;
}

/** Row by row, without padding. */
export interface Raster {
  readonly pixels: Uint8Array<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
}

/** Memory that the decoder did not get: more than its limit, or what the system did not have. */
export type Lacked = "limit" | "system" | undefined;

/** What a worker answers with. */
export type Answer = (
  | { readonly kind: "pixels"; readonly raster: Raster }
  /** A PNG that has the profile with it. */
  | { readonly kind: "encoded"; readonly encoded: Uint8Array<ArrayBuffer> }
  /** An error of libheif. */
  | { readonly kind: "refused"; readonly code: number; readonly message: string; readonly lacked: Lacked }
  /** The package could not be loaded. */
  | { readonly kind: "unloadable"; readonly message: string }
  /** An error of the system, such as a file that is not there any more. */
  | { readonly kind: "system"; readonly code: string; readonly syscall: string; readonly message: string }
  /** Anything else, behind which the decoder is not to be trusted. */
  | { readonly kind: "broken"; readonly message: string; readonly lacked: Lacked }
) & {
  /** What the decoder has taken, where it was more than it began with: it is given back when garbage is collected, or with the worker. */
  readonly heapBytes: number;
};
