import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { extname } from "node:path";
import type { MediaDecoder } from "upload-processor";
import { ffmpeg } from "upload-processor/ffmpeg";
import { heic } from "upload-processor/heic";

const HEIC = [".heic", ".heif"];
const VIDEOS = [".mp4", ".mov", ".m4v", ".3gp", ".webm", ".mkv", ".avi", ".mts", ".m2ts", ".mpg"];

/** What this machine can decode beside the images that sharp does. */
export interface Decoders {
  readonly decoders: readonly MediaDecoder[];
  /** Of the files that they decode, by name. */
  readonly extensions: ReadonlySet<string>;
  /** What to install for a file of that name, or `null`. */
  readonly missingFor: (path: string) => string | null;
}

export function installedDecoders(): Decoders {
  const kinds = [
    {
      names: VIDEOS,
      make: ffmpeg,
      has: hasFfmpeg(),
      install: "videos need ffmpeg: apt-get install ffmpeg, brew install ffmpeg",
    },
    { names: HEIC, make: heic, has: hasLibheif(), install: "HEIC needs libheif: npm install libheif-js" },
  ];
  const installed = kinds.filter(({ has }) => has);
  return {
    decoders: installed.map(({ make }) => make()),
    extensions: new Set(installed.flatMap(({ names }) => names)),
    missingFor: (path) => kinds.find(({ has, names }) => !has && names.includes(extensionOf(path)))?.install ?? null,
  };
}

export function isVideo(path: string): boolean {
  return VIDEOS.includes(extensionOf(path));
}

function extensionOf(path: string): string {
  return extname(path).toLowerCase();
}

function hasFfmpeg(): boolean {
  return ["ffmpeg", "ffprobe"].every((name) => spawnSync(name, ["-version"], { stdio: "ignore" }).status === 0);
}

function hasLibheif(): boolean {
  try {
    createRequire(import.meta.url).resolve("libheif-js");
    return true;
  } catch {
    return false;
  }
}
