import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { OpenedOriginal } from "../../contracts/storage.js";
import { pause } from "../pause.js";

const CHUNKS = 10;

/** What is opened ends early, and nothing tells so: as when a connection breaks and nobody compares the length. */
export async function truncate(opened: OpenedOriginal, fraction: number): Promise<OpenedOriginal> {
  const content = await contentOf(opened);
  const left = content.subarray(0, Math.floor(content.length * fraction));
  return replaced(opened, "bytes" in opened ? { bytes: left } : { stream: Readable.from([left]) });
}

/** What is opened comes in small pieces, with a wait before each: `ms` in all. */
export async function slowDown(opened: OpenedOriginal, ms: number): Promise<OpenedOriginal> {
  const content = await contentOf(opened);
  const size = Math.max(1, Math.ceil(content.length / CHUNKS));
  async function* pieces() {
    for (let at = 0; at < content.length; at += size) {
      await pause(ms / CHUNKS);
      yield content.subarray(at, at + size);
    }
  }
  return replaced(opened, { stream: Readable.from(pieces(), { objectMode: false }) });
}

/** What a caller would do, who never gets to see what was opened. */
export async function letGo(opened: OpenedOriginal): Promise<void> {
  if ("stream" in opened) opened.stream.destroy();
  await opened.release?.();
}

async function contentOf(opened: OpenedOriginal): Promise<Uint8Array> {
  if ("path" in opened) return readFile(opened.path);
  return "stream" in opened ? buffer(opened.stream) : opened.bytes;
}

function replaced({ release }: OpenedOriginal, by: { bytes: Uint8Array } | { stream: Readable }): OpenedOriginal {
  return release === undefined ? by : { ...by, release };
}
