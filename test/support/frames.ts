import sharp from "sharp";
import type { DecodedFrame, FramesRequest, MediaDecoder } from "../../src/contracts/decoder.js";

type Pixels = Extract<DecodedFrame, { readonly pixels: Uint8Array }>;

const BY_DEFAULT = { max: 1, maxSide: 160, limitPixels: 100_000_000, purpose: "thumbnail" } as const;

/** All frames that a decoder gives. */
export async function framesOf(
  decoder: MediaDecoder,
  path: string,
  request: Partial<FramesRequest> = {},
): Promise<Pixels[]> {
  const { signal = new AbortController().signal } = request;
  const frames: Pixels[] = [];
  for await (const frame of decoder.frames({ path }, { ...BY_DEFAULT, ...request, signal })) {
    if (!("pixels" in frame)) throw new Error("a frame without pixels");
    frames.push(frame);
  }
  return frames;
}

/** Red, green and blue, on the average. */
export type Colour = readonly [red: number, green: number, blue: number];

export async function meanOf(
  { pixels, width, height, channels }: Pick<Pixels, "pixels" | "width" | "height" | "channels">,
  part?: { left: number; top: number; width: number; height: number },
): Promise<Colour> {
  const image = sharp(pixels, { raw: { width, height, channels } });
  const pixelsOfPart = part === undefined ? image : sharp(await image.extract(part).png().toBuffer());
  const { channels: found } = await pixelsOfPart.stats();
  const [red = 0, green = 0, blue = 0] = found.map(({ mean }) => mean);
  return [red, green, blue];
}

/** The largest difference of a channel. */
export function distance(one: Colour, other: Colour): number {
  return Math.max(...one.map((value, channel) => Math.abs(value - (other[channel] ?? Number.NaN))));
}
