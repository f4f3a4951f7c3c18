import { heifKinds } from "./kinds-heif.js";
import { jpegKinds } from "./kinds-jpeg.js";
import { animationKinds, pngKinds } from "./kinds-png.js";
import { tiffKinds } from "./kinds-tiff.js";
import { tiffLayoutKinds } from "./kinds-tiff-layouts.js";

/** A kind of medium, with what it has to become. */
export interface Kind {
  readonly group: string;
  readonly name: string;
  readonly make: () => Buffer | Promise<Buffer>;
  /** `"completed"`, or the code of the error. */
  readonly outcome: string;
  /** Of the thumbnail, or what the message of the error has to say. */
  readonly shows: Shown | RegExp;
  readonly tolerance?: "lenient";
  /** The background; white otherwise. */
  readonly background?: string;
}

export interface Shown {
  readonly width: number;
  readonly height: number;
  /** Of red, green and blue, from 0 to 255. */
  readonly mean: readonly [number, number, number];
  /** What the figures come from. */
  readonly by: string;
  /** The program that can tell them again: it decodes the file by itself. */
  readonly decoder?: "convert" | "heif-convert";
}

export const kinds: readonly Kind[] = [
  ...jpegKinds,
  ...pngKinds,
  ...animationKinds,
  ...tiffKinds,
  ...tiffLayoutKinds,
  ...heifKinds,
];
