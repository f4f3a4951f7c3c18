import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { afterAll, afterEach } from "vitest";
import { type HeicDecoder, type HeicOptions, heic } from "../../src/adapters/heic.js";
import type { DecodedFrame, FramesRequest } from "../../src/index.js";

/** Decoders and files of one test file, which are gone behind it. */
export function heicBench() {
  const folder = mkdtempSync(join(tmpdir(), "upload-processor-heic-"));
  const decoders: HeicDecoder[] = [];
  let count = 0;
  afterEach(async () => {
    await Promise.all(decoders.splice(0).map((decoder) => decoder.close()));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return {
    folder,
    file(bytes: Uint8Array): string {
      const path = join(folder, `${count++}.heic`);
      writeFileSync(path, bytes);
      return path;
    },
    decoder(options?: HeicOptions): HeicDecoder {
      const decoder = heic(options);
      decoders.push(decoder);
      return decoder;
    },
  };
}

const SIGNAL = new AbortController().signal;

/** The one frame of a file. */
export async function frameOf(
  decoder: HeicDecoder,
  path: string,
  request: Partial<FramesRequest> = {},
): Promise<DecodedFrame> {
  const whole = { max: 1, maxSide: 4096, limitPixels: 100_000_000, purpose: "vision", signal: SIGNAL } as const;
  const frames: DecodedFrame[] = [];
  for await (const frame of decoder.frames({ path }, Object.assign({}, whole, request))) frames.push(frame);
  const [frame] = frames;
  if (frame === undefined || frames.length > 1) throw new Error(`expected one frame, got ${frames.length}`);
  return frame;
}

export function probeOf(decoder: HeicDecoder, path: string) {
  return decoder.probe({ path }, { signal: SIGNAL });
}

/** A frame in sRGB, as the core sees it. */
export function imageOf(frame: DecodedFrame): Sharp {
  if ("encoded" in frame) return sharp(frame.encoded, { failOn: "warning" });
  const { pixels, width, height, channels } = frame;
  return sharp(pixels, { raw: { width, height, channels } });
}

/** The mean colours of its sixteenths, row by row, on white: what stands where. */
export async function sixteenths(image: Sharp): Promise<number[]> {
  const whole = await image.toColourspace("srgb").flatten({ background: "#fff" }).removeAlpha().png().toBuffer();
  const raw = await sharp(whole)
    .resize(4, 4, { fit: "fill", kernel: "linear", fastShrinkOnLoad: false })
    .raw()
    .toBuffer();
  return [...raw];
}

/** The mean colour, on white. */
export async function meanOf(image: Sharp): Promise<number[]> {
  const whole = await image.toColourspace("srgb").flatten({ background: "#fff" }).removeAlpha().png().toBuffer();
  return (await sharp(whole).stats()).channels.map(({ mean }) => mean);
}

/** The largest difference between two lists of the same length. */
export function distance(one: readonly number[], other: readonly number[]): number {
  if (one.length !== other.length) throw new Error(`${one.length} and ${other.length} numbers`);
  return Math.max(...one.map((value, index) => Math.abs(value - (other[index] ?? Number.NaN))));
}
