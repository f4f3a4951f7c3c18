import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** How each answers `-version`. */
const GOOD = "ffmpeg version 5.1 Copyright (c) 2000-2022 the FFmpeg developers";

/** A script that stands for ffmpeg or ffprobe, run by Node itself. */
export function fakeBinary(folder: string, name: string, body: string, version = GOOD): string {
  const answer = `if (process.argv[2] === "-version") { console.log(${JSON.stringify(version)}); process.exit(); }`;
  return binaryOf(folder, name, `${answer}\n${body}`);
}

/** The same without an answer to `-version`. */
export function binaryOf(folder: string, name: string, body: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!${process.execPath}\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}
